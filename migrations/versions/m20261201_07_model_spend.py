"""What the model cost, per incident and per day"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "20261201_07"
down_revision = "20261201_06"

_TEXT = sqlmodel.sql.sqltypes.AutoString
_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "model_spend",
        sa.Column("scope", _TEXT(), nullable=False),
        sa.Column("key", _TEXT(), nullable=False),
        sa.Column("tokens", _BIG, nullable=False),
        sa.Column("cost_micros", _BIG, nullable=False),
        sa.Column("wall_ms", _BIG, nullable=False),
        sa.Column("calls", _BIG, nullable=False),
        sa.Column("updated_us", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("pk_model_spend")),
    )
    op.create_index(op.f("ix_model_spend_updated_us"), "model_spend", ["updated_us"])
