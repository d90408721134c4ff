"""What may be done and who allowed it: catalogue, proposals, approvals, actions, recovery."""
