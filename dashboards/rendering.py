"""The template environment: autoescape on, undefined names are errors, our formats as filters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nh3
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markdown_it import MarkdownIt
from markupsafe import Markup

from dashboards import alert_words, charts, formatting, slice_words, window_words
from dashboards.assets import Assets
from kernel.clock import Clock, parse_rfc3339
from kernel.money import format_money

_ALERT_WORDS = {
    "alert_reason": alert_words.alert_reason,
    "tier_sentence": alert_words.tier_sentence,
    "call_words": alert_words.call_words,
    "told_alert": alert_words.told_alert,
    "nothing_came": alert_words.nothing_came,
}


class Templates:
    """Renders pages. `render()` adds what every page needs: assets, the reader, the time."""

    def __init__(self, assets: Assets, clock: Clock) -> None:
        self._clock = clock
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            percent=formatting.percent,
            budget=formatting.budget_words,
            count=formatting.count,
            duration=formatting.duration,
            burn=formatting.burn_words,
            points=formatting.points_words,
            change=formatting.change_words,
            money=format_money,
            amount=lambda minor, currency: format_money(minor, currency).removesuffix(currency),
            utc=lambda text: formatting.clock_utc(parse_rfc3339(text)),
            since=lambda text: formatting.ago(parse_rfc3339(text), clock.now_us()),
            script_json=_script_json,
            markdown=markdown,
            allowance=formatting.allowance,
            allowed=formatting.allowed_words,
            capital=formatting.capital,
            short=formatting.short,
            tier_words=formatting.tier_words,
            left=lambda text: formatting.left(parse_rfc3339(text), clock.now_us()),
        )
        self._environment.globals.update(
            _ALERT_WORDS,
            asset=assets.url,
            slo_state=lambda slo: formatting.state_parts(
                formatting.SLO_STATES, formatting.shown_state(slo)
            ),
            incident_state=lambda state: formatting.state_parts(formatting.INCIDENT_STATES, state),
            approval_state=formatting.approval_parts,
            policy_state=lambda state: formatting.state_parts(formatting.POLICY_STATES, state),
            override_state=lambda state: formatting.state_parts(formatting.OVERRIDE_STATES, state),
            target_digits=formatting.target_digits,
            sli_words=formatting.sli_words,
            budget_now=formatting.budget_now,
            until=formatting.until,
            silent=formatting.silent,
            burn_now=formatting.burn_now,
            formula=slice_words.formula,
            may_fail=slice_words.may_fail,
            failed=slice_words.failed,
            slices_sentence=slice_words.slices_sentence,
            window_name=window_words.window_name,
            window_progress=window_words.window_progress,
            extrapolated_words=window_words.extrapolated_words,
            previous_words=window_words.previous_words,
            budget_bar=charts.budget_bar,
            sparkline=charts.sparkline,
        )

    def render(self, name: str, **values: Any) -> str:
        """The page as HTML text."""
        return self._environment.get_template(name).render(now_us=self._clock.now_us(), **values)


def markdown(text: str) -> Markup:
    """Markdown of our own runbooks as sanitised HTML (no raw HTML, links only to http(s))."""
    rendered = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    return Markup(nh3.clean(rendered, url_schemes={"http", "https"}))  # noqa: S704 - cleaned above


def _script_json(value: Any) -> Markup:
    """JSON that can stand inside a script element: nothing in it can close the element."""
    text = json.dumps(value, separators=(",", ":"))
    for character, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(character, escaped)
    return Markup(text)  # noqa: S704 - the three characters HTML could act on are escaped
