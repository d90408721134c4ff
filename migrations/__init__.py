"""Alembic: one history for all features. Run by `tillwatch db upgrade` and at the start of `serve`."""
