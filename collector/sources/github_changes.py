"""What GitHub's deployments and releases mean as changes. Pure.

A deployment is two changes: it begins when GitHub asks for it, and it is over with its status. The
first may already break what the second reports minutes later, so both stand on the time line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from collector.changes.change import ROLLBACK, link_of
from collector.sources.keep import Shape, at, text_at
from collector.sources.port import Stored, Told
from kernel import strict_json
from kernel.clock import parse_rfc3339, rfc3339
from kernel.errors import BadInput
from kernel.quoting import cut

EVENTS: Final = ("deployment", "deployment_status", "release")
ENDED: Final = ("success", "failure", "error")
SHAPE: Final[Shape] = {
    "action": True,
    "repository": {"name": True, "full_name": True, "html_url": True, "default_branch": True},
    "deployment": {
        "ref": True,
        "task": True,
        "environment": True,
        "description": True,
        "created_at": True,
        "creator": {"login": True},
    },
    "deployment_status": {
        "state": True,
        "description": True,
        "environment": True,
        "created_at": True,
        "target_url": True,
        "log_url": True,
        "environment_url": True,
        "creator": {"login": True},
    },
    "release": {
        "tag_name": True,
        "name": True,
        "published_at": True,
        "html_url": True,
        "prerelease": True,
        "author": {"login": True},
    },
    "workflow_run": {"html_url": True},
}
_SHA = re.compile(r"[0-9a-f]{40}\Z")
_SHOWN_SHA = 12
_ROLLBACK = re.compile(r"\broll(?:ed|ing)?[ _-]?back\b|\brevert", re.IGNORECASE)


def why_not(event: str, payload: Mapping[str, Any]) -> str:
    """Why this event changes nothing that runs; "" where it does."""
    if event == "deployment":
        action = text_at(payload, "action")
        return "" if action in {"", "created"} else f"a deployment that was {cut(action, 40)}"
    if event == "release":
        action = text_at(payload, "action")
        return "" if action == "published" else f"a release that was {cut(action, 40) or 'touched'}"
    state = text_at(payload, "deployment_status", "state")
    return "" if state in ENDED else f"a deployment that is {state[:40] or 'somewhere'} has no end"


def service_of(payload: Mapping[str, Any]) -> str:
    """`payload.service` of the deployment where its creator set one, else the repository's name."""
    given = at(payload, "deployment", "payload")
    if isinstance(given, str):
        given = _decoded(given)
    service = text_at(given, "service") or text_at(payload, "repository", "name")
    return service[:200]


def moment_of(event: Mapping[str, Any]) -> str:
    """The event's own time, as GitHub writes it."""
    name = text_at(event, "event")
    return text_at(event, name, "published_at" if name == "release" else "created_at")


def change_of(stored: Stored, told: Told) -> dict[str, Any]:
    """The stored change. Raises BadInput where the stored document is not ours."""
    event = stored.event
    name, service = text_at(event, "event"), text_at(event, "service")
    try:
        at_us, _ = told.time_of(parse_rfc3339(moment_of(event)))
    except (ValueError, OverflowError) as error:
        raise BadInput(f"the stored GitHub event has no time: {error}") from None
    if name not in EVENTS or not service:
        raise BadInput("the stored GitHub event lacks its name or service")
    described = _release(event) if name == "release" else _deployment(event, name)
    attributes = {
        "github_event": name,
        "repository": text_at(event, "repository", "full_name"),
        **described.pop("attributes"),
    }
    if deployment := stored.ids.get("deployment_id"):
        attributes["deployment"] = deployment
    return {
        **described,
        "service": service,
        "source": told.source,
        "at": rfc3339(at_us),
        "summary": f"{service}: {described['summary']}"[:500],
        "attributes": {key: value for key, value in attributes.items() if value != ""},
    }


def _deployment(event: Mapping[str, Any], name: str) -> dict[str, Any]:
    ref, sha = text_at(event, "deployment", "ref"), text_at(event, "sha")
    version = _version(ref, sha, text_at(event, "repository", "default_branch"))
    state = text_at(event, "deployment_status", "state") if name == "deployment_status" else ""
    is_rollback = any(
        _ROLLBACK.search(text_at(event, "deployment", field)) for field in ("task", "description")
    )
    what = "rollback" if is_rollback else "deployment"
    outcome = {"": "began", "success": "done", "failure": "failed", "error": "failed"}[state]
    attributes: dict[str, Any] = {
        "ref": ref,
        "sha": sha,
        "state": state or "created",
        "began_at": text_at(event, "deployment", "created_at"),
    }
    if is_rollback:
        attributes[ROLLBACK] = True
    return {
        "kind": "deploy",
        "summary": " ".join(w for w in (what, version and f"of {version}", outcome) if w),
        "version": version,
        "environment": text_at(event, name, "environment")
        or text_at(event, "deployment", "environment"),
        "author": text_at(event, "deployment", "creator", "login"),
        "url": link_of(
            text_at(event, "deployment_status", "log_url"),
            text_at(event, "deployment_status", "target_url"),
            text_at(event, "workflow_run", "html_url"),
            text_at(event, "deployment_status", "environment_url"),
            text_at(event, "repository", "html_url"),
        ),
        "attributes": attributes,
    }


def _release(event: Mapping[str, Any]) -> dict[str, Any]:
    tag = text_at(event, "release", "tag_name")
    attributes: dict[str, Any] = {"tag": tag}
    if at(event, "release", "prerelease") is True:
        attributes["prerelease"] = True
    return {
        "kind": "other",
        "summary": f"release {tag} published",
        "version": tag,
        "author": text_at(event, "release", "author", "login"),
        "url": link_of(text_at(event, "release", "html_url")),
        "attributes": attributes,
    }


def _version(ref: str, sha: str, default_branch: str) -> str:
    """A tag or branch as it was asked for; of the default branch, which moves, its commit."""
    named = ref.removeprefix("refs/tags/").removeprefix("refs/heads/")
    if named and named != default_branch and not _SHA.match(named):
        return named
    return (sha or named)[:_SHOWN_SHA]


def _decoded(text: str) -> Any:
    """GitHub passes the payload on as it got it: an object, or a text that may hold one."""
    try:
        return strict_json.loads(text)
    except BadInput:
        return None
