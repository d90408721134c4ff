"""Slack: one true message per incident, updated in place; clicks checked by code."""
