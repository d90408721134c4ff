"""Corrections as the command line shows them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kernel.terminal import plain, render_table


def correction_sentences(slo: Mapping[str, Any]) -> list[str]:
    """What `slo show` says: the other figure, and what is left out; nothing where nothing is."""
    if not slo["corrections"]:
        return []
    other = slo["uncorrected"]
    left = share(other["budget_left"], 1)
    lines = [f"with nothing left out: {share(other['sli'])} succeeded, budget left {left}"]
    for one in slo["corrections"]:
        labels = ", ".join(one["segment"].values())
        about = f" ({labels})" if labels else ""
        words = one["category"].replace("_", " ")
        lines.append(plain(f"left out: {words}{about}, {_when(one)}: {one['reason']}"))
    return lines


def render_list(document: dict[str, Any]) -> str:
    """`slo correction list`."""
    if not document["corrections"]:
        return "no corrections"
    return "\n".join(line for one in document["corrections"] for line in _listed(one))


def _listed(one: dict[str, Any]) -> tuple[str, str]:
    """Two lines, so that an id that is to be copied stands whole in 80 columns."""
    about = one["service"] or ", ".join(one["objectives"])
    category = one["category"].replace("_", " ")
    return (
        plain(f"{one['id']}  {one['state']}  {about}"),
        plain(f"  {category}, {one['when']}"),
    )


def render_one(one: dict[str, Any]) -> str:
    """One correction with its preview, for a terminal of 80 columns."""
    text = "\n".join(plain(line) for line in _facts(one))
    if not one["preview"]:
        return text
    head = ("objective", "bad/all without", "with", "budget left without", "with")
    table = [
        (
            effect["objective"],
            _counts(effect["before"]),
            _counts(effect["after"]),
            share(effect["before"]["budget_left"], 1),
            share(effect["after"]["budget_left"], 1),
        )
        for effect in one["preview"]
    ]
    said = [plain(f"  {effect['objective']}: {effect['says']}") for effect in one["preview"]]
    return "\n".join([text, "", render_table(head, table), "", *said])


def share(value: float | None, digits: int = 3) -> str:
    """A ratio in percent; what is not known says so."""
    return "no data" if value is None else f"{100 * value:.{digits}f} %"


def _facts(one: dict[str, Any]) -> list[str]:
    labels = ", ".join(f"{name}={value}" for name, value in one["segment"].items())
    lines = [
        f"{one['id']}: {one['state']}",
        f"  {one['category'].replace('_', ' ')}: {one['reason']}",
        f"  {one['when']}",
        f"  about {', '.join(one['objectives'])}" + (f" ({labels})" if labels else ""),
        f"  proposed by {one['proposed_by']} at {one['proposed_at'][:16]}Z",
    ]
    if one["decided_by"]:
        why = f": {one['decision_reason']}" if one["decision_reason"] else ""
        lines.append(f"  decided by {one['decided_by']} at {one['decided_at'][:16]}Z{why}")
    if one["closed_by"]:
        lines.append(
            f"  {one['state']} by {one['closed_by']} at {one['closed_at'][:16]}Z:"
            f" {one['closing_reason']}"
        )
    return lines + [f"  next {at['from'][:16]}Z to {at['to'][:16]}Z" for at in one["next"]]


def _when(one: dict[str, Any]) -> str:
    if one["until"]:
        return f"now, until {one['until'][:16]}Z"
    if one["seconds"]:
        return f"{one['seconds'] // 60} min of this window"
    return f"next at {one['next'][:16]}Z"


def _counts(figures: dict[str, Any]) -> str:
    bad, good = figures["counts"]["bad"], figures["counts"]["good"]
    return f"{bad}/{bad + good}"
