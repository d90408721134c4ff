"""What a sentence may say with what it bound: parts and wholes, sides, directions, causes. Pure.

Each figure of a sentence is true by `binding`; here code sees to it that it is told as what it is:
bad attempts as failing, those elsewhere as elsewhere, those before as before, the part before the
whole; and that nothing is called a cause, or no cause, against the verdict. The rules go by the
form of fields (`bad_out`, `total_before`, `change_us`), not by kinds of evidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from triage.brief.binding import Bound, Item, Unbound
from triage.brief.claims import Claim
from triage.brief.vocabulary import (
    CAUSAL,
    CHANGING,
    ELSEWHERE,
    FAILING,
    NEGATING,
    OTHER_THINGS,
    OUTSIDE,
    UNTELLABLE,
    USUALLY,
    WORKING,
)
from triage.evidence.evidence import Evidence, Verdict

_ENDS = frozenset({",", ";", ":", ".", "(", ")", "but", "while", "whereas", "and"})
_LATER = frozenset({"after", "later"})
_EARLIER = frozenset({"before", "earlier", "ahead", "prior"})
_FROM = frozenset({"since", "from", "after", "began", "started", "starting", "beginning"})
_UNTIL = frozenset({"until", "to", "ended", "ending", "ends", "before", "by"})
_STARTS = re.compile(r"onset_us|from_us|since_us|from|change_us|began_us|started_us")
_STOPS = re.compile(r"to_us|until_us|ended_us|to")
_WHOLES = frozenset({"total", "bad", "failing", "changes", "checkouts", "healthy"})
_ACTIVE = frozenset({"caused", "causes", "causing", "triggered", "triggers", "introduced", "led"})
# The cause comes after these.
_BY = frozenset({"because", "due", "attributed", "driven", "linked"})
_NOT_TAKEN = (["not", "taken"], ["not", "being", "taken"])


def check(claim: Claim, items: Sequence[Item], pieces: dict[str, Evidence], verdict: str) -> None:
    """Raises Unbound with the reason where the sentence says more than its evidence."""
    bound = [item for item in items if isinstance(item, Bound)]
    cited = [pieces[one] for one in claim.evidence_ids]
    _check_ids(claim, bound, cited)
    _check_subjects(bound)
    for clause in _clauses(items):
        _check_rows(clause)
        _check_sides(clause)
        _check_outcome(clause)
        _check_direction(clause)
    _check_parts(items)
    _check_things(items)
    _check_times(items)
    _check_money(claim, items)
    words = [item for item in items if isinstance(item, str)]
    if claim.kind == "cause":
        _check_cause(words, bound, cited, verdict)
        _check_way(items)
    elif claim.kind == "not_cause":
        _check_not_cause(words, bound, cited, verdict)
    elif claim.kind == "cannot_tell":
        _check_cannot_tell(words, bound, verdict)
    else:
        _check_plain(claim.kind, words, bound)


def _check_ids(claim: Claim, bound: Sequence[Bound], cited: Sequence[Evidence]) -> None:
    """Every piece that is named is used, or is the one that holds the verdict it speaks of."""
    used = {one.piece.id for one in bound}
    judging = claim.kind in {"cause", "not_cause", "cannot_tell"}
    for piece in cited:
        if piece.id not in used and not (judging and "verdict" in piece.numbers):
            raise Unbound("names evidence that it takes nothing from")


def _clauses(items: Sequence[Item]) -> Iterator[list[Item]]:
    clause: list[Item] = []
    for item in items:
        if isinstance(item, str) and item in _ENDS:
            yield clause
            clause = []
        else:
            clause.append(item)
    yield clause


def _words(clause: Sequence[Item]) -> set[str]:
    return {item for item in clause if isinstance(item, str)}


def _figures(clause: Sequence[Item]) -> list[Bound]:
    """What is counted or measured: no names, no times of day, no distance in time to an onset."""
    return [
        item
        for item in clause
        if isinstance(item, Bound)
        and not (item.is_name or item.is_time or item.field.startswith("before_s"))
    ]


def _side(field: str) -> str:
    if field.endswith("_out"):
        return "elsewhere"
    usual = re.search(r"(?:^|_)(?:before|healthy|usual|expected|baseline)(?:_|\Z)", field)
    return "usually" if usual else "here"


def _check_sides(clause: Sequence[Item]) -> None:
    words = _words(clause)
    told = {
        "elsewhere": bool(words & ELSEWHERE),
        "usually": bool(words & USUALLY),
    }
    for figure in _figures(clause):
        side = _side(figure.field)
        if side != "here" and not told[side]:
            raise Unbound(f"{figure.ref.said!r} is of what is {side}, which it does not say")
        if any(is_told for other, is_told in told.items() if other != side):
            raise Unbound(f"{figure.ref.said!r} is not of what the sentence says it is of")


def _check_subjects(bound: Sequence[Bound]) -> None:
    """Counts beside a name are of that name: both stand in one piece."""
    named = {one.piece.id for one in bound if one.is_name}
    for one in bound:
        if named and (one.is_count or one.is_share) and one.piece.id not in named:
            raise Unbound(f"{one.ref.said!r} is not told of what the sentence names")


def _check_rows(clause: Sequence[Item]) -> None:
    """What stands together is of one row of a list: `operation_2` goes with `self_ms_2` alone."""
    bound = [item for item in clause if isinstance(item, Bound)]
    for one in bound:
        peers = [other for other in bound if other.piece.id == one.piece.id]
        if one.row and any(other.row not in {"", one.row} for other in peers):
            raise Unbound(f"{one.ref.said!r} is of another row than what it stands beside")
        owner = re.sub(r"_(?:count|share)\Z", "", one.ref.field)
        owned = owner != one.ref.field and isinstance(one.piece.numbers.get(owner), str)
        if owned and any(other.is_name and other.ref.field != owner for other in peers):
            raise Unbound(f"{one.ref.said!r} is not the count of what it stands beside")


def _check_outcome(clause: Sequence[Item]) -> None:
    """A whole is not said to fail, and what failed not to work."""
    words = _words(clause)
    wholes = {id(whole) for _, whole in _pairs(clause)}
    for figure in _figures(clause):
        is_whole = figure.field.startswith(("total", "checkouts")) or figure.field == "healthy"
        is_whole = is_whole or f"error_{figure.ref.field}" in figure.piece.numbers
        if is_whole and id(figure) not in wholes and words & FAILING:
            raise Unbound(f"{figure.ref.said!r} are all, not those that fail")
        is_bad = figure.field.startswith(("bad", "share", "failing", "error"))
        if is_bad and words & WORKING and _side(figure.field) == "here":
            raise Unbound(f"{figure.ref.said!r} are those that fail, not those that work")


def _check_things(items: Sequence[Item]) -> None:
    """Attempts are counted, not deploys or services: `41 of 46 deploys` counts something else."""
    for item, after in pairwise(items):
        if not isinstance(item, Bound) or after not in OTHER_THINGS:
            continue
        if item.field.startswith(("bad", "total")) and item.is_count:
            raise Unbound(f"{item.ref.said!r} are not {after}")


def _pairs(items: Sequence[Item]) -> Iterator[tuple[Bound, Bound]]:
    """`A of B`, `A of the B`, `A out of B`."""
    for place, item in enumerate(items):
        if not isinstance(item, Bound):
            continue
        after = [one for one in items[place + 1 : place + 5] if one not in {"the", "out", "all"}]
        if len(after) >= 2 and after[0] == "of" and isinstance(after[1], Bound):
            yield item, after[1]


def _check_parts(items: Sequence[Item]) -> None:
    for part, whole in _pairs(items):
        if part.is_name and whole.is_name:
            fits = whole.field.endswith("service") and not part.field.endswith("service")
        elif part.is_count and whole.is_count:
            fits = _is_part(part, whole)
        else:
            # A share of a count (`89 % of 46`), or a count of a name.
            fits = not part.is_name and (whole.is_name or (part.is_share and _same(part, whole)))
        if not fits or part.piece.id != whole.piece.id:
            raise Unbound(f"{part.ref.said!r} is no part of {whole.ref.said!r}")


def _is_part(part: Bound, whole: Bound) -> bool:
    if float(part.value) > float(whole.value) or part.field.startswith("total"):
        return False
    whole_of_bad = part.ref.field.replace("bad", "total", 1)
    if part.field.startswith("bad") and whole.ref.field == whole_of_bad:
        return True
    if whole.ref.field == part.ref.field.removeprefix("error_") != part.ref.field:
        return True
    counted = part.field.endswith(("_count", "_traces")) or part.field == "blamed"
    return counted and whole.field in _WHOLES


def _same(share: Bound, whole: Bound) -> bool:
    return share.ref.field.replace("share", "total", 1) == whole.ref.field


def _check_times(items: Sequence[Item]) -> None:
    for before, item in pairwise(items):
        if not isinstance(item, Bound) or not item.is_time or not isinstance(before, str):
            continue
        if before in _FROM and not _STARTS.fullmatch(item.field):
            raise Unbound(f"nothing began at {item.ref.said!r}")
        if before in _UNTIL and not _STOPS.fullmatch(item.field):
            raise Unbound(f"nothing ended at {item.ref.said!r}")


def _check_direction(clause: Sequence[Item]) -> None:
    """`before_s` of 40 is before, of -40 after."""
    words = _words(clause)
    for item in clause:
        if not isinstance(item, Bound) or item.field != "before_s":
            continue
        right, wrong = (_EARLIER, _LATER) if float(item.value) >= 0 else (_LATER, _EARLIER)
        if not words & right or words & wrong:
            raise Unbound(f"{item.ref.said!r} is told in the wrong direction")


def _check_money(claim: Claim, items: Sequence[Item]) -> None:
    for place, item in enumerate(items):
        if not isinstance(item, Bound):
            continue
        if item.currency and claim.kind != "cost":
            raise Unbound("money is told by a claim of kind cost alone")
        rate = "per_min" in item.field
        after = list(items[place + 1 : place + 3])
        told = after in (
            ["per", "minute"],
            ["a", "minute"],
            ["each", "minute"],
            ["every", "minute"],
        )
        if rate != told:
            raise Unbound(f"{item.ref.said!r} is {'' if rate else 'not '}per minute")


def _check_plain(kind: str, words: Sequence[str], bound: Sequence[Bound]) -> None:
    """Facts: nothing is denied, nothing is called a cause, and what the kind is about is there."""
    if CAUSAL & set(words):
        raise Unbound("speaks of a cause in a claim of another kind")
    denying = [word for word in words if word in NEGATING]
    if denying and not (kind == "cost" and denying == ["not"] and _says_not_taken(words)):
        raise Unbound(f"denies something: {denying[0]!r}")
    needed = {
        "what_fails": bool(FAILING & set(words)) and bool(bound),
        "since": any(one.is_time for one in bound),
        "where": any(one.is_name for one in bound),
        "cost": any(one.currency for one in bound),
    }
    if not needed.get(kind, False):
        raise Unbound(f"has nothing that a claim of kind {kind[:20]!r} needs")


def _says_not_taken(words: Sequence[str]) -> bool:
    at = words.index("not")
    return any(list(words[at : at + len(form)]) == form for form in _NOT_TAKEN)


def _is_change(piece: Evidence) -> bool:
    return "change_us" in piece.numbers or "before_s" in piece.numbers


def _check_cause(
    words: Sequence[str], bound: Sequence[Bound], cited: Sequence[Evidence], verdict: str
) -> None:
    said = set(words)
    if verdict == Verdict.CANNOT_TELL:
        raise Unbound("the verdict is that the cause cannot be told")
    if said & NEGATING or not said & CAUSAL:
        raise Unbound("a claim of kind cause names a cause and denies nothing")
    changes = [piece for piece in cited if _is_change(piece)]
    named = [one for one in bound if one.is_name]
    if verdict == Verdict.CHANGE_OF_OURS:
        if said & OUTSIDE or any(not one.piece.numbers.get("blamed") for one in named):
            raise Unbound("the verdict blames something else")
        if any(not piece.numbers.get("blamed") for piece in changes):
            raise Unbound("the verdict blames another change")
        if not changes and not said & CHANGING:
            raise Unbound("the verdict is a change of ours, which it does not name")
        return
    if changes or said & CHANGING or not named:
        raise Unbound("the verdict is that no change of ours explains this")
    if any("segment" not in one.piece.numbers for one in named):
        raise Unbound("what it names is not what the failures follow")


def _check_way(items: Sequence[Item]) -> None:
    """The cause causes; it is not caused: `the deploy caused`, `caused by the deploy`."""
    blamed = next((place for place, item in enumerate(items) if isinstance(item, Bound)), -1)
    if blamed < 0:
        blamed = next(place for place, item in enumerate(items) if item in CHANGING)
    for place, item in enumerate(items):
        follows = items[place + 1] if place + 1 < len(items) else ""
        passive = item in _BY or (item in _ACTIVE and follows == "by")
        if (passive and blamed < place) or (item in _ACTIVE and not passive and blamed > place):
            raise Unbound("turns cause and effect around")


def _check_not_cause(
    words: Sequence[str], bound: Sequence[Bound], cited: Sequence[Evidence], verdict: str
) -> None:
    if sum(word in NEGATING for word in words) != 1 or set(words) & UNTELLABLE:
        raise Unbound("a claim of kind not_cause denies one thing")
    if verdict == Verdict.CANNOT_TELL:
        raise Unbound("the verdict is that the cause cannot be told")
    changes = [piece for piece in cited if _is_change(piece)]
    if any(piece.numbers.get("blamed") for piece in changes):
        raise Unbound("the verdict blames what it clears")
    if not changes:
        if verdict != Verdict.NOT_A_CHANGE_OF_OURS or not set(words) & CHANGING:
            raise Unbound("the verdict does not clear what it clears")
        if any(one.is_name for one in bound):
            raise Unbound("the verdict does not clear what it names")
    elif not any(one.is_name and _is_change(one.piece) for one in bound):
        raise Unbound("does not name the change that it clears")


def _check_cannot_tell(words: Sequence[str], bound: Sequence[Bound], verdict: str) -> None:
    if verdict != Verdict.CANNOT_TELL:
        raise Unbound("the verdict has been told")
    said = set(words)
    denied = [word for word in words if word in NEGATING or word in UNTELLABLE]
    if len(denied) != 1 or not said & UNTELLABLE or bound:
        raise Unbound("a claim of kind cannot_tell says that and nothing else")
