"""Which sources may deliver, and by which keys: the setting, parsed once at the start."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collector.sources.port import WebhookKind
from kernel import strict_json
from kernel.errors import BadInput, NotConfigured, NotFound

SETTING = "TILLWATCH_WEBHOOK_SECRETS"
_EXAMPLE = f"""{SETTING}='{{"stripe/eu": ["whsec_..."]}}'"""
_SOURCE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")
_MAX_SOURCES = 100
_MAX_SECRETS = 5


@dataclass(frozen=True)
class Source:
    """One configured source. `name` is `<kind>/<source>`, as in its address."""

    name: str
    kind: WebhookKind
    keys: Sequence[bytes]


class Keyring:
    """The configured sources by name."""

    def __init__(self, kinds: Mapping[str, WebhookKind], sources: Mapping[str, Source]) -> None:
        self._kinds = kinds
        self._sources = sources

    @classmethod
    def parse(cls, text: str, kinds: Mapping[str, WebhookKind]) -> Keyring:
        """The keyring of the setting's text ("" names no source).

        Raises NotConfigured that says which entry is wrong and why; never shows a secret.
        """
        if not text.strip():
            return cls(kinds, {})
        try:
            document = strict_json.loads(text)
            return cls(kinds, _sources(document, kinds))
        except BadInput as fault:
            place = fault.path.removeprefix("$")
            raise NotConfigured(
                f"{SETTING}{place}: {fault.message}", hint=fault.hint or f"for example {_EXAMPLE}"
            ) from None

    def source(self, kind: str, source: str) -> Source:
        """The configured source.

        Raises NotFound for one that nobody configured, NotConfigured for one without a secret.
        """
        if kind not in self._kinds:
            known = ", ".join(sorted(self._kinds))
            raise NotFound(
                f"there is no webhook of the kind {kind[:40]!r}", hint=f"the kinds are {known}"
            )
        found = self._sources.get(f"{kind}/{source}")
        if found is None:
            raise NotFound(
                f"no source {source[:64]!r} of the kind {kind} is configured",
                hint=f'add "{kind}/<source>" with its secrets to {SETTING} and restart',
            )
        if not found.keys:
            raise NotConfigured(
                f"the source {found.name} has no secret, so nothing of it can be verified",
                hint=f"put its signing secret into {SETTING} and restart",
            )
        return found

    def all(self) -> list[Source]:
        """Every configured source, by name."""
        return [self._sources[name] for name in sorted(self._sources)]


def _sources(document: Any, kinds: Mapping[str, WebhookKind]) -> dict[str, Source]:
    if not isinstance(document, dict):
        raise BadInput("expected a JSON object of sources and their secrets")
    if len(document) > _MAX_SOURCES:
        raise BadInput(f"more than {_MAX_SOURCES} sources")
    return {name: _source(name, secrets, kinds) for name, secrets in document.items()}


def _source(name: str, secrets: Any, kinds: Mapping[str, WebhookKind]) -> Source:
    path = f'$["{name[:100]}"]'
    kind_name, _, source = name.partition("/")
    kind = kinds.get(kind_name)
    if kind is None:
        near = difflib.get_close_matches(kind_name, kinds, n=1) or sorted(kinds)
        raise BadInput(
            f"the kind {kind_name[:40]!r} is not known",
            path=path,
            hint=f"names are <kind>/<source>; kinds: {', '.join(near)}",
        )
    if not _SOURCE.match(source):
        raise BadInput(
            "after the kind a source is named by 1-64 of a-z 0-9 . _ -", path=path, hint=_EXAMPLE
        )
    if not isinstance(secrets, list) or not all(isinstance(one, str) for one in secrets):
        raise BadInput("expected a list of secrets (texts)", path=path)
    if len(secrets) > _MAX_SECRETS:
        raise BadInput(f"more than {_MAX_SECRETS} secrets at a time", path=path)
    return Source(name, kind, [_key(kind, text, path) for text in secrets])


def _key(kind: WebhookKind, text: str, path: str) -> bytes:
    """White space around a pasted secret is nobody's secret."""
    try:
        key = kind.secret(text.strip())
    except BadInput as fault:
        raise BadInput(fault.message, path=path, hint=fault.hint) from None
    if not key:
        raise BadInput("a secret is empty", path=path)
    return key
