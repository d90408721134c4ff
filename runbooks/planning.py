"""What exactly a step would do: the action, its undo, and sentences about both. Pure.

An action is a small JSON object; adapters carry out nothing else, and people read nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from kernel.errors import BadInput
from runbooks.runbook import HttpCall, Runbook, Step, StepKind

Action = dict[str, Any]
_FLAG_KEY = r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}"


def action_of(step: Step, params: Mapping[str, str | int]) -> Action:
    """The action of a step with these parameters. Raises BadInput where it cannot be formed."""
    if step.kind is StepKind.FLAG and step.flag is not None:
        key = step.flag.key.format_map(params)
        if not re.fullmatch(_FLAG_KEY, key) or ".." in key:
            raise BadInput(f"the flag key {key[:80]!r} is not allowed", path="flag.key")
        return {"adapter": "flag", "key": key, "value": _filled(step.flag.value, params)}
    if step.kind is StepKind.HTTP and step.http is not None:
        action = _http_action(step.http, params)
        if step.precondition is not None:
            action["precondition"] = {
                "url": _filled_url(step.precondition.url, params),
                "status": step.precondition.status,
            }
        return action
    return {"adapter": "manual", "instructions": step.instructions.format_map(params)}


def undo_of(
    step: Step, params: Mapping[str, str | int], observed: Mapping[str, Any]
) -> Action | None:
    """The action that takes it back; for a flag, `observed` holds the value read before."""
    if step.flag is not None and step.undo_previous and "value" in observed:
        return {
            "adapter": "flag",
            "key": step.flag.key.format_map(params),
            "value": observed["value"],
        }
    if step.undo_http is not None:
        return _http_action(step.undo_http, params)
    if step.undo_text:
        return {"adapter": "manual", "instructions": step.undo_text.format_map(params)}
    return None


def target_of(action: Action) -> str:
    """The one thing an action touches."""
    if action["adapter"] == "flag":
        return f"flag {action['key']}"
    if action["adapter"] == "http":
        parts = urlsplit(action["url"])
        return f"{parts.netloc}{parts.path}"
    return "a person"


def sentence(action: Action, observed: Mapping[str, Any] | None = None) -> str:
    """What the action does, in words made by code from the very values that are sent."""
    if action["adapter"] == "flag":
        before = f" from {shown(observed['value'])}" if observed and "value" in observed else ""
        return f"Set flag {action['key']}{before} to {shown(action['value'])}"
    if action["adapter"] == "http":
        body = f" with {shown(action['body'])}" if action.get("body") is not None else ""
        return f"Send {action['method']} {action['url']}{body}"
    return f"A person does this by hand: {action['instructions']}"


def segment_of(step: Step, params: Mapping[str, str | int]) -> dict[str, str]:
    """The segment that must recover."""
    if step.verify is None:
        return {}
    return {key: value.format_map(params) for key, value in step.verify.segment.items()}


def shown(value: Any) -> str:
    """A value as JSON, the one form in which values are shown."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def describe(runbook: Runbook, step: Step) -> dict[str, Any]:
    """A step for catalogues and pages."""
    return {
        "runbook": runbook.id,
        "step": step.id,
        "title": step.title,
        "kind": step.kind.value,
        "tier": step.tier.value,
        "params": [param.name for param in step.params],
    }


def _http_action(call: HttpCall, params: Mapping[str, str | int]) -> Action:
    action: Action = {
        "adapter": "http",
        "method": call.method,
        "url": _filled_url(call.url, params),
        "success": list(call.success),
    }
    if call.body is not None:
        action["body"] = _filled(call.body, params)
    return action


def _filled_url(url: str, params: Mapping[str, str | int]) -> str:
    """Each value is one path segment or query value: quoted whole, so it can add no part."""
    quoted = {name: quote(str(value), safe="") for name, value in params.items()}
    if any(value in {".", ".."} for value in quoted.values()):
        raise BadInput("a parameter of . or .. would change the path", path="http.url")
    return url.format_map(quoted)


def _filled(value: Any, params: Mapping[str, str | int]) -> Any:
    if isinstance(value, str):
        alone = re.fullmatch(r"\{([a-z][a-z0-9_]*)\}", value)
        return params[alone.group(1)] if alone else value.format_map(params)
    if isinstance(value, Mapping):
        return {key: _filled(child, params) for key, child in value.items()}
    if isinstance(value, list):
        return [_filled(child, params) for child in value]
    return value
