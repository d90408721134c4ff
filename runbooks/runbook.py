"""What a runbook is: plain frozen values, made by `runbooks.parsing` alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class StepKind(StrEnum):
    """How a step is carried out."""

    HTTP = "http"
    FLAG = "flag"
    MANUAL = "manual"


class Tier(StrEnum):
    """Risk: R0 read, R1 no customer effect, R2 reversible, R3 hard to reverse, R4 never ours."""

    R0 = "R0"
    R1 = "R1"
    R2 = "R2"
    R3 = "R3"
    R4 = "R4"

    @property
    def rank(self) -> int:
        """0 to 4, for comparing."""
        return int(self.value[1])


@dataclass(frozen=True)
class MatchRule:
    """One label and the globs it may match; a required rule that fails rules the runbook out."""

    label: str
    values: tuple[str, ...]
    required: bool = False
    weight: int = 1


@dataclass(frozen=True)
class VendorContact:
    """Where to look and whom to call when it is the vendor's fault."""

    name: str
    status_page: str = ""
    support: str = ""


@dataclass(frozen=True)
class Param:
    """One typed parameter and the closed set of values it may take.

    type choice: one of `choices`, or the value of the label `choices_from` (must match `pattern`),
    or, where that label is missing, what `lookup` makes of another label; never the value of the
    label `not_label`. type string: `default`, must match `pattern`. type int: `minimum..maximum`.
    """

    name: str
    type: str
    choices: tuple[str, ...] = ()
    choices_from: str = ""
    lookup: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    not_label: str = ""
    pattern: str = ""
    minimum: int = 0
    maximum: int = 0
    default: str | int | None = None


@dataclass(frozen=True)
class FlagCall:
    """Set one flag. `key` may hold `{param}`; so may `value` where it is a string."""

    key: str
    value: str | int | bool


@dataclass(frozen=True)
class HttpCall:
    """One request. `url` may hold `{param}` behind the host; so may the strings in `body`."""

    method: str
    url: str
    body: Mapping[str, object] | None = None
    success: tuple[int, ...] = (200, 201, 202, 204)


@dataclass(frozen=True)
class HttpPrecondition:
    """A GET of `url` must answer `status`, when proposed and again just before it runs."""

    url: str
    status: int = 200


@dataclass(frozen=True)
class Verification:
    """What must be good again, and by when. No objectives = those of the incident."""

    objectives: tuple[str, ...] = ()
    segment: Mapping[str, str] = field(default_factory=dict)
    within_s: int = 600


@dataclass(frozen=True)
class Step:
    """One thing that may be done. Exactly the part of its kind is set."""

    id: str
    title: str
    kind: StepKind
    tier: Tier
    params: tuple[Param, ...] = ()
    customer_effect: bool = True
    flag: FlagCall | None = None
    http: HttpCall | None = None
    instructions: str = ""
    precondition: HttpPrecondition | None = None
    undo_previous: bool = False
    undo_http: HttpCall | None = None
    undo_text: str = ""
    verify: Verification | None = None

    @property
    def has_undo(self) -> bool:
        """Whether code or a person knows the way back."""
        return self.undo_previous or self.undo_http is not None or bool(self.undo_text)


@dataclass(frozen=True)
class Runbook:
    """One file of the library. `sha256` is of the file's exact bytes; `body` is its Markdown."""

    id: str
    title: str
    owner: str
    match: tuple[MatchRule, ...]
    steps: tuple[Step, ...]
    sha256: str
    body: str
    min_weight: int = 1
    propose: str = ""
    vendors: tuple[VendorContact, ...] = ()

    def step(self, step_id: str) -> Step | None:
        """The step of that id, or None."""
        return next((step for step in self.steps if step.id == step_id), None)
