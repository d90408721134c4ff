"""The kinds that only name something: Service, DataSource, AlertNotificationTarget."""

from __future__ import annotations

from typing import Any

from slo.openslo.metadata import LONGEST_TEXT
from slo.openslo.problems import Problems


def read_service(value: Any, path: str, problems: Problems) -> None:
    """`spec` of a Service."""
    if value is None:
        return
    fields = problems.fields(value, path, ("description",))
    problems.text(fields.get("description"), f"{path}.description", longest=LONGEST_TEXT)


def read_data_source(value: Any, path: str, problems: Problems) -> str:
    """`spec` of a DataSource; gives its type. Connection details are not looked at."""
    if value is None:
        return ""
    allowed = ("description", "type", "connectionDetails")
    fields = problems.fields(value, path, allowed, ("type", "connectionDetails"))
    problems.text(fields.get("description"), f"{path}.description", longest=LONGEST_TEXT)
    return problems.text(fields.get("type"), f"{path}.type")


def read_notification_target(value: Any, path: str, problems: Problems) -> None:
    """`spec` of an AlertNotificationTarget, of its own or inline."""
    if value is None:
        return
    fields = problems.fields(value, path, ("description", "target"), ("target",))
    problems.text(fields.get("description"), f"{path}.description", longest=LONGEST_TEXT)
    problems.text(fields.get("target"), f"{path}.target")
