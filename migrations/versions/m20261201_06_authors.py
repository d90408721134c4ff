"""By which names the sources of changes know people"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "20261201_06"
down_revision = "20261201_05"

_TEXT = sqlmodel.sql.sqltypes.AutoString


def upgrade() -> None:
    op.create_table(
        "author_identity",
        sa.Column("author", _TEXT(), nullable=False),
        sa.Column("person_id", _TEXT(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_author_identity_person_id")
        ),
        sa.PrimaryKeyConstraint("author", name=op.f("pk_author_identity")),
    )
    op.create_index(op.f("ix_author_identity_person_id"), "author_identity", ["person_id"])
