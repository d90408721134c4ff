"""All stories at once told to a real Prometheus with Sloth's rules and a real Alertmanager.

Time is scaled: windows, scrape and evaluation intervals, group wait and interval are divided by one
factor, and so is the story. What arrives at the webhook is what a person would be paged by. Usual
settings: scraped every 15 s, rules every 30 s, 30 s of group wait, 5 min of group interval.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from app.bench.detect.counts import Numbers
from app.bench.detect.incidents import INCIDENTS, TARGET, Incident
from app.bench.detect.outcome import Page
from app.bench.detect.shops import slice_at
from app.bench.waiting import BenchFailed
from app.demo.processes import free_ports
from kernel import strict_json
from kernel.clock import Clock
from slo.fast_tier import SLICE_S
from slo.rules.rule import rules_yaml
from slo.sloth.model import DAY_S, AlertBlock, Indicator, SlothSlo
from slo.sloth.rules import sloth_groups
from slo.sloth.windows import AlertWindows, WindowPair, workbook_windows

_COUNTERS = ("shop_payments", "shop_payments_failed")
SPEEDS = (10, 20, 30, 60)
_PROGRAMS = ("prometheus", "promtool", "prometheus-alertmanager")
_PERIOD_S = 28 * DAY_S
_HISTORY_S = 6 * 3600
_HISTORY_STEP_S = 60
_READY_WITHIN_S = 60.0
_PAUSE_S = 0.2
_PROMETHEUS = """
global:
  scrape_interval: {scrape_ms}ms
  scrape_timeout: {scrape_ms}ms
  evaluation_interval: {rules_ms}ms
rule_files: [{rules}]
alerting:
  alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{alertmanager}"]}}]}}]
scrape_configs:
- job_name: shops
  static_configs: [{{targets: ["127.0.0.1:{shops}"]}}]
"""
_ALERTMANAGER = """
route:
  receiver: us
  group_by: [case, seed, sloth_severity]
  group_wait: {wait_ms}ms
  group_interval: {interval_ms}ms
  repeat_interval: 4h
receivers:
- name: us
  webhook_configs: [{{url: "http://127.0.0.1:{shops}/", send_resolved: true}}]
"""


@dataclass(frozen=True)
class _Story:
    """Attempts and failures before each slice; the rates of the six hours before the story."""

    total: Numbers
    bad: Numbers
    per_s: float
    bad_per_s: float

    def counters(self, story_s: float) -> tuple[float, float]:
        """Both counters so many seconds after the begin (before it: negative)."""
        known_s = _HISTORY_S + min(0.0, story_s)
        at = min(int(max(0.0, story_s) // SLICE_S), len(self.total) - 1)
        total = self.per_s * known_s + float(self.total[at])
        return total, self.bad_per_s * known_s + float(self.bad[at])


@dataclass
class _Heard:
    """Pages by story, as the webhook told them."""

    opened: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    closed: dict[tuple[str, str], list[float]] = field(default_factory=dict)


class PeerRun:
    """Plays every incident of every seed in parallel; takes the longest story through the speed."""

    def __init__(self, folder: Path, clock: Clock, say: Callable[[str], None], speed: int) -> None:
        self._folder = folder
        self._clock = clock
        self._say = say
        self._speed = speed
        self._pause = threading.Event()
        self._begun_s: float | None = None
        self._stories: dict[tuple[str, str], _Story] = {}
        self._heard = _Heard()
        self._scrapes = 0

    def run(
        self, seeds: Sequence[int], incidents: Sequence[Incident] = INCIDENTS
    ) -> dict[tuple[str, int], list[Page]]:
        """Pages by incident and seed. Raises BenchFailed where a server does not come up."""
        for incident in incidents:
            for seed in seeds:
                self._stories[incident.name, str(seed)] = _story(incident, seed)
        story_s = max(one.story_s for one in incidents)
        with self._shops() as shops, self._servers(shops) as processes:
            self._wait_for_scrapes(processes)
            self._begun_s = self._clock.monotonic_s()
            self._say(f"peer: {len(self._stories)} stories, {story_s / self._speed:.0f} s")
            # What closes last waits for one more group interval.
            while self._story_s() < story_s + 600:
                _check(processes)
                self._pause.wait(_PAUSE_S)
        return {
            (incident.name, seed): self._pages(incident.name, str(seed))
            for incident in incidents
            for seed in seeds
        }

    def _pages(self, case: str, seed: str) -> list[Page]:
        opened = self._heard.opened.get((case, seed), [])
        closed = self._heard.closed.get((case, seed), [])
        return [
            Page(one, next((end for end in closed if end > one), None)) for one in sorted(opened)
        ]

    def _story_s(self) -> float:
        if self._begun_s is None:
            return 0.0
        return (self._clock.monotonic_s() - self._begun_s) * self._speed

    def _metrics(self) -> str:
        self._scrapes += 1
        story_s = self._story_s()
        return _exposition(self._stories, story_s) + "\n"

    def _backfill(self, shops: int) -> None:
        """Six hours before now as blocks of the private Prometheus, with the labels of a scrape."""
        now_s = self._clock.now_us() / 1_000_000
        wide = f',instance="127.0.0.1:{shops}",job="shops"'
        lines: dict[str, list[str]] = {name: [] for name in _COUNTERS}
        for back_s in range(_HISTORY_S, 0, -_HISTORY_STEP_S):
            at_s = now_s - back_s / self._speed
            for labels, values in _samples(self._stories, -float(back_s)):
                for name, value in zip(_COUNTERS, values, strict=True):
                    lines[name].append(f"{name}_total{{{labels}{wide}}} {value} {at_s:.3f}")
        text = [line for name in _COUNTERS for line in (f"# TYPE {name} counter", *lines[name])]
        file = self._folder / "history.om"
        file.write_text("\n".join([*text, "# EOF", ""]))
        subprocess.run(
            ["promtool", "tsdb", "create-blocks-from", "openmetrics", file, self._folder / "data"],
            check=True,
            capture_output=True,
            timeout=_READY_WITHIN_S,
        )

    def _told(self, body: bytes) -> None:
        now_s = self._story_s()
        for alert in strict_json.loads(body)["alerts"]:
            labels = alert["labels"]
            if labels.get("sloth_severity") != "page":
                continue
            place = labels["case"], labels["seed"]
            heard = self._heard.opened if alert["status"] == "firing" else self._heard.closed
            known = heard.setdefault(place, [])
            # A group's post repeats what still fires: only what is new since the last end counts.
            ends = self._heard.closed.get(place, [])
            if alert["status"] == "resolved" or not known or (ends and known[-1] < ends[-1]):
                known.append(now_s)

    @contextmanager
    def _shops(self) -> Iterator[int]:
        run = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(run._metrics().encode())

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", 0))
                run._told(self.rfile.read(length))
                self._answer(b"")

            def _answer(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("content-type", "text/plain; version=0.0.4")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                del format, args

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            server.server_close()
            thread.join(5)

    @contextmanager
    def _servers(self, shops: int) -> Iterator[list[subprocess.Popen[bytes]]]:
        ports = free_ports(0)
        prometheus, alertmanager = ports.otlp_http, ports.otlp_grpc
        self._folder.mkdir(parents=True, exist_ok=True)
        rules = self._folder / "rules.yml"
        rules.write_text(peer_rules(self._speed))
        config = _PROMETHEUS.format(
            scrape_ms=15_000 // self._speed,
            rules_ms=30_000 // self._speed,
            rules=rules,
            alertmanager=alertmanager,
            shops=shops,
        )
        routes = _ALERTMANAGER.format(
            wait_ms=30_000 // self._speed, interval_ms=300_000 // self._speed, shops=shops
        )
        self._backfill(shops)
        (self._folder / "prometheus.yml").write_text(config)
        (self._folder / "alertmanager.yml").write_text(routes)
        listen = "--web.listen-address=127.0.0.1:"
        commands = [
            [
                "prometheus-alertmanager",
                f"--config.file={self._folder}/alertmanager.yml",
                f"--storage.path={self._folder}/alertmanager",
                f"{listen}{alertmanager}",
                "--cluster.listen-address=",
            ],
            [
                "prometheus",
                f"--config.file={self._folder}/prometheus.yml",
                f"--storage.tsdb.path={self._folder}/data",
                f"{listen}{prometheus}",
            ],
        ]
        started: list[subprocess.Popen[bytes]] = []
        with (self._folder / "peer.log").open("ab") as log:
            try:
                started.extend(
                    subprocess.Popen(words, stdout=log, stderr=log) for words in commands
                )
                yield started
            finally:
                for process in started:
                    process.terminate()
                for process in started:
                    process.wait(20)

    def _wait_for_scrapes(self, processes: Sequence[subprocess.Popen[bytes]]) -> None:
        ends_s = self._clock.monotonic_s() + _READY_WITHIN_S
        while self._scrapes < 3:
            _check(processes)
            if self._clock.monotonic_s() > ends_s:
                raise BenchFailed("Prometheus did not scrape within a minute")
            self._pause.wait(_PAUSE_S)


def peer_is_installed() -> bool:
    """True where both servers are on the path."""
    return all(shutil.which(name) for name in _PROGRAMS)


def peer_rules(speed: int) -> str:
    """Sloth's rules for one SLO over all stories, every window divided by `speed`."""
    labels = "by (case, seed)"
    asked = Indicator(
        error_query=f"sum {labels} (rate(shop_payments_failed_total[{{{{.window}}}}]))",
        total_query=f"sum {labels} (rate(shop_payments_total[{{{{.window}}}}]))",
    )
    slo = SlothSlo(
        "payments",
        "success",
        float(TARGET) * 100,
        asked,
        page=AlertBlock("PaymentsBurn"),
        ticket=AlertBlock("PaymentsBurn"),
        period_s=_PERIOD_S // speed,
    )
    usual = workbook_windows(_PERIOD_S)
    scaled = AlertWindows(
        slo.period_s,
        _scaled(usual.page_quick, speed),
        _scaled(usual.page_slow, speed),
        _scaled(usual.ticket_quick, speed),
        _scaled(usual.ticket_slow, speed),
    )
    groups = sloth_groups([slo], {slo.period_s: scaled}, compatible=True)
    return rules_yaml(groups, f"Sloth's rules, time divided by {speed}")


def _scaled(pair: WindowPair, speed: int) -> WindowPair:
    return WindowPair(pair.budget_percent, pair.short_s // speed, pair.long_s // speed)


def _story(incident: Incident, seed: int) -> _Story:
    counts = incident.counts(seed)
    total, bad = counts.total.sum(axis=0), counts.bad.sum(axis=0)
    if incident.hangs:
        # What has no outcome is in no counter of outcomes.
        begin = slice_at(incident.starts_s(seed))
        total[begin:] -= bad[begin:]
        bad[begin:] = 0
    bad_per_s = incident.per_s * incident.burn * (1 - float(TARGET))
    return _Story(_summed(total), _summed(bad), incident.per_s, bad_per_s)


def _samples(
    stories: Mapping[tuple[str, str], _Story], story_s: float
) -> Iterator[tuple[str, tuple[float, float]]]:
    """Labels and both counters of every story."""
    for (case, seed), story in stories.items():
        yield f'case="{case}",seed="{seed}"', story.counters(story_s)


def _exposition(stories: Mapping[tuple[str, str], _Story], story_s: float) -> str:
    return "\n".join(
        f"{name}_total{{{labels}}} {value}"
        for labels, values in _samples(stories, story_s)
        for name, value in zip(_COUNTERS, values, strict=True)
    )


def _summed(counts: Numbers) -> Numbers:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts, dtype=np.int64)])


def _check(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is not None:
            raise BenchFailed(f"a server of the peer ended with {process.returncode}")
