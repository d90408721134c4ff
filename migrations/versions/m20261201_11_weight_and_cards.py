"""Why an incident has its severity, and which have no Slack card of their own"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "20261201_11"
down_revision = "20261201_07"


def upgrade() -> None:
    text = sqlmodel.sql.sqltypes.AutoString()
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    with op.batch_alter_table("incident") as table:
        table.add_column(sa.Column("severity_why", text, nullable=False, server_default=""))
    with op.batch_alter_table("slack_message") as table:
        table.add_column(sa.Column("asked_us", big, nullable=False, server_default="0"))
        table.add_column(sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.create_index(op.f("ix_slack_message_asked_us"), ["asked_us"])
