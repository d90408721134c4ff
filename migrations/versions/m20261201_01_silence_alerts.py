"""Alerts on what does not arrive: their kind, source, headline and what they rest on"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "20261201_01"
down_revision = "20261125_01"


def upgrade() -> None:
    text = sqlmodel.sql.sqltypes.AutoString()
    with op.batch_alter_table("burn_alert") as table:
        table.add_column(sa.Column("kind", text, nullable=False, server_default="burn"))
        table.add_column(sa.Column("source", text, nullable=False, server_default=""))
        table.add_column(sa.Column("title", text, nullable=False, server_default=""))
        table.add_column(sa.Column("numbers", sa.JSON(), nullable=False, server_default="{}"))
