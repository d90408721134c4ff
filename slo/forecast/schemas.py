"""The JSON of a forecast."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class ForecastOut(BaseModel):
    """How long the budget lasts.

    `state`: `ends` (spent after `at_pace_s` at this pace), `lasts` (not within `ahead_s`), `spent`,
    or `unknown` (`reason` says why). `low_s` and `high_s` are the 80 % interval, null where there
    is none; a null `high_s` beside a `low_s` means: not within `ahead_s`. A null `low_s` beside
    `interval` true: neither end lies within it.
    """

    model_config = ConfigDict(frozen=True)
    state: Literal["ends", "lasts", "spent", "unknown"]
    sentence: str
    reason: str
    at_pace_s: float | None
    interval: bool
    low_s: float | None
    high_s: float | None
    ahead_s: int
    burning: bool
    method: str
