"""One schema per record type: which `data` keys a record must and may hold.

The writer refuses anything else and the verifier applies the same table, so a type that is not
here does not exist. Names of families (`authn.*`) stand for every `[a-z_]+` after the dot.
A key is added here, never reused for another meaning; a change of meaning takes a new `v`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from kernel.errors import BadInput

MAX_TEXT: Final = 1024

_TAIL: Final = re.compile(r"[a-z_]{1,40}\Z").match
# What any record may say about the thing it belongs to; all of it code-made and not personal.
_COMMON: Final = (
    "reason note simulated objective objectives segment service severity tier kind state "
    "from_state to_state count since until at duration_ms version"
)
_APPROVAL: Final = (
    "approval_id action_hash runbook runbook_version step params target undo quorum approvals "
    "needed expires_at requested_by nonce_hash message_hash shown_hash proposal_id evidence_ids "
    "method roles team_ref app_ref latency_ms second_factor changed_since_shown supersedes"
)
_MODEL: Final = (
    "model model_version provider purpose attempt prompt_sha256 system_prompt_sha256 "
    "schema_sha256 params tools evidence evidence_ids input_tokens output_tokens max_tokens "
    "budget_left request_ref finish_reason latency_ms action_hash runbook step claims claims_kept "
    "claims_dropped dropped confidence guards stage source outcome rule error_type status round "
    "response_sha256 redaction_map_sha256 queries cost_micros spent_tokens"
)
_ACTION: Final = (
    "approval_id action_hash runbook runbook_version step params target undo proof executor "
    "idempotency_key attempt code result ok effect error_type rule previous expected found status "
    "simulator precondition"
)
_ACCESS: Final = (
    "roles before after added removed person person_id token_id expires_at expires_us needed "
    "method route name_changed linked disabled channel team_ref setting before_hash after_hash "
    "second_person label scopes session_ref single_use action"
)
_INCIDENT: Final = (
    "number title alerts members source fingerprint joined_by incident_id other_incident parts "
    "opened_at resolved_at brief_source confidence evidence_ids hypothesis verdict stale channel "
    "slo slos group rule impact person_id action approval_id proposals delivered attempt "
    "from_severity"
)
_COUNT: Final = (
    "stored rejected duplicate shed sources first_position last_position statement_sha256"
)
_LOG: Final = (
    "boot size first_size origin record name basis approver key_id next_key_id filter rows index "
    "skew_us gap_s result checkpoint_size path_hash"
)

_POLICY: Final = "override_id expires_at roles number"
_REPLAY: Final = "rule source patched stored duplicate reading rejected replayed impossible"

_SWITCH: Final = "cancelled running method roles"

_CORRECTION: Final = (
    "correction_id category labels starts ends zone rule expires_at decision proposed_by method "
    "roles"
)


@dataclass(frozen=True)
class RecordType:
    """`required` keys must be there, `allowed` may be; `choices` bounds the values of a key."""

    required: frozenset[str]
    allowed: frozenset[str]
    choices: Mapping[str, frozenset[Any]]


def _type(required: str, optional: str, **choices: Iterable[Any]) -> RecordType:
    needed = frozenset(required.split())
    allowed = needed | frozenset(optional.split()) | frozenset(_COMMON.split())
    return RecordType(needed, allowed, {key: frozenset(values) for key, values in choices.items()})


TYPES: Final[Mapping[str, RecordType]] = {
    "ai.request": _type("model", _MODEL),
    "ai.query": _type("model queries", _MODEL),
    "ai.suggestion": _type("model", _MODEL),
    "ai.rejected": _type("reason", _MODEL),
    "approval.requested": _type("approval_id action_hash", _APPROVAL),
    "approval.decision": _type(
        "approval_id action_hash decision", _APPROVAL, decision=("approve", "reject")
    ),
    "approval.expired": _type("approval_id action_hash", _APPROVAL),
    "approval.cancelled": _type("approval_id action_hash", _APPROVAL),
    "approval.held": _type("approval_id action_hash reason", _APPROVAL),
    "approval.revoked": _type("approval_id action_hash", _APPROVAL),
    "approval.escalated": _type("approval_id action_hash rung", f"{_APPROVAL} rung"),
    "execution.stopped": _type("cancelled running", _SWITCH),
    "execution.resumed": _type("", _SWITCH),
    "action.intent": _type("action_hash", _ACTION),
    "action.result": _type("action_hash", _ACTION),
    "action.blocked": _type("reason", _ACTION),
    "recovery.checked": _type("state", f"{_ACTION} numbers window_s"),
    "authn.*": _type("", _ACCESS),
    "authz.denied": _type("", _ACCESS),
    "person.created": _type("", _ACCESS),
    "person.disabled": _type("", _ACCESS),
    "role.changed": _type("", _ACCESS),
    "token.created": _type("", _ACCESS),
    "token.revoked": _type("", _ACCESS),
    "config.changed": _type("", _ACCESS),
    "incident.*": _type("", _INCIDENT),
    "count.closed": _type("day stored rejected duplicate shed statement_sha256", _COUNT),
    "policy.state": _type("service from_state to_state", _POLICY),
    "policy.overridden": _type("service override_id expires_at", _POLICY),
    "policy.override_revoked": _type("service override_id", _POLICY),
    "policy.postmortem_done": _type("service number", _POLICY),
    "correction.proposed": _type(
        "correction_id category objectives starts ends zone rule", _CORRECTION
    ),
    "correction.decided": _type(
        "correction_id decision",
        _CORRECTION,
        decision=("approve", "reject", "withdraw", "end"),
    ),
    "correction.expired": _type("correction_id", _CORRECTION),
    "deadletter.replay": _type("count", _REPLAY),
    "deadletter.replayed": _type("count", _REPLAY),
    "audit.erasure": _type("record name", _LOG),
    "audit.*": _type("", _LOG),
}


def type_of(name: str) -> RecordType:
    """The schema of a record type. Raises BadInput where there is none."""
    found = TYPES.get(name)
    if found is not None:
        return found
    family, _, tail = name.partition(".")
    found = TYPES.get(f"{family}.*")
    if found is None or not _TAIL(tail):
        raise BadInput(
            f"there is no record type {name[:80]!r}",
            path="$.type",
            hint="record types are listed in audit/record_types.py",
        )
    return found


def check_data(name: str, data: Mapping[str, Any]) -> None:
    """Raises BadInput where `data` lacks a key, has one too many or a value out of bounds."""
    schema = type_of(name)
    if missing := schema.required - data.keys():
        raise BadInput(f"{name} needs data.{min(missing)}", path=f"$.data.{min(missing)}")
    if unknown := data.keys() - schema.allowed:
        key = min(unknown)
        raise BadInput(
            f"{name} has no data.{str(key)[:60]}",
            path=f"$.data.{str(key)[:60]}",
            hint="free text belongs into a payload; new keys into audit/record_types.py",
        )
    for key, choices in schema.choices.items():
        if key in data and data[key] not in choices:
            raise BadInput(f"{name} has an unknown data.{key}", path=f"$.data.{key}")
    _check_texts(name, data)


def _check_texts(name: str, data: Mapping[str, Any]) -> None:
    stack: list[Any] = list(data.values())
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            if len(value) > MAX_TEXT:
                raise BadInput(
                    f"{name}: a text of more than {MAX_TEXT} characters in data",
                    path="$.data",
                    hint="long text belongs into a payload",
                )
        elif isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
