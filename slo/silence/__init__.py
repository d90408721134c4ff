"""Alerts on what does not arrive: a shop that fell silent, and sources that were not heard."""
