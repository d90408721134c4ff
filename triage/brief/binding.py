"""Binds each figure and each name of a sentence to the one field of evidence that it says. Pure.

A model tells beside its sentence what it took from where: `{said, evidence_id, field}`. Each `said`
must stand in the sentence exactly as often as it is told, and must be that field's value in the
form that the field has (a share in percent, minor units as money, microseconds as a time of day).
What is left of the sentence may hold words of the closed list only. So a figure, a name, a time or
an id that was changed in any one place no longer fits the others, and the sentence falls.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from kernel.clock import from_us
from kernel.money import exponent
from triage.brief.claims import Claim, Ref
from triage.brief.vocabulary import SENTENCE_WORDS
from triage.evidence.evidence import Evidence, Number

MAX_REFS = 12
MAX_SAID = 64
_AMOUNT = r"(?P<whole>[1-9]\d{0,2}(?:,\d{3})+|\d{1,15})(?:\.(?P<fraction>\d{1,6}))?"
_COUNT = re.compile(rf"{_AMOUNT}\Z")
_SHARE = re.compile(rf"{_AMOUNT}\s?(?:%|percent)\Z")
_MONEY = re.compile(rf"(?:(?P<before>[A-Z]{{3}})\s)?{_AMOUNT}(?:\s(?P<after>[A-Z]{{3}}))?\Z")
_DURATION = re.compile(rf"{_AMOUNT}\s?(?P<unit>ms|s|seconds?|min|minutes?|h|hours?)\Z")
_CLOCK = re.compile(r"(?:(\d{4}-\d\d-\d\d) )?(\d\d:\d\d(?::\d\d)?)(?: UTC)?\Z")
_SHARES = re.compile(r"share|explained|risk_difference")
_SECONDS_OF = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_WORST_ROUNDING = 0.1
_WORD = re.compile(r"[A-Za-z]+(?:'[a-z]+)?")
_MARKS = frozenset(" ,.;:()-'\"/")
_UNIT_WORDS = frozenset(
    {"percent", "point", "points", "seconds", "minutes", "minute", "hour", "hours", "times", "time"}
)


@dataclass(frozen=True, eq=False)
class Bound:
    """A figure or name in a sentence, with the field that it says and the field's value."""

    ref: Ref
    piece: Evidence
    value: Number

    @property
    def field(self) -> str:
        """The field without its place: `operation_2` is `operation`."""
        return re.sub(r"_\d{1,3}\Z", "", self.ref.field)

    @property
    def row(self) -> str:
        """The place of the field in a list of its piece: `2` of `operation_2`; "" for none."""
        found = re.search(r"_(\d{1,3})(?:_[a-z]+)?\Z", self.ref.field)
        return found[1] if found else ""

    @property
    def is_name(self) -> bool:
        """True for a text, False for a figure."""
        return isinstance(self.value, str)

    @property
    def is_time(self) -> bool:
        """True for a time of day."""
        return self.ref.field.endswith("_us") or self.ref.field in {"from", "to"}

    @property
    def currency(self) -> str:
        """`EUR` for money, else ""."""
        return currency_of(self.ref.field)

    @property
    def is_duration(self) -> bool:
        """True for milliseconds, seconds and minutes."""
        return not self.is_name and _unit_s(self.ref.field) is not None

    @property
    def is_share(self) -> bool:
        """True for what is told in percent."""
        return not self.is_name and not self.currency and bool(_SHARES.search(self.ref.field))

    @property
    def is_count(self) -> bool:
        """True for a bare number."""
        return not (
            self.is_name or self.is_time or self.currency or self.is_duration or self.is_share
        )


Item = str | Bound


class Unbound(Exception):
    """Why a sentence does not hang together with what it says it took. Never leaves the checks."""


def bind(claim: Claim, pieces: Mapping[str, Evidence]) -> Sequence[Item]:
    """The sentence as words (lower case), marks and bound parts. Raises Unbound."""
    if len(claim.refs) > MAX_REFS:
        raise Unbound(f"more than {MAX_REFS} references")
    if unknown := [one for one in claim.evidence_ids if one not in pieces]:
        raise Unbound(f"unknown evidence id {unknown[0][:20]!r}")
    found = {}
    for ref in claim.refs:
        if ref.evidence_id not in claim.evidence_ids:
            raise Unbound(f"refers to {ref.evidence_id[:20]!r}, which it does not name")
        found[ref] = _bound(ref, pieces)
    return _split(claim.text, found, claim.refs)


def _bound(ref: Ref, pieces: Mapping[str, Evidence]) -> Bound:
    piece = pieces[ref.evidence_id]
    edges: dict[str, Number] = {"from": piece.from_us, "to": piece.to_us}
    value = {**edges, **piece.numbers}.get(ref.field)
    if value is None:
        raise Unbound(f"there is no {ref.field[:40]!r} in the evidence it names")
    if not 0 < len(ref.said) <= MAX_SAID or not _says(ref.said, ref.field, value):
        raise Unbound(f"{ref.said[:40]!r} is not what {ref.field[:40]!r} says")
    return Bound(ref, piece, value)


def _split(text: str, found: Mapping[Ref, Bound], refs: Sequence[Ref]) -> Sequence[Item]:
    """Cut the text at what is bound; each `said` is there as often as it is told."""
    told = Counter(ref.said for ref in refs)
    spans: list[tuple[int, int, Ref]] = []
    for said in sorted(told, key=lambda one: (-len(one), one)):
        # Of several refs with one `said` each place takes the next in order.
        waiting = [ref for ref in refs if ref.said == said]
        places = [
            match.span()
            for match in _places(said, text)
            if not any(match.start() < end and start < match.end() for start, end, _ in spans)
        ]
        if len(places) != told[said]:
            raise Unbound(f"{said[:40]!r} stands {len(places)} times, told {told[said]} times")
        spans += [(*place, ref) for place, ref in zip(places, waiting, strict=True)]
    items: list[Item] = []
    at = 0
    for start, end, ref in sorted(spans, key=lambda span: span[0]):
        items += _free(text[at:start])
        items.append(found[ref])
        at = end
    items += _free(text[at:])
    _refuse_units(items)
    return items


def _places(said: str, text: str) -> list[re.Match[str]]:
    pattern = rf"(?<![\w.,:/+%-]){re.escape(said)}(?![\w%+/]|[.,:-]\w)"
    return list(re.finditer(pattern, text, re.IGNORECASE))


def _free(text: str) -> list[Item]:
    """Words and marks of what is not bound; anything else is refused."""
    items: list[Item] = []
    at = 0
    while at < len(text):
        match = _WORD.match(text, at)
        if match is None:
            if text[at] not in _MARKS:
                raise Unbound(f"{text[at : at + 20]!r} is bound to nothing")
            items += [] if text[at] == " " else [text[at]]
            at += 1
            continue
        word = match.group()
        if word.lower().removesuffix("'s") not in SENTENCE_WORDS:
            raise Unbound(f"{word[:40]!r} is no word of ours and bound to nothing")
        items.append(word.lower())
        at = match.end()
    return items


def _refuse_units(items: Sequence[Item]) -> None:
    """`41 percent` with only `41` bound says something else than 41."""
    for item, after in pairwise(items):
        if isinstance(item, Bound) and not item.is_name and after in _UNIT_WORDS:
            raise Unbound(f"the unit after {item.ref.said!r} is bound to nothing")


def _says(said: str, field: str, value: Number) -> bool:
    """True where `said` is this field's value in the form that the field has."""
    if isinstance(value, str):
        return _is_name(said, field, value)
    if field.endswith("_us") or field in {"from", "to"}:
        return _is_time(said, int(value))
    if currency := currency_of(field):
        match = _MONEY.match(said)
        told = (match["before"] or "") + (match["after"] or "") if match else ""
        return told == currency and _equals(match, value / 10 ** exponent(currency))
    if (unit_s := _unit_s(field)) is not None:
        match = _DURATION.match(said)
        if match is None:
            return False
        told_s = _SECONDS_OF["ms" if match["unit"] == "ms" else match["unit"][0]]
        return _equals(match, abs(value) * unit_s / told_s)
    if _SHARES.search(field):
        return value >= 0 and _equals(_SHARE.match(said), value * 100, whole=100)
    return value >= 0 and _equals(_COUNT.match(said), value, exact=isinstance(value, int))


def _is_name(said: str, field: str, value: str) -> bool:
    names = {value}
    if field in {"segment", "best"}:
        for part in value.split(", "):
            names |= {part, part.partition("=")[2] or part}
    return said.casefold() in {name.casefold() for name in names}


def _is_time(said: str, at_us: int) -> bool:
    match = _CLOCK.match(said)
    if match is None:
        return False
    day, clock = match.groups()
    truth = from_us(at_us)
    form = "%H:%M:%S" if len(clock) == 8 else "%H:%M"
    return clock == truth.strftime(form) and day in {None, truth.strftime("%Y-%m-%d")}


def _equals(
    match: re.Match[str] | None, truth: float, *, exact: bool = False, whole: float = 0
) -> bool:
    """Within half of the last digit written, and never rounded to nothing, nor to all (`whole`)."""
    if match is None:
        return False
    fraction = match["fraction"] or ""
    told = float(f"{match['whole'].replace(',', '')}.{fraction or '0'}")
    if exact or not told or told == whole:
        return abs(told - truth) <= 1e-9 * max(1.0, told)
    off = abs(told - truth)
    return off <= 0.5 * 10.0 ** -len(fraction) + 1e-9 * told and off <= _WORST_ROUNDING * abs(truth)


def currency_of(field: str) -> str:
    """`EUR` of `lost_minor_EUR`; "" where the field is no money."""
    return field.rpartition("_")[2] if "minor_" in field else ""


def _unit_s(field: str) -> float | None:
    """Seconds in one unit of the field; None where it is no duration."""
    if field.endswith("_ms") or "_ms_" in field:
        return 0.001
    if field.endswith("_s"):
        return 1.0
    return 60.0 if field == "minutes" else None
