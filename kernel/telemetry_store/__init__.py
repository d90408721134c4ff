"""The telemetry store port and its engines."""
