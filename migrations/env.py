"""How Alembic reaches the control database: the engine is handed in by `app.stores`."""

from __future__ import annotations

from alembic import context

from app.tables import METADATA

with context.config.attributes["engine"].connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_as_batch=True,
        compare_type=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
