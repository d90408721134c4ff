"""The brief: what code can say by itself, and what of a model's answer survives the checks."""
