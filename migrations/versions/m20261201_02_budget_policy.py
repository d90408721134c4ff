"""The budget policy: spans of incidents, postmortems, overrides, states told to the audit"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "20261201_02"
down_revision = "20261201_01"

_TEXT = sqlmodel.sql.sqltypes.AutoString
_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "policy_incident",
        sa.Column("incident_id", _TEXT(), nullable=False),
        sa.Column("number", _BIG, nullable=False),
        sa.Column("service", _TEXT(), nullable=False),
        sa.Column("objective_ids", sa.JSON(), nullable=False),
        sa.Column("onset_us", _BIG, nullable=False),
        sa.Column("resolved_us", _BIG, nullable=True),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_policy_incident")),
    )
    op.create_index(op.f("ix_policy_incident_onset_us"), "policy_incident", ["onset_us"])
    op.create_table(
        "postmortem",
        sa.Column("incident_id", _TEXT(), nullable=False),
        sa.Column("link", _TEXT(), nullable=False),
        sa.Column("by_id", _TEXT(), nullable=False),
        sa.Column("by_name", _TEXT(), nullable=False),
        sa.Column("at_us", _BIG, nullable=False),
        sa.Column("record", _TEXT(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_postmortem")),
    )
    op.create_table(
        "gate_override",
        sa.Column("id", _TEXT(), nullable=False),
        sa.Column("service", _TEXT(), nullable=False),
        sa.Column("reason", _TEXT(), nullable=False),
        sa.Column("by_id", _TEXT(), nullable=False),
        sa.Column("by_name", _TEXT(), nullable=False),
        sa.Column("created_us", _BIG, nullable=False),
        sa.Column("expires_us", _BIG, nullable=False),
        sa.Column("revoked_us", _BIG, nullable=True),
        sa.Column("revoked_by", _TEXT(), nullable=False),
        sa.Column("record", _TEXT(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gate_override")),
    )
    op.create_index(op.f("ix_gate_override_service"), "gate_override", ["service"])
    op.create_table(
        "policy_state",
        sa.Column("service", _TEXT(), nullable=False),
        sa.Column("state", _TEXT(), nullable=False),
        sa.Column("since_us", _BIG, nullable=False),
        sa.Column("record", _TEXT(), nullable=False),
        sa.PrimaryKeyConstraint("service", name=op.f("pk_policy_state")),
    )
