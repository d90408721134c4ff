"""Which change of ours, or what outside of us, can have caused the failure. Pure, no model."""
