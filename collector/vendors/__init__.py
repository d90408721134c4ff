"""Vendors' status pages: what they say of themselves, read from where they say it."""
