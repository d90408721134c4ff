"""CDEvents of services as changes: what `dev.cdevents.service.*` says of a deploy. Pure.

Read by the specification's versions 0.3 to 0.5 (cdevents.dev), whose service events carry the type
suffixes 0.1.x to 0.3.x: the subject's id is the service, `environment.id` is where it runs and
`artifactId` is a package URL. What is newer than that is read alike, as long as these are there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from kernel.errors import BadInput

PREFIX: Final = "dev.cdevents."
_TYPE: Final = re.compile(
    r"dev\.cdevents\.service\.(deployed|upgraded|rolledback|published|removed)"
    r"\.[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?"
)
# What happened, and the word before its version.
_SAID: Final = {
    "deployed": ("deployed", "to"),
    "upgraded": ("upgraded", "to"),
    "rolledback": ("rolled back", "to"),
    "published": ("published", "as"),
    "removed": ("removed", "at"),
}


def verb_of(event_type: Any) -> str:
    """The predicate of a service event's type (`rolledback`); "" for every other type."""
    match = _TYPE.fullmatch(event_type) if isinstance(event_type, str) else None
    return match[1] if match else ""


def described(item: Mapping[str, Any], verb: str) -> dict[str, Any]:
    """The fields of the plain form that this event means. Raises BadInput without a subject."""
    subject = _object(_object(item.get("data")).get("subject"))
    service = subject.get("id")
    if not isinstance(service, str) or not service:
        raise BadInput("a CDEvent has a subject with an id", path="$.data.subject.id")
    context = _object(_object(item.get("data")).get("context"))
    content = _object(subject.get("content"))
    artifact = content.get("artifactId", "")
    if not isinstance(artifact, str):
        raise BadInput("artifactId is a package URL", path="$.data.subject.content.artifactId")
    version = version_of(artifact)
    happened, link = _SAID[verb]
    said = f"{happened} {link} {version}" if version else happened
    fields: dict[str, Any] = {
        "id": item.get("id") or context.get("id"),
        "source": item.get("source") or context.get("source"),
        "at": item.get("time") or context.get("timestamp"),
        "kind": "deploy",
        "service": service,
        "summary": f"{service} {said}"[:500],
        "version": version,
        "environment": _environment(content.get("environment")),
        "artifact": artifact,
        "rollback": verb == "rolledback",
        "attributes": {"cdevent": str(item["type"])},
    }
    return fields


def version_of(artifact: str) -> str:
    """The version of a package URL: its tag where it names one, else what follows the `@`.

    `pkg:oci/shop@sha256%3A0b31?tag=1.4.2` is 1.4.2: an image's own version is only its digest.
    """
    named, _, qualifiers = artifact.partition("#")[0].partition("?")
    tags = parse_qs(qualifiers).get("tag", [])
    if tags:
        return tags[0]
    place, at, version = named.rpartition("@")
    # An `@` before the last slash belongs to a name (`pkg:npm/%40scope` is often left unescaped).
    return unquote(version) if at and place and "/" not in version else ""


def _environment(given: Any) -> str:
    name = _object(given).get("id", "") if isinstance(given, Mapping) else given
    return name if isinstance(name, str) else ""


def _object(given: Any) -> Mapping[str, Any]:
    return given if isinstance(given, Mapping) else {}
