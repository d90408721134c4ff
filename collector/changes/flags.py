"""When does what a flag serves change? A state machine over evaluations. Pure.

The standard has events for evaluations and none for changes, so the change is found here. What a
flag serves is a mix: shares of variants. Evaluations are gathered into blocks of at least 20
contexts and 3 s. The first two blocks in a row that look alike are the known mix: a beginning is no
change. From then on a block that the known mix does not explain raises a doubt, and the doubt
becomes a change when blocks in a row look alike, together differ from the known mix beyond
chance (p <= 1e-6, hypergeometric tail of the variants that rose) and clearly: by 10 % of the
contexts. The change is dated to the first evaluation that served a risen variant within the doubt.

What keeps it from flapping: the known mix is fixed until a change is told (a slow drift adds up
until it is clear), a context counts once per variant and block (one busy user is one), and where
several variants are known already a shift must be larger and seen by 200 contexts: by 25 %, or by
35 % where rules choose by context (reason `targeting_match`), since who comes differs by the hour.
A percentage roll-out (reason `split`) needs 10 %, and no more contexts than chance asks for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from collector.changes.evaluations import Evaluation
from kernel.clock import MINUTE_US, SECOND_US

MIN_BLOCK: Final = 20
MIN_BLOCK_US: Final = 3 * SECOND_US
MAX_BLOCK: Final = 200
MIN_MOVED: Final = 10
NEARLY_ALL: Final = 0.95
OTHER: Final = "__other__"
_MAX_VARIANTS = 16
_MAX_KNOWN = 1_000
_MAX_DOUBT = 1_000
_LATE_US = 5 * MINUTE_US
_CERTAIN = 1e-6
_DOUBTFUL = 1e-2
_ALIKE = 1e-3
# How far shares must shift, and how many contexts must have shown it.
_OF_ONE = (0.10, MIN_MOVED)
_OF_SPLIT = (0.10, MIN_MOVED)
_OF_MIX = (0.25, 200)
_OF_TARGETED = (0.35, 200)

Mix = dict[str, int]


class Block(msgspec.Struct):
    """Evaluations gathered: contexts by variant, and the earliest time of each variant."""

    counts: Mix = {}
    first_us: dict[str, int] = {}
    contexts: list[str] = []
    from_us: int = 0
    until_us: int = 0

    @property
    def size(self) -> int:
        return sum(self.counts.values())


class FlagState(msgspec.Struct):
    """What is known of one flag. `known` is empty until its mix is settled.

    `doubt`: all blocks since the known mix stopped explaining them; `last`: the newest of these
    that look alike, together (while nothing is known: the newest block of all). `changed_us`: the
    newest change that was told.
    """

    known: Mix = {}
    block: Block = msgspec.field(default_factory=Block)
    doubt: Block | None = None
    last: Mix = {}
    is_split: bool = False
    is_targeted: bool = False
    version: str = ""
    seen_us: int = 0
    changed_us: int = 0


@dataclass(frozen=True)
class FlagChange:
    """What is served changed, at the first evidence of it. `contexts`: how many showed it."""

    at_us: int
    before: Mapping[str, int]
    after: Mapping[str, int]
    contexts: int
    version: str


def advance(state: FlagState, evaluations: Sequence[Evaluation]) -> list[FlagChange]:
    """Take in the evaluations of one flag that arrived together; `state` is changed in place.

    Their order does not matter: they are looked at by time.
    """
    changes: list[FlagChange] = []
    for one in sorted(evaluations):
        if one.at_us < max(state.seen_us - _LATE_US, state.changed_us):
            continue  # a backlog, or an export sent again: it says nothing about now
        state.seen_us = max(state.seen_us, one.at_us)
        _gather(state, one)
        block = state.block
        if block.size >= MIN_BLOCK and block.until_us - block.from_us >= MIN_BLOCK_US:
            changes += _close(state)
    return changes


def served(mix: Mapping[str, int]) -> str:
    """`on`, or `off 90 %, on 10 %` where no variant is served to nearly all."""
    total = sum(mix.values())
    ranked = sorted(mix.items(), key=lambda item: (-item[1], item[0]))
    if not total:
        return "nothing"
    if ranked[0][1] >= NEARLY_ALL * total:
        return ranked[0][0]
    return ", ".join(f"{name} {round(100 * count / total)} %" for name, count in ranked[:3])


def _gather(state: FlagState, one: Evaluation) -> None:
    block = state.block
    block.from_us = min(block.from_us or one.at_us, one.at_us)
    block.until_us = max(block.until_us, one.at_us)
    variant = _variant(state, one.variant)
    mark = f"{one.context}:{variant}" if one.context else ""
    if block.size >= MAX_BLOCK or (mark and mark in block.contexts):
        return
    if mark:
        block.contexts.append(mark)
    block.counts[variant] = block.counts.get(variant, 0) + 1
    block.first_us[variant] = min(block.first_us.get(variant, one.at_us), one.at_us)
    state.is_split = state.is_split or one.reason == "split"
    state.is_targeted = state.is_targeted or one.reason == "targeting_match"
    state.version = one.version or state.version


def _variant(state: FlagState, name: str) -> str:
    """Variants have names, values have none: beyond a bound they are one."""
    doubted = state.doubt.counts if state.doubt else {}
    met = {*state.known, *state.block.counts, *state.last, *doubted}
    return name if name in met or len(met) < _MAX_VARIANTS else OTHER


def _close(state: FlagState) -> list[FlagChange]:
    """The block is full: it is explained, it feeds the doubt, or it is the proof of a change."""
    block, state.block = state.block, Block()
    if not state.known:
        _learn(state, block)
        return []
    doubt = _together(state.doubt, block)
    if unlikely(state.known, doubt.counts) > _DOUBTFUL:
        if sum(state.known.values()) < _MAX_KNOWN:
            state.known = _sum(state.known, doubt.counts)
        state.doubt, state.last = None, {}
        return []
    after = _sum(state.last, block.counts)
    is_settled = state.doubt is not None and _is_alike(state.last, block.counts)
    if is_settled and _is_clear(state, after):
        now = _served_now(state, block, after)
        change = _change(state, doubt, now)
        state.known, state.doubt, state.last = now, None, {}
        state.changed_us = change.at_us
        return [change]
    is_over = doubt.size >= _MAX_DOUBT
    state.doubt = None if is_over else doubt
    # Too few contexts to be sure of a small shift: they are gathered while they look alike.
    state.last = {} if is_over else after if is_settled else block.counts
    return []


def _learn(state: FlagState, block: Block) -> None:
    if state.last and _is_alike(state.last, block.counts):
        state.known, state.last = _sum(state.last, block.counts), {}
    else:
        state.last = block.counts


def _is_clear(state: FlagState, after: Mapping[str, int]) -> bool:
    risen = _risen(state.known, after)
    moved = sum(after[name] for name in risen)
    shift = sum(_share(after, name) - _share(state.known, name) for name in risen)
    needed_shift, needed_contexts = _needed(state)
    return (
        moved >= MIN_MOVED
        and shift >= needed_shift
        and sum(after.values()) >= needed_contexts
        and unlikely(state.known, after) <= _CERTAIN
    )


def _needed(state: FlagState) -> tuple[float, int]:
    """How far a mix must shift to be told, and for how many: more, where it moves by itself."""
    if _is_nearly_one(state.known):
        return _OF_ONE
    if state.is_split:
        return _OF_SPLIT
    return _OF_TARGETED if state.is_targeted else _OF_MIX


def _is_nearly_one(mix: Mapping[str, int]) -> bool:
    """Whether one variant is served to nearly all."""
    return max(mix.values()) >= NEARLY_ALL * sum(mix.values())


def _served_now(state: FlagState, block: Block, after: Mix) -> Mix:
    """Of a flag that serves all alike the newest block alone: one before it holds the change."""
    is_mixing = state.is_split or state.is_targeted
    return block.counts if _is_nearly_one(block.counts) and not is_mixing else after


def _change(state: FlagState, doubt: Block, after: Mix) -> FlagChange:
    risen = _risen(state.known, after)
    at_us = min(doubt.first_us[name] for name in risen)
    return FlagChange(at_us, dict(state.known), dict(after), sum(after.values()), state.version)


def unlikely(known: Mapping[str, int], seen: Mapping[str, int]) -> float:
    """Chance that the variants that rose rise this far when both samples are of one mix.

    P(X >= x) of the hypergeometric distribution (Fisher's exact test, one-sided): of the N contexts
    of both samples K were served a risen variant, and x of these are among the n that were seen.
    """
    risen = _risen(known, seen)
    if not risen:
        return 1.0
    n, x = sum(seen.values()), sum(seen[name] for name in risen)
    total = n + sum(known.values())
    hits = x + sum(known.get(name, 0) for name in risen)
    base = _log_choose(total, n)
    return min(
        1.0,
        sum(
            math.exp(_log_choose(hits, k) + _log_choose(total - hits, n - k) - base)
            for k in range(x, min(n, hits) + 1)
            if n - k <= total - hits
        ),
    )


def _is_alike(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    return unlikely(one, other) > _ALIKE and unlikely(other, one) > _ALIKE


def _risen(known: Mapping[str, int], seen: Mapping[str, int]) -> list[str]:
    return [name for name in seen if _share(seen, name) > _share(known, name)]


def _share(mix: Mapping[str, int], name: str) -> float:
    total = sum(mix.values())
    return mix.get(name, 0) / total if total else 0.0


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> Mix:
    return {name: one.get(name, 0) + other.get(name, 0) for name in sorted({*one, *other})}


def _together(doubt: Block | None, block: Block) -> Block:
    """Both as one block, without the contexts: these are told apart within a block only."""
    if doubt is None:
        return Block(dict(block.counts), dict(block.first_us))
    first_us = dict(doubt.first_us)
    for name, at_us in block.first_us.items():
        first_us[name] = min(first_us.get(name, at_us), at_us)
    return Block(_sum(doubt.counts, block.counts), first_us)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
