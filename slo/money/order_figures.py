"""Conversion and average order value of one objective's units, with the week before beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from kernel.clock import DAY_US, rfc3339
from slo.ledger import LedgerReader, Sums
from slo.ledger_view import COVERAGE_FLOOR, LedgerView
from slo.money import words
from slo.money.answer import takes_money
from slo.money.conversion import (
    average_minor,
    change,
    completed_in,
    conversion,
    units_of,
    why_not,
)
from slo.money.schemas import ConversionOut, ConversionWindowOut, OrderValueOut

WINDOWS_S: Mapping[str, int] = {"1h": 3600, "1d": 86_400, "7d": 604_800}
WEEK_US = 7 * DAY_US


@dataclass(frozen=True)
class _Span:
    """Sums of a span and how much of it was observed (0 before the sources were first heard)."""

    sums: Sums
    coverage: Fraction

    @property
    def observed(self) -> bool:
        return self.coverage >= COVERAGE_FLOOR


def order_figures(reader: LedgerReader, view: LedgerView) -> ConversionOut:
    """The answer for the newest hour, day and week; all end at the watermark."""
    reason = why_not(view.objective)
    method = words.CONVERSION_METHOD if not reason else ""
    return ConversionOut(
        of=units_of(view.objective),
        method=f"{method} {words.ORDER_VALUE_METHOD}".strip(),
        reason=reason,
        windows=[_window(reader, view, name) for name in WINDOWS_S],
    )


def _window(reader: LedgerReader, view: LedgerView, name: str) -> ConversionWindowOut:
    from_us, to_us = view.from_us(WINDOWS_S[name]), view.end_us
    now = _span(reader, view, from_us, to_us)
    before = _span(reader, view, from_us - WEEK_US, to_us - WEEK_US)
    counted, earlier = conversion(now.sums), conversion(before.sums)
    note = _note(view, now, before)
    told = now.observed and not view.no_data and not why_not(view.objective)
    ratio = counted.ratio if told else None
    comparable = ratio is not None and earlier.ratio is not None and not note
    return ConversionWindowOut(
        window=name,
        start=rfc3339(max(0, from_us)),
        to=rfc3339(to_us),
        completed=counted.completed,
        ended=counted.ended,
        ratio=None if ratio is None else float(ratio),
        coverage=float(now.coverage),
        week_before=float(earlier.ratio) if comparable and earlier.ratio is not None else None,
        change=float(ratio - earlier.ratio) if ratio and comparable and earlier.ratio else None,
        note=note,
        order_values=_order_values(view, now, None if note else before),
    )


def _span(reader: LedgerReader, view: LedgerView, from_us: int, to_us: int) -> _Span:
    objective = view.objective
    if from_us <= 0:
        return _Span(Sums(), Fraction(0))
    seen = reader.coverage(view.sources, from_us, to_us, objective.max_gap_s)
    elapsed = reader.elapsed(view.sources, from_us, to_us)
    return _Span(reader.sums(objective, from_us, to_us), seen * elapsed)


def _note(view: LedgerView, now: _Span, before: _Span) -> str:
    if view.no_data:
        return f"not told: {view.no_data}"
    if not now.observed:
        return "not told: this span was observed for less than 90 %"
    if not before.observed:
        return "not compared: the week before was observed for less than 90 %"
    return ""


def _order_values(view: LedgerView, now: _Span, before: _Span | None) -> list[OrderValueOut]:
    found = []
    slow = not takes_money(view.objective)
    for currency in sorted(now.sums.money):
        value_minor, orders = completed_in(now.sums, currency, slow=slow)
        average = average_minor(value_minor, orders)
        parts = completed_in(before.sums, currency, slow=slow) if before else (0, 0)
        earlier = average_minor(*parts)
        more = change(average, earlier)
        found.append(
            OrderValueOut(
                currency=currency,
                orders=orders,
                value_minor=value_minor,
                average_minor=None if average is None else round(average),
                week_before_minor=None if earlier is None else round(earlier),
                change=None if more is None else float(more),
            )
        )
    return found
