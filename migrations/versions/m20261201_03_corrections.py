"""Corrections: spans that are left out of budgets, and who proposed and approved them"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "20261201_03"
down_revision = "20261201_02"

_TEXT = sqlmodel.sql.sqltypes.AutoString
_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "correction",
        sa.Column("id", _TEXT(), nullable=False),
        sa.Column("state", _TEXT(), nullable=False),
        sa.Column("version", _BIG, nullable=False),
        sa.Column("category", _TEXT(), nullable=False),
        sa.Column("reason", _TEXT(), nullable=False),
        sa.Column("service", _TEXT(), nullable=False),
        sa.Column("segment", sa.JSON(), nullable=False),
        sa.Column("starts", _TEXT(), nullable=False),
        sa.Column("ends", _TEXT(), nullable=False),
        sa.Column("zone", _TEXT(), nullable=False),
        sa.Column("rule", _TEXT(), nullable=False),
        sa.Column("first_us", _BIG, nullable=False),
        sa.Column("last_us", _BIG, nullable=True),
        sa.Column("proposed_by", _TEXT(), nullable=False),
        sa.Column("proposed_name", _TEXT(), nullable=False),
        sa.Column("proposed_record", _TEXT(), nullable=False),
        sa.Column("created_us", _BIG, nullable=False),
        sa.Column("expires_us", _BIG, nullable=False),
        sa.Column("decided_by", _TEXT(), nullable=False),
        sa.Column("decided_name", _TEXT(), nullable=False),
        sa.Column("decided_us", _BIG, nullable=True),
        sa.Column("decision_reason", _TEXT(), nullable=False),
        sa.Column("closed_by", _TEXT(), nullable=False),
        sa.Column("closed_name", _TEXT(), nullable=False),
        sa.Column("closed_us", _BIG, nullable=True),
        sa.Column("closing_reason", _TEXT(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
    )
    op.create_index(op.f("ix_correction_state"), "correction", ["state"])
    op.create_table(
        "correction_objective",
        sa.Column("correction_id", _TEXT(), nullable=False),
        sa.Column("objective_id", _TEXT(), nullable=False),
        sa.ForeignKeyConstraint(
            ["correction_id"],
            ["correction.id"],
            name=op.f("fk_correction_objective_correction_id"),
        ),
        sa.PrimaryKeyConstraint(
            "correction_id", "objective_id", name=op.f("pk_correction_objective")
        ),
    )
    op.create_index(
        op.f("ix_correction_objective_objective_id"), "correction_objective", ["objective_id"]
    )
