"""The rules of one Sloth SLO: the same names, labels and meaning as Sloth's own. Pure.

Two ways. *Compatible* is Sloth's text: the ratio over the SLO period is the plain mean of the
recorded 5-minute ratios, and one slice without traffic makes it NaN until it leaves the period.
*Weighted*, the default, asks the queries themselves over the whole period, so every event counts
alike, and leaves slices without traffic out. The alerts are the same in both.
Numbers are float64, computed and printed as Sloth does it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kernel.errors import BadInput
from slo.rules.rule import (
    Rule,
    RuleGroup,
    duration_text,
    float_text,
    plain_float_text,
    selector,
)
from slo.sloth.model import DAY_S, MODES, AlertBlock, SlothSlo
from slo.sloth.query import filled
from slo.sloth.windows import AlertWindows, WindowPair

WINDOW_LABEL = "sloth_window"
_JOIN = "/ on(sloth_id, sloth_slo, sloth_service) group_left"
_BUDGET = "slo:error_budget:ratio"
_VERSION = "dev"


def sloth_groups(
    slos: Sequence[SlothSlo],
    windows: Mapping[int, AlertWindows],
    *,
    compatible: bool = False,
    labels: Mapping[str, str] | None = None,
) -> list[RuleGroup]:
    """Three groups for each SLO. `labels` are added to all recorded series.

    Raises BadInput where `windows` holds no pairs for the period of an SLO.
    """
    found: list[RuleGroup] = []
    for slo in slos:
        chosen = windows.get(slo.period_s)
        if chosen is None:
            known = ", ".join(duration_text(length) for length in sorted(windows)) or "none"
            raise BadInput(
                f"{slo.id}: there are no alert windows for an SLO period of "
                f"{duration_text(slo.period_s)} (known: {known})",
                hint="give a file of kind AlertWindows with --windows",
            )
        found += _Writer(slo, chosen, labels or {}, compatible=compatible).groups()
    return found


class _Writer:
    """Writes the groups of one SLO."""

    def __init__(
        self, slo: SlothSlo, windows: AlertWindows, extra: Mapping[str, str], *, compatible: bool
    ) -> None:
        self._slo = slo
        self._windows = windows
        self._compatible = compatible
        self._ids = {
            "sloth_id": slo.id,
            "sloth_service": slo.service,
            "sloth_slo": slo.name,
        }
        self._labels = {**self._ids, **slo.labels, **extra}

    def groups(self) -> list[RuleGroup]:
        name = self._slo.id
        return [
            RuleGroup(f"sloth-slo-sli-recordings-{name}", self._recordings()),
            RuleGroup(f"sloth-slo-meta-recordings-{name}", self._metadata()),
            RuleGroup(f"sloth-slo-alerts-{name}", self._alerts()),
        ]

    def _recordings(self) -> list[Rule]:
        period_s = self._slo.period_s
        rules = [
            self._recording(length, self._ratio(length))
            for length in self._windows.windows_s
            if length != period_s
        ]
        mean = self._compatible and not self._slo.weighted_period
        period = self._mean_of_ratios() if mean else self._ratio(period_s)
        return [*rules, self._recording(period_s, period)]

    def _recording(self, window_s: int, expr: str) -> Rule:
        labels = {**self._ids, WINDOW_LABEL: duration_text(window_s), **self._labels}
        return Rule(expr, record=_ratio_name(window_s), labels=labels)

    def _ratio(self, window_s: int) -> str:
        asked, window = self._slo.indicator, duration_text(window_s)
        if asked.ratio_query:
            return f"({filled(asked.ratio_query, window)})"
        error, total = filled(asked.error_query, window), filled(asked.total_query, window)
        below = f"({total})" if self._compatible else f"(({total}) > 0)"
        return f"({error})\n/\n{below}\n"

    def _mean_of_ratios(self) -> str:
        short = self._series(_ratio_name(self._windows.page_quick.short_s))
        window = duration_text(self._slo.period_s)
        return (
            f"sum_over_time({short}[{window}])\n"
            f"/ ignoring ({WINDOW_LABEL})\n"
            f"count_over_time({short}[{window}])\n"
        )

    def _metadata(self) -> list[Rule]:
        slo = self._slo
        ratio = float_text(slo.objective_percent / 100)
        newest = self._series(_ratio_name(self._windows.page_quick.short_s))
        period = self._series(_ratio_name(slo.period_s))
        budget = self._series(_BUDGET)
        burn = "slo:period_burn_rate:ratio"
        values = {
            "slo:objective:ratio": f"vector({ratio})",
            _BUDGET: f"vector(1-{ratio})",
            "slo:time_period:days": f"vector({float_text(slo.period_s / DAY_S)})",
            "slo:current_burn_rate:ratio": f"{newest}\n{_JOIN}\n{budget}\n",
            burn: f"{period}\n{_JOIN}\n{budget}\n",
            "slo:period_error_budget_remaining:ratio": f"1 - {self._series(burn)}",
        }
        rules = [Rule(expr, record=name, labels=self._labels) for name, expr in values.items()]
        info = {
            **self._labels,
            "sloth_mode": MODES[slo.spec],
            "sloth_objective": plain_float_text(slo.objective_percent),
            "sloth_spec": slo.spec,
            "sloth_version": _VERSION,
        }
        return [*rules, Rule("vector(1)", record="sloth_slo_info", labels=info)]

    def _alerts(self) -> list[Rule]:
        windows, found = self._windows, []
        if self._slo.page is not None:
            found.append(self._alert(self._slo.page, "page", windows.page_quick, windows.page_slow))
        if self._slo.ticket is not None:
            found.append(
                self._alert(self._slo.ticket, "ticket", windows.ticket_quick, windows.ticket_slow)
            )
        return found

    def _alert(self, block: AlertBlock, severity: str, quick: WindowPair, slow: WindowPair) -> Rule:
        who = "{{$labels.sloth_service}} {{$labels.sloth_slo}}"
        texts = {
            "title": f"({severity}) {who} SLO error budget burn rate is too fast.",
            "summary": f"{who} SLO error budget burn rate is over expected.",
        }
        return Rule(
            f"{self._both(quick)}or\n{self._both(slow)}",
            alert=block.name,
            labels={"sloth_severity": severity, **block.labels},
            annotations={**texts, **block.annotations},
        )

    def _both(self, pair: WindowPair) -> str:
        budget = float_text((100 - self._slo.objective_percent) / 100)
        factor = float_text(pair.factor(self._windows.period_s))
        parts = [
            f"    max({self._series(_ratio_name(length))} > ({factor} * {budget})) "
            f"without ({WINDOW_LABEL})\n"
            for length in (pair.short_s, pair.long_s)
        ]
        return f"(\n{parts[0]}    and\n{parts[1]})\n"

    def _series(self, name: str) -> str:
        return selector(name, self._ids)


def _ratio_name(window_s: int) -> str:
    return f"slo:sli_error:ratio_rate{duration_text(window_s)}"
