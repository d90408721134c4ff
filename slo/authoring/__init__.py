"""Objectives as code: check, import, export, and see what a change would mean."""
