"""Signed daily counts: which record of the audit log closed a sender's day"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "20261125_01"
down_revision = "20261122_01"


def upgrade() -> None:
    op.create_table(
        "daily_count",
        sa.Column("day", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("sender", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("record_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("day", "sender", name=op.f("pk_daily_count")),
    )
