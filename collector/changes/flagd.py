"""flagd's flag files: what one says of its flags, and what differs between two of them. Pure.

Of a file only what a difference needs is kept: state, default variant and digests of the rest.
Targeting rules name customers and addresses, and nobody looks them up here.

flagd.dev/reference/flag-definitions: `{"flags": {key: {state, variants, defaultVariant,
targeting}}, "$evaluators": {...}}`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from kernel.errors import BadInput
from kernel.quoting import cut

FORMAT: Final = "flagd"
MEDIA_TYPE: Final = "application/vnd.flagd+json"
MAX_FLAGS: Final = 2_000
MAX_CHANGES: Final = 100
_MAX_NAME = 200
_STATES = ("ENABLED", "DISABLED")
_encode = msgspec.json.Encoder(order="deterministic").encode


class FlagDefinition(msgspec.Struct, frozen=True):
    """One flag. `variants` and `targeting` are digests; "" where there is none."""

    state: str
    default: str
    variants: str
    targeting: str


FlagSet = dict[str, FlagDefinition]


class FlagFile(msgspec.Struct, frozen=True):
    """What is stored of a file: whose flags these are, and the definitions by key."""

    service: str
    environment: str
    flag_set: str
    flags: FlagSet


def flag_set(document: Any) -> FlagSet:
    """The definitions of a decoded file. Raises BadInput with the path of the fault.

    A file with one fault is refused whole: half of it would look like flags that were removed.
    """
    flags = document.get("flags") if isinstance(document, Mapping) else None
    if not isinstance(flags, Mapping):
        raise BadInput("a flagd file has an object flags", path="$.flags")
    if len(flags) > MAX_FLAGS:
        raise BadInput(f"more than {MAX_FLAGS} flags", path="$.flags")
    shared = _digest(document.get("$evaluators"))
    return {name: _definition(name, one, shared) for name, one in flags.items()}


def differences(
    before: Mapping[str, FlagDefinition], after: Mapping[str, FlagDefinition]
) -> list[tuple[str, str]]:
    """(flag, what changed) in the order of the keys; none where both say the same."""
    return [
        (name, said)
        for name in sorted({*before, *after})
        if (said := _difference(before.get(name), after.get(name)))
    ]


def _definition(name: str, one: Any, shared: str) -> FlagDefinition:
    path = f"$.flags.{cut(name, 80)}"
    if not name or len(name) > _MAX_NAME:
        message = f"a flag's key has 1 to {_MAX_NAME} characters"
        raise BadInput(message, path=path, rule="flagd.key")
    if not isinstance(one, Mapping):
        raise BadInput("a flag is an object", path=path, rule="flagd.flag")
    state, variants = one.get("state"), one.get("variants")
    if state not in _STATES:
        raise BadInput("state is ENABLED or DISABLED", path=f"{path}.state")
    if not isinstance(variants, Mapping) or not variants:
        raise BadInput("a flag has variants", path=f"{path}.variants")
    default = one.get("defaultVariant")
    if default is not None and not (isinstance(default, str) and default in variants):
        raise BadInput("defaultVariant is one of the variants", path=f"{path}.defaultVariant")
    targeting = one.get("targeting") or None
    rules = _digest(targeting)
    # A rule may stand elsewhere in the file and be named here.
    uses_shared = rules and b'"$ref"' in _encode(targeting)
    return FlagDefinition(
        state=str(state),
        default="" if default is None else cut(str(default), _MAX_NAME),
        variants=_digest(variants),
        targeting=f"{rules}{shared}" if uses_shared else rules,
    )


def _difference(before: FlagDefinition | None, after: FlagDefinition | None) -> str:
    if before is None and after is not None:
        return f"added ({after.state.lower()}, {_default(after)} by default)"
    if after is None or before is None:
        return "removed"
    said: list[str] = []
    if before.state != after.state:
        said.append(f"{before.state.lower()} → {after.state.lower()}")
    if before.default != after.default:
        said.append(f"default {_default(before)} → {_default(after)}")
    if before.targeting != after.targeting:
        said.append(_targeting(before, after))
    if before.variants != after.variants:
        said.append("values of its variants changed")
    return ", ".join(said)


def _targeting(before: FlagDefinition, after: FlagDefinition) -> str:
    if not before.targeting:
        return "targeting added"
    return "targeting changed" if after.targeting else "targeting removed"


def _default(one: FlagDefinition) -> str:
    return one.default or "no variant"


def _digest(part: Any) -> str:
    """16 hex digits of the canonical JSON; "" for nothing."""
    if part is None:
        return ""
    return hashlib.sha256(_encode(part)).hexdigest()[:16]
