"""Attempts that did not begin: what the account of volume says, as evidence. Pure.

Asked for incidents whose alerts carry the label `silence` (a source, or "all").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from kernel.clock import MINUTE_US
from kernel.money import format_money
from triage.evidence.evidence import EvidenceBundle, Finding, Number
from triage.evidence.findings import clock_time

LABEL = "silence"
ALL_SOURCES = "all"
ALERT_NAME = "Silence"


class Interval(Protocol):
    """80 of 100 cases lie within low..high."""

    @property
    def low(self) -> int: ...
    @property
    def mid(self) -> int: ...
    @property
    def high(self) -> int: ...


class Volume(Protocol):
    """Attempts begun against expected ones over [from_us, to_us)."""

    @property
    def from_us(self) -> int: ...
    @property
    def to_us(self) -> int: ...
    @property
    def begun(self) -> int: ...
    @property
    def expected(self) -> Interval: ...
    @property
    def missing(self) -> Interval: ...
    @property
    def method(self) -> str: ...


class Missing(Protocol):
    """A volume, and what its missing attempts would have brought in minor units per currency."""

    @property
    def volume(self) -> Volume: ...
    @property
    def cost(self) -> Mapping[str, Interval]: ...


def source_of(labels: Mapping[str, str]) -> str | None:
    """The silent source ("" = all of them); None where no alert tells of silence."""
    told = labels.get(LABEL)
    return None if told is None else "" if told == ALL_SOURCES else told


def volume_finding(found: Missing, source: str, query: str) -> Finding:
    """Begun, expected, missing and its worth; all sources where `source` is ""."""
    told = found.volume
    since = clock_time(told.from_us)
    numbers: dict[str, Number] = {
        "onset_us": told.from_us,
        "until_us": told.to_us,
        "begun": told.begun,
        **_numbers("expected", told.expected),
        **_numbers("missing", told.missing),
        "begun_share": round(told.begun / max(1, told.expected.mid), 4),
        "method": told.method,
        "source": source,
    }
    worth = []
    for currency, one in found.cost.items():
        numbers |= {
            f"worth_{name}_minor_{currency}": minor
            for name, minor in (("low", one.low), ("mid", one.mid), ("high", one.high))
        }
        worth.append(format_money(one.mid, currency))
    summary = (
        f"{told.begun:,} attempts began since {since} UTC, about {told.expected.mid:,} are usual "
        f"({told.method}); missing: about {told.missing.mid:,} "
        f"({told.missing.low:,} to {told.missing.high:,})"
    )
    summary += f", worth about {' and '.join(worth)}" if worth else ""
    return Finding("volume", summary, numbers, query, told.from_us, told.to_us)


def missing_of(bundle: EvidenceBundle) -> dict[str, Any] | None:
    """The evidence's figures as the incident keeps them; None where nothing is known missing."""
    for piece in bundle.of_kind("volume"):
        n = piece.numbers
        prefix = "worth_mid_minor_"
        money = [
            {
                "currency": key.removeprefix(prefix),
                **{
                    f"{name}_minor": n[f"worth_{name}_minor_{key.removeprefix(prefix)}"]
                    for name in ("low", "mid", "high")
                },
            }
            for key in n
            if key.startswith(prefix)
        ]
        minutes = (int(n["until_us"]) - int(n["onset_us"])) / MINUTE_US
        sizes = {name: n[f"missing_{name}"] for name in ("low", "mid", "high")}
        return {**sizes, "money": money, "minutes": round(minutes, 2)}
    return None


def _numbers(name: str, one: Interval) -> dict[str, Number]:
    return {f"{name}_low": one.low, f"{name}_mid": one.mid, f"{name}_high": one.high}
