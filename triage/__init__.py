"""Alerts in, incidents, evidence, briefs, the model client and Slack."""
