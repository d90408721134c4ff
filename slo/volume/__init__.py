"""How many attempts are usual at a time, and how many are missing: expected volume."""
