"""A real Prometheus of its own that scrapes one address, and questions to it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.shared_data import missing
from tests.triage.peers import free_port, until

_CONFIG = """
global: {{scrape_interval: 200ms, evaluation_interval: 200ms}}
rule_files: {rules}
scrape_configs:
- job_name: tillwatch
  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


@dataclass(frozen=True)
class PrometheusServer:
    """A running one."""

    url: str

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The samples of an expression now. Fails where Prometheus refuses it."""
        answer = httpx2.get(f"{self.url}/api/v1/query", params={"query": expr}).json()
        assert answer["status"] == "success", answer
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        """All rules with what became of their last evaluation."""
        groups = httpx2.get(f"{self.url}/api/v1/rules").json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]


@contextlib.contextmanager
def prometheus(folder: Path, scraped_port: int, rules: Path) -> Iterator[PrometheusServer]:
    """Start it over `rules`; wait until it has scraped twice."""
    binary = shutil.which("prometheus")
    if binary is None:
        missing("prometheus is not installed")
    folder.mkdir()
    config = folder / "prometheus.yml"
    config.write_text(_CONFIG.format(rules=[str(rules)], port=scraped_port))
    port = free_port()
    arguments = [
        f"--config.file={config}",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen([binary, *arguments], stdout=log, stderr=log)
    server = PrometheusServer(f"http://127.0.0.1:{port}")

    def scraped() -> bool:
        assert process.poll() is None, (folder / "log").read_text()[-2000:]
        with contextlib.suppress(httpx2.HTTPError):
            found = server.query("count_over_time(tillwatch_slo_target_ratio[1m])")
            return bool(found) and float(found[0]["value"][1]) >= 3
        return False

    try:
        until(scraped, within_s=60)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=20)
