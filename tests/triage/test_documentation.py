"""The page about incidents says what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import typer
from fastapi.routing import APIRoute
from typer.main import get_command

from tests.triage.web import application
from triage.cli import build_cli
from triage.incident import SeverityScale
from triage.slack.flood import MOST_CARDS, MOST_CRITICAL

PAGE = (Path(__file__).parents[2] / "docs" / "incidents.md").read_text()


def cli() -> typer.Typer:
    return build_cli(lambda _: None)  # type: ignore[arg-type, return-value]


def test_every_command_and_route_of_the_page_exists_and_none_is_left_out(desk):
    rows = re.findall(r"^\| `tillwatch incident ([a-z-]+) [^|]*\| `([a-z-]+)`", PAGE, re.MULTILINE)
    told = dict(rows)
    commands = set(get_command(cli()).commands)  # type: ignore[attr-defined]
    assert set(told) == commands - {"list", "show", "postmortem", "times"}
    posts, waiting = set(), list(application(desk).routes)
    while waiting:
        route = waiting.pop()
        inner = getattr(route, "original_router", None)
        if inner is not None:
            waiting += inner.routes
        elif isinstance(route, APIRoute) and route.path.startswith("/api/incidents/{incident_id}/"):
            posts |= {route.path.rpartition("/")[2]} if "POST" in route.methods else set()
    assert set(told.values()) == posts


def test_the_figures_of_the_page_are_those_of_the_program():
    scale = SeverityScale()
    assert f"| critical | {scale.critical_orders:.0f} | {scale.critical_money:,.0f} |" in PAGE
    assert f"| major | {scale.major_orders:.0f} | {scale.major_money:.0f} |" in PAGE
    assert f"at most {MOST_CARDS} incidents get a card" in PAGE
    assert f"critical ones up to {MOST_CRITICAL}" in PAGE
