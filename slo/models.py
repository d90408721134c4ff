"""Control tables of slo: alerts."""

from __future__ import annotations

from typing import Any

from sqlmodel import JSON, Column, Field, SQLModel

from kernel.database import BigInt


class BurnAlertRow(SQLModel, table=True):
    """One burn alert, open or closed. Times in UTC microseconds.

    `open_key` names objective, segment and kind while the alert is open and is empty (NULL)
    afterwards: unique, so that no second alert can be open for the same thing. `covers` is the
    segment as widened by later fires that share labels with it.

    `kind`: `burn`, or `silence` and `no_data` of `slo.silence`, which name a `source` ("" = all),
    count `bad` as missing of `total` expected attempts, and keep in `numbers` what they rest on.
    """

    __tablename__ = "burn_alert"
    id: str = Field(primary_key=True)
    objective_id: str = Field(index=True)
    open_key: str | None = Field(default=None, unique=True)
    state: str = Field(default="open", index=True)
    service: str
    tier: str
    page: bool
    segment: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    covers: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    opened_us: int = Field(sa_type=BigInt)
    onset_us: int = Field(sa_type=BigInt)
    last_fire_us: int = Field(sa_type=BigInt)
    closed_us: int | None = Field(default=None, sa_type=BigInt)
    reason: str
    close_reason: str = ""
    bad: int = Field(sa_type=BigInt)
    total: int = Field(sa_type=BigInt)
    burn_rate: float
    busiest: int = Field(default=0, sa_type=BigInt)
    kind: str = Field(default="burn")
    source: str = ""
    title: str = ""
    numbers: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
