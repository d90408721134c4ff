"""`tillwatch slo tiers`: what pages when, before it does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from textwrap import fill
from typing import Annotated, Any

import typer

from kernel.terminal import AsJson, DataDir, emit, plain, render_table
from slo.authoring.watching import watch_of
from slo.service import SloService

Opener = Callable[[Path | None], AbstractContextManager[SloService]]
_WIDTH = 80
_HEAD = ("tier", "windows", "burn", "from", "all fail", "15 % fail", "spent by then", "what")


def add_tiers_command(cli: typer.Typer, opener: Opener) -> None:
    """Register the command; `opener(data_dir)` gives the service with its stores open."""

    @cli.command()
    def tiers(
        slo_id: Annotated[str, typer.Argument(help="Name of the objective.")],
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Show what pages when: each tier's burn, and how long a fault lasts until it trips."""
        with opener(data_dir) as service:
            document = watch_of(service.catalogue.find(slo_id))
        emit(document, as_json, render)


def render(document: dict[str, Any]) -> str:
    """A sentence for the fast tier, a table of the burn tiers."""
    rows = [
        [
            plain(one["tier"]),
            f"{_span(one['long_s'])}/{_span(one['short_s'])}",
            f"{one['factor']:.4g}",
            _percent(one["error_ratio"]),
            _time(one["trips_s"]["all"]),
            _time(one["trips_s"]["fifteen"]),
            _percent(one["share_spent"]),
            "page" if one["page"] else "ticket",
        ]
        for one in document["tiers"]
    ]
    promise = f"{_percent(document['target'])} over {_span(document['window_s'])}"
    least = document["min_bad_events"]
    lines = [
        f"{plain(document['name'])} ({plain(document['id'])}): {promise}",
        fill(_fast_text(document["fast_tier"]), _WIDTH),
        render_table(list(_HEAD), rows, list(_HEAD[2:7])),
        *[fill(plain(note), _WIDTH) for note in document["notes"]],
        f"A tier wants at least {least} bad attempts of different customers, and what still",
        "burns. Times: a steady fault after a clean history, with even traffic.",
    ]
    return "\n".join(lines)


def _fast_text(fast: dict[str, Any] | None) -> str:
    if fast is None:
        return "The fast tier is off."
    first, last = fast["windows"][0], fast["windows"][-1]
    usual = f"{_percent(first['error_ratio'])} ({_percent(last['error_ratio'])} over the longest)"
    return (
        f"Fast tier: looks every 5 s over {first['window_s']} s to {_span(last['window_s'])}, and"
        f" pages once at least {fast['min_bad']} fail there and an error rate of {usual} would"
        " hardly ever do that by chance."
    )


def _span(seconds: int) -> str:
    for unit, length_s in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds % length_s == 0:
            return f"{seconds // length_s}{unit}"
    return f"{seconds}s"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    minutes, rest_s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} m"
    return f"{minutes} m {rest_s} s" if minutes else f"{rest_s} s"


def _percent(ratio: float) -> str:
    return f"{ratio * 100:.4g} %"
