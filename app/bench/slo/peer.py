"""The peer: a real Prometheus that evaluates Sloth's rules for the same objectives.

It scrapes exact counters of the same stream, which cost it nothing but the scrape. Its history
lies in blocks that promtool wrote before it started. Measured is the processor time of its process.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import httpx2
import yaml

from app.bench.slo.shop import BAD_SHARE
from app.demo.processes import free_ports
from kernel.clock import SECOND_US, SystemClock
from kernel.errors import NotConfigured, Unavailable
from slo.objective import Objective
from slo.rules.rule import rules_yaml
from slo.sloth import BUILT_IN, read_sloth, sloth_groups

SCRAPE_S: Final = 15
EVALUATE_S: Final = 30
_CLOCK: Final = SystemClock()
_START_WITHIN_S: Final = 120.0
_RATE: Final = 20.0
_CONFIG: Final = """
global: {{scrape_interval: {scrape}s, evaluation_interval: {evaluate}s}}
rule_files: [{rules}]
scrape_configs:
- job_name: shop
  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


@dataclass(frozen=True)
class PeerCost:
    """Processor seconds over so many minutes, and whether every rule was evaluated well."""

    cpu_s: float
    minutes: float
    rules: int
    failing: int


def measure(
    folder: Path,
    objectives: Sequence[Objective],
    minutes: float,
    history_h: float,
    say: Callable[[str], None],
) -> PeerCost:
    """Raises NotConfigured where prometheus is not installed."""
    if shutil.which("prometheus") is None or shutil.which("promtool") is None:
        raise NotConfigured("prometheus is not installed", hint="install Debian's package")
    folder.mkdir(parents=True)
    names = [one.id for one in objectives]
    say(f"peer: writing {history_h:g} h of history of {len(names)} objectives")
    _write_history(folder, names, history_h)
    (folder / "rules.yml").write_text(_rules(objectives))
    counters = _serve(names)
    try:
        return _run(folder, counters.server_address[1], minutes, say)
    finally:
        counters.shutdown()


def _rules(objectives: Sequence[Objective]) -> str:
    slos = [
        {
            "name": one.id,
            "objective": float(one.target * 100),
            "sli": {
                "events": {
                    "error_query": _rate("shop_bad_total", one.id),
                    "total_query": _rate("shop_all_total", one.id),
                }
            },
            "alerting": {"name": f"Burn{number}", "page_alert": {}, "ticket_alert": {}},
        }
        for number, one in enumerate(objectives)
    ]
    spec = {"version": "prometheus/v1", "service": "shop", "slos": slos}
    reading = read_sloth(yaml.safe_dump(spec), "bench.yml")
    return rules_yaml(sloth_groups(reading.slos, BUILT_IN, compatible=True), "")


def _rate(series: str, name: str) -> str:
    """A query as Sloth wants it: the window is filled in by Sloth."""
    return f'sum(rate({series}{{objective="{name}"}}[{{{{.window}}}}]))'


def _counts(at_s: float) -> tuple[int, int]:
    """Bad and all attempts of one objective up to a moment."""
    return int(at_s * _RATE * BAD_SHARE), int(at_s * _RATE)


def _exposition(names: Sequence[str], at_s: float) -> bytes:
    bad, total = _counts(at_s)
    lines = ["# TYPE shop_bad_total counter"]
    lines += [f'shop_bad_total{{objective="{name}"}} {bad}' for name in names]
    lines.append("# TYPE shop_all_total counter")
    lines += [f'shop_all_total{{objective="{name}"}} {total}' for name in names]
    return ("\n".join(lines) + "\n").encode()


def _serve(names: Sequence[str]) -> ThreadingHTTPServer:
    class Counters(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = _exposition(names, _CLOCK.now_us() / SECOND_US)
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """A scrape is no news."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Counters)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _write_history(folder: Path, names: Sequence[str], history_h: float) -> None:
    """The counters' past at the scrape interval, as blocks of Prometheus."""
    end_s = _CLOCK.now_us() // SECOND_US // SCRAPE_S * SCRAPE_S - SCRAPE_S
    begin_s = end_s - int(history_h * 3600)
    text = folder / "history.txt"
    with text.open("w") as file:
        for family, place in (("shop_bad", 0), ("shop_all", 1)):
            file.write(f"# TYPE {family} counter\n")
            for name in names:
                file.writelines(
                    f'{family}_total{{objective="{name}"}} {_counts(at_s)[place]} {at_s}\n'
                    for at_s in range(begin_s, end_s, 4 * SCRAPE_S)
                )
        file.write("# EOF\n")
    arguments = [
        "promtool",
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        str(text),
        str(folder / "data"),
    ]
    subprocess.run(arguments, check=True, capture_output=True)
    text.unlink()


def _run(folder: Path, port: int, minutes: float, say: Callable[[str], None]) -> PeerCost:
    config = folder / "prometheus.yml"
    config.write_text(
        _CONFIG.format(
            scrape=SCRAPE_S, evaluate=EVALUATE_S, rules=str(folder / "rules.yml"), port=port
        )
    )
    own = free_ports(0).http
    arguments = [
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{own}",
    ]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(["prometheus", *arguments], stdout=log, stderr=log)
    pause = threading.Event()
    try:
        _until_evaluated(own, process, pause)
        say(f"peer: measuring for {minutes:g} min")
        begun_s, cpu_s = time.monotonic(), _cpu_s(process.pid)
        pause.wait(minutes * 60)
        cpu_s = _cpu_s(process.pid) - cpu_s
        took = (time.monotonic() - begun_s) / 60
        rules = _all_rules(own)
        failing = sum(rule["health"] == "err" for rule in rules)
        return PeerCost(cpu_s, took, len(rules), failing)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _until_evaluated(port: int, process: subprocess.Popen[bytes], pause: threading.Event) -> None:
    """Every rule was evaluated once: the start is not measured."""
    ends_s = time.monotonic() + _START_WITHIN_S
    while time.monotonic() < ends_s and process.poll() is None:
        try:
            rules = _all_rules(port)
        except (httpx2.HTTPError, ValueError, KeyError):
            rules = []
        if rules and all(rule["health"] != "unknown" for rule in rules):
            return
        pause.wait(1)
    raise Unavailable("prometheus did not evaluate its rules in time")


def _all_rules(port: int) -> list[dict[str, str]]:
    answer = httpx2.get(f"http://127.0.0.1:{port}/api/v1/rules", timeout=30).json()
    return [rule for group in answer["data"]["groups"] for rule in group["rules"]]


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
