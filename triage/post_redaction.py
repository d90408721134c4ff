"""What may be stored of a post of alerts: masked by all it says, then by its bytes.

What reads as JSON is judged like everything else that arrives: also through percent escapes,
compatibility forms and odd separators, and by the names of labels. What does not is judged by the
texts and pairs in it. The byte rules come last: half a secret that they leave would not be known.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from collector.redaction import RedactionFailed, Redactor
from kernel import strict_json
from kernel.errors import BadInput
from triage import byte_redaction, unreadable_redaction

_KEPT = ("status", "startsAt", "endsAt", "fingerprint")
_KEPT_LABELS = ("alertname", "severity", "service")


def redact(body: bytes, redactor: Redactor) -> bytes:
    """The body as it came where nothing is to mask. Never raises: a page must not be lost.

    Where the redactor fails, each alert keeps its name, severity, service, times and fingerprint.
    """
    try:
        document = strict_json.loads(body)
    except BadInput:
        return byte_redaction.redact(unreadable_redaction.mask(body, redactor))
    try:
        judged = redactor.document(document)
    except RedactionFailed:
        judged = _least(document)
    clean = body if judged == document else json.dumps(judged, ensure_ascii=False).encode()
    return byte_redaction.redact(clean)


def _least(document: Any) -> dict[str, Any]:
    alerts = document.get("alerts") if isinstance(document, dict) else None
    return {"alerts": [_least_of(one) for one in alerts] if isinstance(alerts, list) else []}


def _least_of(alert: Any) -> dict[str, Any]:
    if not isinstance(alert, Mapping):
        return {}
    return {**_texts(alert, _KEPT), "labels": _texts(alert.get("labels"), _KEPT_LABELS)}


def _texts(holder: Any, names: tuple[str, ...]) -> dict[str, str]:
    if not isinstance(holder, Mapping):
        return {}
    return {name: holder[name] for name in names if isinstance(holder.get(name), str)}
