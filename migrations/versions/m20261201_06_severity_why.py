"""Why an incident has its severity"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "20261201_06"
down_revision = "20261201_05"


def upgrade() -> None:
    text = sqlmodel.sql.sqltypes.AutoString()
    with op.batch_alter_table("incident") as table:
        table.add_column(sa.Column("severity_why", text, nullable=False, server_default=""))
