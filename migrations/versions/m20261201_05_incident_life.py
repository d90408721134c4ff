"""What people decide about an incident: severity, silence, who has it, split, merged, dismissed"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "20261201_05"
down_revision = "20261201_04"

_TEXTS = (
    "severity_by",
    "severity_reason",
    "taken_by",
    "handover_note",
    "silenced_by",
    "silence_reason",
    "resolution",
    "resolution_reason",
)
_NUMBERS = (
    "severity_weight",
    "severity_step",
    "impact_step",
    "silence_step",
    "merged_into",
    "split_from",
)
_RATES = ("money_rate", "order_rate")
_WEIGHTS = "CASE severity WHEN 'critical' THEN 2 WHEN 'major' THEN 1 ELSE 0 END"


def upgrade() -> None:
    text = sqlmodel.sql.sqltypes.AutoString()
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    with op.batch_alter_table("incident") as table:
        for name in _TEXTS:
            table.add_column(sa.Column(name, text, nullable=False, server_default=""))
        for name in _NUMBERS:
            table.add_column(sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
        for name in _RATES:
            table.add_column(sa.Column(name, sa.Float(), nullable=False, server_default="0"))
        table.add_column(sa.Column("silenced_us", big, nullable=False, server_default="0"))
        table.add_column(sa.Column("silenced_until_us", big, nullable=True))
        table.add_column(sa.Column("left_out", sa.JSON(), nullable=False, server_default="{}"))
        table.create_index(op.f("ix_incident_merged_into"), ["merged_into"])
    op.execute(f"UPDATE incident SET severity_weight = {_WEIGHTS}")
    op.execute("UPDATE incident SET taken_by = acknowledged_by")
