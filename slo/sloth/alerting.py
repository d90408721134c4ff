"""The alerting block: one name, and a page and a ticket that each may be switched off."""

from __future__ import annotations

from typing import Any

from slo.openslo.problems import Problems
from slo.sloth.model import AlertBlock
from slo.sloth.spelling import Words
from slo.sloth.texts import read_labels

Alerts = tuple[AlertBlock | None, AlertBlock | None]


def read_alerting(value: Any, path: str, words: Words, problems: Problems) -> Alerts:
    """Page and ticket, each None where it is switched off."""
    if value is None:
        return None, None
    fields = words.fields(value, path, problems)
    name = problems.text(fields.get("name"), f"{path}.name")
    shared = AlertBlock(
        name,
        read_labels(fields.get("labels"), f"{path}.labels", problems),
        read_labels(fields.get("annotations"), f"{path}.annotations", problems),
    )
    page = _alert(fields.get("page_alert"), f"{path}.page_alert", shared, words, problems)
    ticket = _alert(fields.get("ticket_alert"), f"{path}.ticket_alert", shared, words, problems)
    if (page or ticket) and not name:
        problems.add(f"{path}.name", "", "an alert that is not switched off needs a name")
    return page, ticket


def _alert(
    value: Any, path: str, shared: AlertBlock, words: Words, problems: Problems
) -> AlertBlock | None:
    if value is None:
        return shared
    fields = words.fields(value, path, problems)
    disabled = fields.get("disable", False)
    if not isinstance(disabled, bool):
        problems.add(f"{path}.disable", disabled, "true or false is wanted")
    labels = read_labels(fields.get("labels"), f"{path}.labels", problems)
    annotations = read_labels(fields.get("annotations"), f"{path}.annotations", problems)
    if disabled is True:
        return None
    return AlertBlock(
        shared.name, {**shared.labels, **labels}, {**shared.annotations, **annotations}
    )
