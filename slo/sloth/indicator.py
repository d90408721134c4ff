"""The indicator of a Sloth SLO: two queries of events, or one of the error ratio."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slo.openslo.problems import Problems
from slo.sloth.model import Indicator
from slo.sloth.query import query_fault
from slo.sloth.spelling import Words


def read_indicator(value: Any, path: str, words: Words, problems: Problems) -> Indicator | None:
    """The indicator, or None where faults were found."""
    if value is None:
        return None
    before = len(problems.found)
    fields = words.fields(value, path, problems)
    given = [name for name in ("events", "raw", "plugin") if fields.get(name) is not None]
    if len(given) != 1:
        problems.add(path, ", ".join(given), "exactly one of events, raw and plugin is wanted")
        return None
    found = _READERS[given[0]](fields[given[0]], f"{path}.{given[0]}", words, problems)
    return found if len(problems.found) == before else None


def _events(value: Any, path: str, words: Words, problems: Problems) -> Indicator:
    fields = words.fields(value, path, problems, required=("error_query", "total_query"))
    error = _query(fields, "error_query", path, words, problems)
    total = _query(fields, "total_query", path, words, problems)
    if error and error == total:
        problems.add(path, "", "error and total ask the same: then every event would be an error")
    return Indicator(error_query=error, total_query=total)


def _raw(value: Any, path: str, words: Words, problems: Problems) -> Indicator:
    fields = words.fields(value, path, problems, required=("error_ratio_query",))
    return Indicator(ratio_query=_query(fields, "error_ratio_query", path, words, problems))


def _plugin(value: Any, path: str, words: Words, problems: Problems) -> Indicator:
    fields = words.fields(value, path, problems, required=("id",))
    problems.add(
        f"{path}.id",
        fields.get("id") or "",
        "an SLI plugin is a Go program that Sloth runs; it cannot be run here: let Sloth generate "
        "its rules once and write the query it makes as sli.raw",
    )
    return Indicator()


def _query(
    fields: Mapping[str, Any], name: str, path: str, words: Words, problems: Problems
) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    place = f"{path}.{words.spelled(name)}"
    if not isinstance(value, str):
        problems.add(place, value, "text is wanted here (put it in quotes)")
        return ""
    fault = query_fault(value)
    if fault:
        problems.add(place, value, fault)
    return value


_READERS = {"events": _events, "raw": _raw, "plugin": _plugin}
