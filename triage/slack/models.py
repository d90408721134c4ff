"""What is remembered of Slack: which message belongs to which incident, and what was read."""

from __future__ import annotations

from sqlmodel import Field, SQLModel

from kernel.database import BigInt


class SlackMessageRow(SQLModel, table=True):
    """The incident's one message. `wanted` grows with each change, `sent` follows it.

    `asked_us`: when its card was first put up; `held`: it has none, there were too many at once.
    """

    __tablename__ = "slack_message"
    incident_id: str = Field(primary_key=True)
    channel: str = ""
    ts: str = Field(default="", index=True)
    wanted: int = Field(default=0, sa_type=BigInt)
    sent: int = Field(default=0, sa_type=BigInt)
    thread_revision: int = 0
    asked_us: int = Field(default=0, sa_type=BigInt, index=True)
    held: bool = False


class SlackCursorRow(SQLModel, table=True):
    """How far the journal's slack stream has been read; `tries` of the click that comes next."""

    __tablename__ = "slack_cursor"
    one: int = Field(default=1, primary_key=True)
    position: int = Field(default=0, sa_type=BigInt)
    tries: int = 0
