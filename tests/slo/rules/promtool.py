"""The real promtool: checks rules, and replays synthetic counters through them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from slo.rules.rule import RuleGroup, rules_yaml
from tests.shared_data import missing

_LONG_S = 600  # days of minutes on a busy machine; the test has its own bound


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run it; a missing one is a skip, and a failure under CI."""
    found = shutil.which("promtool")
    if found is None:
        missing("promtool is not installed")
    return subprocess.run(
        [found, *arguments], capture_output=True, text=True, check=False, timeout=_LONG_S
    )


def check_rules(path: Path) -> None:
    """Assert that promtool accepts a rules file."""
    done = promtool("check", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr


def written(folder: Path, groups: Sequence[RuleGroup], name: str = "rules.yml") -> Path:
    """The rules as a file that promtool has accepted."""
    path = folder / name
    path.write_text(rules_yaml(groups, "made by a test"))
    check_rules(path)
    return path


@dataclass(frozen=True)
class Replay:
    """Synthetic series, a sample each minute, and questions about the rules over them.

    `series` maps a selector to promtool's notation of values ("0+10x100").
    """

    rules: Path
    series: Mapping[str, str]
    evaluated: str = "1m"

    def firing_minutes(
        self, alert: str, until_min: int, labels: Mapping[str, str] = MappingProxyType({})
    ) -> list[int]:
        """Minutes from 0 on at which the alert fires (with all of `labels`).

        promtool reports all wrong expectations at once: nobody is expected, so each firing shows.
        """
        asked = [
            {"alertname": alert, "eval_time": f"{minute}m", "exp_alerts": []}
            for minute in range(until_min + 1)
        ]
        done = self._run({"alert_rule_test": asked})
        wanted = [f'{name}="{value}"' for name, value in labels.items()]
        found: set[int] = set()
        minute = 0
        for line in (done.stdout + done.stderr).splitlines():
            if f"alertname: {alert}" in line:
                minute = int(_minutes(line.split("time:", 1)[1].split(",", 1)[0].strip()))
            elif "Labels:{" in line and all(one in line for one in wanted):
                found.add(minute)
        return sorted(found)

    def value(self, expr: str, at: str) -> str:
        """The one value of an expression, as promtool prints it ("" for no sample)."""
        return self.values([expr], at)[0]

    def values(self, exprs: Sequence[str], at: str) -> list[str]:
        """The same for several, in one run."""
        asked = [{"expr": one, "eval_time": at, "exp_samples": _IMPOSSIBLE} for one in exprs]
        done = self._run({"promql_expr_test": asked})
        told = (done.stdout + done.stderr).split("got:")[1:]
        assert len(told) == len(exprs), done.stdout + done.stderr
        lines = [one.strip().splitlines()[0] for one in told]
        return ["" if line == "nil" else line.rsplit(" ", 1)[-1] for line in lines]

    def _groups(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = yaml.safe_load(self.rules.read_text())["groups"]
        return found

    def _run(self, test: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
        series = [{"series": name, "values": values} for name, values in self.series.items()]
        document = {
            "rule_files": [str(self.rules)],
            # Else promtool takes the groups in any order: alerts would lag by chance.
            "group_eval_order": [one["name"] for one in self._groups()],
            "evaluation_interval": self.evaluated,
            "tests": [{"interval": "1m", "input_series": series, **test}],
        }
        path = self.rules.with_name("replay.yml")
        path.write_text(yaml.safe_dump(document))
        return promtool("test", "rules", path)


def counter(*runs: tuple[float, int], start: float = 0) -> str:
    """A counter in promtool's notation: `(growth a minute, minutes)` one after the other."""
    level, text = start, [f"{start:g}"]
    for growth, minutes in runs:
        text.append(f"{level + growth:.10g}+{growth:.10g}x{minutes - 1}")
        level += growth * minutes
    return " ".join(text)


def stepwise(growths: Iterable[float]) -> str:
    """A counter that grows by each of `growths`, a minute each."""
    levels = accumulate(growths, initial=0.0)
    return " ".join(f"{level:.10g}" for level in levels)


_IMPOSSIBLE = [{"labels": '{never="there"}', "value": 0}]
_UNITS_MIN = {"d": 1440.0, "h": 60.0, "m": 1.0, "s": 1 / 60}


def _minutes(text: str) -> float:
    total, number = 0.0, ""
    for char in text:
        if char.isdigit() or char == ".":
            number += char
        else:
            total += float(number) * _UNITS_MIN[char]
            number = ""
    return total
