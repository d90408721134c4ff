"""From the bytes of a runbook file to a `Runbook`: strict, and all faults at once.

A file is YAML front matter between two lines `---`, then Markdown. Nothing in the Markdown can
be executed. Duplicate keys, anchors and unknown fields are refused: what is reviewed is what runs.
"""

from __future__ import annotations

import hashlib
import re
import string
from typing import Any
from urllib.parse import urlsplit

from kernel.errors import BadInput
from kernel.strict_json import decode_utf8
from runbooks.careful_yaml import load_yaml
from runbooks.fields import Faults, Fields, kind_of
from runbooks.runbook import (
    FlagCall,
    HttpCall,
    HttpPrecondition,
    MatchRule,
    Param,
    Runbook,
    Step,
    StepKind,
    Tier,
    VendorContact,
    Verification,
)

MAX_BYTES = 64 * 1024
ID = r"[a-z0-9][a-z0-9-]{0,79}"
_LABEL = r"[A-Za-z_][A-Za-z0-9_.]{0,79}"
_PARAM = r"[a-z][a-z0-9_]{0,39}"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_KINDS = tuple(kind.value for kind in StepKind)
_TIERS = tuple(tier.value for tier in Tier)
_UNIT_S = {"s": 1, "m": 60, "h": 3600}


def parse(data: bytes, name: str) -> Runbook:
    """Read one file. Raises BadInput whose `problems` list every fault as {path, reason}."""
    front, body = _split(data, name)
    try:
        loaded = load_yaml(front)
    except BadInput as error:
        raise _whole(name, error.message) from None
    faults = Faults()
    fields = Fields(loaded, "", faults)
    runbook = Runbook(
        id=fields.text("id", required=True, pattern=ID),
        title=fields.text("title", required=True),
        owner=fields.text("owner", required=True),
        match=_match_rules(fields),
        min_weight=fields.integer("min_weight", low=1, high=1000, default=1),
        propose=fields.text("propose", pattern=ID),
        vendors=_vendors(fields),
        steps=_steps(fields),
        sha256=hashlib.sha256(data).hexdigest(),
        body=body,
    )
    fields.done()
    if runbook.propose and runbook.step(runbook.propose) is None:
        faults.add("propose", f"there is no step {runbook.propose!r}")
    faults.raise_any(f"runbook {name}")
    return runbook


def _split(data: bytes, name: str) -> tuple[str, str]:
    if len(data) > MAX_BYTES:
        raise _whole(name, f"is {len(data)} bytes, at most {MAX_BYTES} are allowed")
    try:
        text = decode_utf8(data)
    except BadInput as error:
        raise _whole(name, error.message) from None
    found = re.match(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*\r?$\n?", text, re.DOTALL | re.MULTILINE)
    if found is None:
        raise _whole(name, "must begin with YAML front matter between two lines of ---")
    return found.group(1), text[found.end() :]


def _whole(name: str, reason: str) -> BadInput:
    problem = {"path": "$", "reason": reason}
    return BadInput(f"runbook {name} cannot be used: {reason}", problems=[problem])


def _match_rules(fields: Fields) -> tuple[MatchRule, ...]:
    rules = []
    items = fields.items("match", required=True)
    if fields.has("match") and not items:
        fields.faults.add(fields.at("match"), "needs at least one rule, else it never matches")
    for index, item in enumerate(items):
        rule = Fields(item, f"match[{index}]", fields.faults)
        rules.append(
            MatchRule(
                label=rule.text("label", required=True, pattern=_LABEL),
                values=rule.texts("values", required=True),
                required=rule.truth("required", default=False),
                weight=rule.integer("weight", low=0, high=100, default=1),
            )
        )
        rule.done()
    return tuple(rules)


def _vendors(fields: Fields) -> tuple[VendorContact, ...]:
    vendors = []
    for index, item in enumerate(fields.items("vendors")):
        vendor = Fields(item, f"vendors[{index}]", fields.faults)
        vendors.append(
            VendorContact(
                name=vendor.text("name", required=True),
                status_page=vendor.text("status_page", pattern=r"https://\S+"),
                support=vendor.text("support"),
            )
        )
        vendor.done()
    return tuple(vendors)


def _steps(fields: Fields) -> tuple[Step, ...]:
    steps: list[Step] = []
    for index, item in enumerate(fields.items("steps", required=True)):
        read = Fields(item, f"steps[{index}]", fields.faults)
        step = _step(read)
        if step.id and any(step.id == other.id for other in steps):
            fields.faults.add(read.at("id"), f"the step {step.id!r} stands twice")
        steps.append(step)
    if not steps and fields.has("steps"):
        fields.faults.add("steps", "needs at least one step")
    return tuple(steps)


def _step(fields: Fields) -> Step:
    kind = StepKind(fields.one_of("kind", _KINDS))
    if fields.raw("kind") not in _KINDS:
        return _step_of_no_kind(fields)
    params = _params(fields)
    names = {param.name for param in params}
    step = Step(
        id=fields.text("id", required=True, pattern=ID),
        title=fields.text("title", required=True),
        kind=kind,
        tier=Tier(fields.one_of("tier", _TIERS)),
        params=params,
        customer_effect=fields.truth("customer_effect", default=True),
        flag=_flag(fields, names) if kind is StepKind.FLAG else None,
        http=_http(fields, "http", names) if kind is StepKind.HTTP else None,
        instructions=_instructions(fields, names) if kind is StepKind.MANUAL else "",
        precondition=_precondition(fields, names) if kind is StepKind.HTTP else None,
        verify=_verification(fields, names),
        **_undo(fields, kind, names),
    )
    if kind is not StepKind.MANUAL and step.tier is Tier.R4:
        fields.faults.add(fields.at("tier"), "R4 is never executed by us: make the step manual")
    fields.done()
    return step


def _step_of_no_kind(fields: Fields) -> Step:
    """Without a kind nothing can be said about the rest: one fault instead of ten that follow."""
    return Step(fields.text("id", required=True, pattern=ID), "", StepKind.MANUAL, Tier.R4)


def _params(fields: Fields) -> tuple[Param, ...]:
    params = []
    for name, value in fields.entries("params").items():
        read = Fields(value, f"{fields.at('params')}.{name}", fields.faults)
        if not re.fullmatch(_PARAM, name):
            fields.faults.add(read.path, f"the name does not match {_PARAM}")
        type_ = read.one_of("type", ("choice", "string", "int"))
        if type_ == "choice":
            params.append(_choice(name, read))
        elif type_ == "string":
            params.append(_string(name, read))
        else:
            params.append(_int(name, read))
        read.done()
    return tuple(params)


def _choice(name: str, read: Fields) -> Param:
    param = Param(
        name=name,
        type="choice",
        choices=read.texts("choices"),
        choices_from=read.text("choices_from", pattern=_LABEL),
        lookup=_lookup(read),
        not_label=read.text("not_label", pattern=_LABEL),
        pattern=_pattern(read, required=read.has("choices_from")),
        default=read.text("default") or None,
    )
    if bool(param.choices) == bool(param.choices_from):
        read.faults.add(read.path, "needs either choices or choices_from")
    if param.lookup and not param.choices_from:
        read.faults.add(read.at("lookup"), "stands in for a missing choices_from label only")
    if param.default is not None and param.choices and param.default not in param.choices:
        read.faults.add(read.at("default"), f"{param.default!r} is not among the choices")
    return param


def _lookup(read: Fields) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for label, table in read.entries("lookup").items():
        rows = table if isinstance(table, dict) else {}
        if not rows or not all(
            isinstance(key, str) and isinstance(value, str) for key, value in rows.items()
        ):
            read.faults.add(
                f"{read.at('lookup')}.{label}", "must map texts to texts: quote words like NO"
            )
            continue
        found[label] = dict(rows)
    return found


def _string(name: str, read: Fields) -> Param:
    pattern = _pattern(read, required=True)
    default = read.text("default", required=True)
    if pattern and default and not re.fullmatch(pattern, default):
        read.faults.add(read.at("default"), f"{default!r} does not match {pattern}")
    return Param(name=name, type="string", pattern=pattern, default=default)


def _int(name: str, read: Fields) -> Param:
    bound = 2**53
    if not (read.has("min") and read.has("max") and read.has("default")):
        read.faults.add(read.path, "an int needs min, max and default")
    low = read.integer("min", low=-bound, high=bound)
    high = read.integer("max", low=-bound, high=bound)
    if low > high:
        read.faults.add(read.at("min"), f"{low} is above max {high}")
        high = low
    default = read.integer("default", low=low, high=high, default=low)
    return Param(name=name, type="int", minimum=low, maximum=high, default=default)


def _pattern(read: Fields, *, required: bool) -> str:
    pattern = read.text("pattern", required=required)
    try:
        re.compile(pattern)
    except re.error as error:
        read.faults.add(read.at("pattern"), f"is not a regular expression: {error}")
        return ""
    return pattern


def _flag(fields: Fields, names: set[str]) -> FlagCall:
    read = Fields(fields.raw("flag", required=True) or {}, fields.at("flag"), fields.faults)
    key = read.text("key", required=True, pattern=r"[A-Za-z0-9._{}-]{1,200}")
    _placeholders(key, read.at("key"), names, fields.faults)
    value = read.raw("value", required=True)
    if isinstance(value, str):
        _placeholders(value, read.at("value"), names, fields.faults)
    elif value is None or not isinstance(value, bool | int):
        read.faults.add(read.at("value"), f"must be a text, number or truth, is {kind_of(value)}")
        value = ""
    read.done()
    return FlagCall(key=key, value=value)


def _http(fields: Fields, name: str, names: set[str]) -> HttpCall:
    read = Fields(fields.raw(name, required=True) or {}, fields.at(name), fields.faults)
    method = read.one_of("method", _METHODS)
    url = _url(read, names)
    body = read.entries("body") if read.has("body") else None
    if body is not None:
        _check_body(body, read.at("body"), names, read.faults)
        if method == "GET":
            read.faults.add(read.at("body"), "a GET has no body")
    success = []
    for index, status in enumerate(read.items("success")):
        if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 299:
            read.faults.add(f"{read.at('success')}[{index}]", "must be a status of 200 to 299")
        else:
            success.append(status)
    read.done()
    return HttpCall(method, url, body, tuple(success) or (200, 201, 202, 204))


def _url(read: Fields, names: set[str]) -> str:
    url = read.text("url", required=True, pattern=r"https?://[^\s\\@#]+")
    _placeholders(url, read.at("url"), names, read.faults)
    try:
        host = urlsplit(url).netloc
    except ValueError:
        host = "{"
    if "{" in host or "}" in host:
        read.faults.add(read.at("url"), "the host must be written out, without a parameter")
    return url


def _check_body(value: Any, path: str, names: set[str], faults: Faults) -> None:
    if isinstance(value, dict):
        for key, child in value.items():
            _check_body(child, f"{path}.{key}", names, faults)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            _check_body(child, f"{path}[{index}]", names, faults)
    elif isinstance(value, str):
        _placeholders(value, path, names, faults)
    elif value is not None and not isinstance(value, bool | int):
        faults.add(path, f"must be a text, whole number or truth, is {kind_of(value)}")


def _instructions(fields: Fields, names: set[str]) -> str:
    text = fields.text("instructions", required=True)
    _placeholders(text, fields.at("instructions"), names, fields.faults)
    return text


def _precondition(fields: Fields, names: set[str]) -> HttpPrecondition | None:
    if not fields.has("precondition"):
        return None
    read = Fields(fields.raw("precondition"), fields.at("precondition"), fields.faults)
    found = HttpPrecondition(
        url=_url(read, names), status=read.integer("status", low=200, high=599, default=200)
    )
    read.done()
    return found


def _undo(fields: Fields, kind: StepKind, names: set[str]) -> dict[str, Any]:
    if not fields.has("undo"):
        return {}
    if kind is StepKind.FLAG:
        fields.one_of("undo", ("previous_value",))
        return {"undo_previous": True}
    if kind is StepKind.HTTP:
        return {"undo_http": _http(fields, "undo", names)}
    text = fields.text("undo")
    _placeholders(text, fields.at("undo"), names, fields.faults)
    return {"undo_text": text}


def _verification(fields: Fields, names: set[str]) -> Verification | None:
    if not fields.has("verify"):
        return None
    read = Fields(fields.raw("verify"), fields.at("verify"), fields.faults)
    segment = read.entries("segment")
    for key, value in segment.items():
        if not isinstance(value, str):
            read.faults.add(f"{read.at('segment')}.{key}", "must be a text")
        else:
            _placeholders(value, f"{read.at('segment')}.{key}", names, read.faults)
    within = read.text("within", pattern=r"[1-9][0-9]{0,4}[smh]", default="10m")
    found = Verification(
        objectives=read.texts("objectives"),
        segment={key: str(value) for key, value in segment.items()},
        within_s=int(within[:-1]) * _UNIT_S[within[-1]],
    )
    read.done()
    return found


def _placeholders(text: str, path: str, names: set[str], faults: Faults) -> None:
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        faults.add(path, f"braces do not pair: {error}")
        return
    for _, name, spec, conversion in parts:
        if name is None:
            continue
        if spec or conversion or not re.fullmatch(_PARAM, name):
            faults.add(path, f"{{{name}}} is not a plain parameter")
        elif name not in names:
            known = ", ".join(sorted(names)) or "none"
            faults.add(path, f"there is no parameter {name!r} (known: {known})")
