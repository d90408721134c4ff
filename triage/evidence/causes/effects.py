"""What a change can do to a running system, read from its diff. Pure; no language is run or parsed.

Each effect names the ways of failing that it can bring about and how likely (0-1) it breaks
something. A rewrite that keeps every form has no effect; neither have words, tests and looks.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from triage.evidence.causes.diff import Edit, Line, code_of, tokens
from triage.evidence.causes.features import CALL, FORMS, LOOP, Form
from triage.evidence.causes.literals import (
    level_in,
    numbers_in,
    switch_in,
    without_durations,
    without_values,
)
from triage.evidence.causes.modes import Mode

_M = Mode


@dataclass(frozen=True)
class Effect:
    """`text` says it to people; `old` and `new` are values where a setting changed."""

    text: str
    harm: float
    modes: frozenset[Mode]
    old: float | None = None
    new: float | None = None


@dataclass(frozen=True)
class _Knob:
    """A kind of setting: what lowering and raising it can break, with the likelihood."""

    words: re.Pattern[str]
    lowered: float
    raised: float
    lowered_modes: frozenset[Mode]
    raised_modes: frozenset[Mode]


def _knob(
    words: str, lowered: float, raised: float, down: Sequence[Mode], up: Sequence[Mode]
) -> _Knob:
    pattern = re.compile(words, re.IGNORECASE)
    return _Knob(pattern, lowered, raised, frozenset(down), frozenset(up))


# First match counts: the narrower kinds stand first.
_KNOBS = (
    _knob(r"\blive|probe|readiness|failureThreshold|\bstartup", 0.9, 0.3,
          [_M.CRASH, _M.TARGET], [_M.SLOW, _M.TARGET]),
    _knob(r"idle|keep_?alive|health|probe|interval|period|refresh", 0.45, 0.3,
          [_M.LOAD, _M.POOL, _M.TARGET, _M.CPU], [_M.POOL, _M.WRONG, _M.TARGET]),
    _knob(r"ttl|expir|max_?age|freshness", 0.9, 0.45,
          [_M.CACHE, _M.DATABASE, _M.LOAD, _M.ACCESS, _M.SLOW, _M.CPU],
          [_M.WRONG, _M.MEMORY, _M.CACHE]),
    _knob(r"leeway|(?<!max)skew|tolerance|grace", 0.9, 0.3,
          [_M.ACCESS, _M.WRONG, _M.TIMEOUT], [_M.WRONG]),
    _knob(r"back_?off|delay|jitter|cool_?down", 0.75, 0.4,
          [_M.LOAD, _M.LIMITED, _M.CPU], [_M.SLOW, _M.TIMEOUT, _M.QUEUE]),
    _knob(r"retr|attempt|"
    r"tries", 0.4, 0.75, [_M.TIMEOUT, _M.TARGET], [_M.LOAD, _M.LIMITED, _M.SLOW]),
    _knob(r"timeout|deadline|budget|patience|wait", 0.9, 0.5,
          [_M.TIMEOUT, _M.TARGET], [_M.SLOW, _M.POOL, _M.HANDLES, _M.QUEUE]),
    _knob(r"batch|page|fetch|prefetch|chunk|fan_?out|parallel|concurren", 0.5, 0.75,
          [_M.SLOW, _M.QUEUE, _M.LOAD],
          [_M.MEMORY, _M.DATABASE, _M.LOAD, _M.CPU, _M.TIMEOUT, _M.LIMITED]),
    _knob(r"sampl|verbos|log", 0.2, 0.85, [_M.WRONG], [_M.LOGGING, _M.DISK, _M.CPU, _M.LOAD]),
    _knob(r"pool|conn|max_?open|slots", 0.95, 0.35,
          [_M.POOL, _M.TIMEOUT, _M.SLOW], [_M.POOL, _M.DATABASE, _M.HANDLES]),
    _knob(r"memory|heap|\bmem\b|xmx|cpu|replica|instances|resources|limits|gomaxprocs|min_?size",
          0.9, 0.25, [_M.MEMORY, _M.CPU, _M.CRASH, _M.SLOW, _M.LOAD], [_M.MEMORY]),
    _knob(r"rate|quota|qps|rps|burst|bucket", 0.8, 0.5,
          [_M.LIMITED, _M.QUEUE], [_M.LOAD, _M.LIMITED, _M.DATABASE]),
    _knob(r"size|max|min|limit|capacity|buffer|entries|queue|worker|thread|depth|length|count|"
    r"bytes",
          0.75, 0.45, [_M.QUEUE, _M.SLOW, _M.LIMITED, _M.FORMAT, _M.CACHE, _M.CRASH],
          [_M.MEMORY, _M.SLOW, _M.DISK]),
)  # fmt: skip
_OTHER = _knob(r"", 0.4, 0.4, [_M.WRONG, _M.ACCESS, _M.FORMAT], [_M.WRONG, _M.ACCESS, _M.FORMAT])
_SWITCH_MODES = frozenset({_M.WRONG, _M.CRASH, _M.SLOW, _M.FORMAT, _M.ACCESS, _M.CACHE, _M.TIMEOUT})
_TARGET = re.compile(
    r"[\"'`](?:[a-z]+://[^\"'`]+|[a-z][\w-]*(?:\.[a-z][\w-]*)+(?::\d+)?(?:/[^\"'`]*)?|/[\w/{}:-]+|"
    r"[a-z][\w-]+:\d{2,5})[\"'`]",
    re.IGNORECASE,
)
_CONSTANT = re.compile(r"\b[A-Z][A-Z0-9_]{3,}\b")
_SAYING = re.compile(
    r"log(?:ger|ging|f)?\b|print|errorf|errors\.new|http\.error|writeerror|message|\bmsg\b|"
    r"describe|title",
    re.IGNORECASE,
)
_VALUE = re.compile(
    r"(?<![\w.$])\d|\b(?:true|false|on|off|debug|info|warn|error|trace)\b", re.IGNORECASE
)
_NAMED = re.compile(r"([A-Za-z_][\w.-]*)[\"']?\s*(?::=|=|:|\()\s*[\"']?(\d[^,;)}\]]*)")
_SCHEDULE = re.compile(r"[\"'][^\"']*\*[^\"']*[\"']")
_GIVEN = re.compile(r"([A-Za-z_][\w.-]*)[\"']?\s*(?::=|[:=(])[^:=(]*$")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|`[^`]*`")
_STEP_HARM = {"major": 0.75, "minor": 0.2, "patch": 0.04}
_VERSION = re.compile(r"(?<![\d.])(?P<major>\d+)\.(?P<minor>\d+)\.(?P<patch>\d+)")
_ARITHMETIC = re.compile(
    r"\bround|floor|ceil|math\.|decimal|float|(?<=[\w)])\s*[*/+-]\s*(?=[\w(])", re.IGNORECASE
)
_SETTING = re.compile(r"[\s\"'-]*[\w.-]+[\"']?\s*[:=]\s*[^\s({=][^({]*")
_NESTED = re.compile(r"\([^)\n]*[+*][^)\n]*\)[+*]|\(\.\*\)[+*]")


def effects_of(edit: Edit) -> list[Effect]:
    """Everything that the change can do, the most harmful first."""
    found = [*_settings(edit), *_forms(edit), *_loops(edit), *_targets(edit)]
    found += [*_sums(edit), *_versions(edit)]
    found.sort(key=lambda one: (-one.harm, one.text))
    return found


def _settings(edit: Edit) -> Iterator[Effect]:
    for old, new in edit.pairs:
        if _SAYING.search(without_values(old)) and not level_in(new):
            continue
        one = _level(old, new) or _switch(old, new)
        yield from (one,) if one is not None else _numbers(old, new)


def _level(old: str, new: str) -> Effect | None:
    before, after = level_in(old), level_in(new)
    if before is None or after is None or before == after:
        return None
    more = after > before
    text = f"{_key(new)}: {'more' if more else 'less'} is logged"
    return Effect(text, 0.9 if more else 0.1, frozenset({_M.LOGGING, _M.DISK, _M.CPU, _M.LOAD}))


def _switch(old: str, new: str) -> Effect | None:
    before, after = switch_in(old), switch_in(new)
    if before is None or after is None or before == after:
        return None
    return Effect(f"{_key(new)} is switched {'on' if after else 'off'}", 0.6, _SWITCH_MODES)


def _numbers(old: str, new: str) -> Iterator[Effect]:
    """Values that were lowered or raised: by how much, and of what kind."""
    if _SCHEDULE.search(old):
        return
    before, after = _named_values(old), _named_values(new)
    changed = [
        (name, was, after[name]) for name, was in before.items() if after.get(name, was) != was
    ]
    if not changed:
        values = numbers_in(old), numbers_in(new)
        if len(values[0]) == len(values[1]) == 1 and values[0] != values[1]:
            changed = [(_key(new), values[0][0], values[1][0])]
    for name, was, now in changed:
        yield _step(name, f"{name} {' '.join(_names(old))}", was, now)


def _step(name: str, words: str, was: float, now: float) -> Effect:
    knob = next((one for one in _KNOBS if one.words.search(words)), _OTHER)
    lowered = now < was
    harm = (knob.lowered if lowered else knob.raised) * _size(was, now)
    modes = knob.lowered_modes if lowered else knob.raised_modes
    verb = "lowered" if lowered else "raised"
    return Effect(f"{name} is {verb} from {was:g} to {now:g}", harm, modes, was, now)


def _named_values(code: str) -> dict[str, float]:
    """Each value in the line by the name that it is given to."""
    found: dict[str, float] = {}
    for match in _NAMED.finditer(code):
        values = numbers_in(match[2])
        if values:
            found.setdefault(match[1], values[0])
    return found


def _size(was: float, now: float) -> float:
    """0-1: a factor of four or more is all of it; nothing to something is all too."""
    if was <= 0 or now <= 0:
        return 1.0
    return min(1.0, abs(math.log(now) - math.log(was)) / math.log(4))


def _names(code: str) -> list[str]:
    return [word for word in tokens(without_values(code)) if word[0].isalpha() or word[0] == "_"]


def _key(code: str) -> str:
    """What the value is called: the name that it is given to, or the call that it is handed to."""
    head = _VALUE.split(code, maxsplit=1)[0]
    given = _GIVEN.search(head)
    if given is not None:
        return given.group(1)[:60]
    names = _names(code)
    return names[0][:60] if names else code[:40]


def _forms(edit: Edit) -> Iterator[Effect]:
    """Forms of which there are fewer or more than before, or the same number of other ones."""
    old, new = edit.old_text, edit.new_text
    fresh = not old.strip()
    for form in FORMS:
        difference = len(form.pattern.findall(new)) - len(form.pattern.findall(old))
        if difference < 0 and form.lost[0]:
            yield Effect(form.lost[1], form.lost[0], form.modes)
        elif difference > 0 and form.gained[0]:
            yield Effect(form.gained[1], _gained(form, new, fresh=fresh), form.gained_modes)
        elif form.changed[0] and _is_other(form, edit):
            yield Effect(form.changed[1], form.changed[0], form.modes)


def _gained(form: Form, new: str, *, fresh: bool) -> float:
    """Code that only came is called by nobody yet more often than a line within other code; a
    setting that came counts at once.
    """
    if form.name == "pattern" and _NESTED.search(new):
        return 0.95
    waits = fresh and not all(_SETTING.fullmatch(line) for line in new.split("\n"))
    return min(0.95, form.gained[0] * (0.6 if waits else 1.0))


def _is_other(form: Form, edit: Edit) -> bool:
    """A line of this form was rewritten in more than its names."""
    return any(
        form.pattern.search(old) and form.pattern.search(new) and not _is_renaming(old, new)
        for old, new in edit.pairs
    )


def _is_renaming(old: str, new: str) -> bool:
    """The lines are equal but for one name."""
    before, after = tokens(old), tokens(new)
    other = {pair for pair in zip(before, after, strict=False) if pair[0] != pair[1]}
    return (
        len(before) == len(after)
        and len(other) <= 1
        and all(was.isidentifier() and now.isidentifier() for was, now in other)
    )


def _loops(edit: Edit) -> Iterator[Effect]:
    """More calls that leave the process stand in loops than before."""
    if _calls_in_loops(edit.lines, "+") > _calls_in_loops(edit.lines, "-"):
        modes = {_M.SLOW, _M.DATABASE, _M.LOAD, _M.TIMEOUT, _M.POOL, _M.CPU, _M.LIMITED}
        yield Effect("a call is made in a loop", 0.9, frozenset(modes))


def _calls_in_loops(lines: Sequence[Line], sign: str) -> int:
    """Lines with such a call below a loop, in the code as it was ("-") or is ("+")."""
    loops: list[int] = []
    found = 0
    for line in lines:
        code = code_of(line.text)
        if not code or line.sign not in {" ", sign}:
            continue
        indent = len(line.text) - len(line.text.lstrip())
        while loops and indent <= loops[-1]:
            loops.pop()
        found += bool(loops and CALL.search(code))
        if LOOP.search(code):
            loops.append(indent)
    return found


def _targets(edit: Edit) -> Iterator[Effect]:
    """An address, topic, table or field that is another one now, or spelled in another way."""
    modes = frozenset({_M.TARGET, _M.FORMAT, _M.QUEUE, _M.WRONG, _M.ACCESS, _M.CACHE})
    for old, new in edit.pairs:
        if _SAYING.search(old):
            continue
        quoted = _QUOTED.findall(old), _QUOTED.findall(new)
        if sorted(quoted[0]) == sorted(quoted[1]):
            other = []
        else:
            other = [pair for pair in zip(*quoted, strict=False) if pair[0] != pair[1]]
        if any(_bare(was) == _bare(now) for was, now in other):
            yield Effect(f"{_key(new)} is of another version", 0.25, modes)
        elif any(_TARGET.fullmatch(was) and _TARGET.fullmatch(now) for was, now in other):
            yield Effect(f"{_key(new)} points elsewhere", 0.7, modes)
        elif any(_is_word(was) and _is_word(now) for was, now in other):
            yield Effect(f"{_key(new)} is called otherwise", 0.7, modes)
        elif _is_constant_respelled(old, new):
            yield Effect("a name that others may know is spelled in another way", 0.75, modes)


def _bare(quoted: str) -> str:
    return re.sub(r"\d+", "#", quoted)


def _is_word(quoted: str) -> bool:
    return bool(re.fullmatch(r"[\"'`][A-Za-z_][\w-]{1,40}[\"'`]", quoted))


def _is_constant_respelled(old: str, new: str) -> bool:
    """`CANCELED,` became `CANCELLED,`: a constant's own name, or the text of a tag."""
    was, now = (_CONSTANT.findall(line) for line in (old, new))
    return len(was) == len(now) == 1 and was != now and not _names_but(old, was[0])


def _names_but(code: str, constant: str) -> list[str]:
    return [name for name in tokens(code) if name[0].isalpha() and name != constant]


def _sums(edit: Edit) -> Iterator[Effect]:
    """What was computed is computed from the same things in another way."""
    old, new = (_reckoning(text) for text in (edit.old_text, edit.new_text))
    if old and new and old != new:
        yield Effect("an amount is computed in another way", 0.6, frozenset({_M.WRONG}))


def _reckoning(code: str) -> Counter[str]:
    bare = _QUOTED.sub("", without_durations(code))
    return Counter("".join(sign.split()).lower() for sign in _ARITHMETIC.findall(bare))


def _step_of(was: re.Match[str], now: re.Match[str]) -> str:
    return next((part for part in ("major", "minor") if was[part] != now[part]), "patch")


def _versions(edit: Edit) -> Iterator[Effect]:
    """A dependency in another version: a major step may break, a patch hardly ever does."""
    for old, new in edit.pairs:
        was, now = _VERSION.search(old), _VERSION.search(new)
        if was is None or now is None or was.groups() == now.groups():
            continue
        step = _step_of(was, now)
        harm = _STEP_HARM[step] + (0.15 if step == "minor" and was["major"] == "0" else 0.0)
        modes = {_M.FORMAT, _M.CRASH, _M.WRONG, _M.SLOW, _M.ACCESS, _M.TARGET, _M.MEMORY, _M.POOL}
        yield Effect(f"a dependency makes a {step} step", harm, frozenset(modes))
