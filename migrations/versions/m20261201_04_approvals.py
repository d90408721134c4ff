"""Approvals: their evidence, who made the change, why one is held, and the switch that stops all"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "20261201_04"
down_revision = "20261201_03"

_TEXT = sqlmodel.sql.sqltypes.AutoString
_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("approval") as table:
        table.add_column(sa.Column("evidence", sa.JSON(), nullable=False, server_default="{}"))
        for name in ("change_author", "change_author_id", "held_for"):
            table.add_column(sa.Column(name, _TEXT(), nullable=False, server_default=""))
        table.add_column(sa.Column("rungs", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "execution_switch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", _BIG, nullable=False),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.Column("reason", _TEXT(), nullable=False),
        sa.Column("person_id", _TEXT(), nullable=False),
        sa.Column("person_name", _TEXT(), nullable=False),
        sa.Column("at_us", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_execution_switch")),
    )
