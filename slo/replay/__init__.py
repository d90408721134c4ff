"""Deciding again what was decided: months of counts through today's (or tomorrow's) rules."""
