"""Finds what broke, for whom and since when, by counting. No model, no network."""
