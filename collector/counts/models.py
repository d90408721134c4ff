"""Control table of the daily counts."""

from __future__ import annotations

from sqlmodel import Field, SQLModel


class DailyCountRow(SQLModel, table=True):
    """A closed day of a sender; the signed count itself is the payload of the audit record."""

    __tablename__ = "daily_count"
    day: str = Field(primary_key=True)
    sender: str = Field(primary_key=True)
    record_id: str
