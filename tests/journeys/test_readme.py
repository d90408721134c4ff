"""Every command of README does what README says, against a real service."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.running import PROJECT, RunningService, clean_environment, until

README = (PROJECT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
# Played to its end by test_demo.py, run by whoever reads this, or checked by tests/deploy.
ELSEWHERE = ("make demo", "make test", "tillwatch serve", "docker compose")


def commands() -> list[str]:
    """The lines of README's unnamed blocks that are commands; `curl` spans several lines."""
    found = []
    for language, text in BLOCKS:
        if language:
            continue
        if text.startswith("curl "):
            found.append(text)
        lines = (line.partition(" #")[0].strip() for line in text.splitlines())
        found += [line for line in lines if line.startswith(("tillwatch ", "make "))]
    return found


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with RunningService(tmp_path_factory.mktemp("readme")) as running:
        yield running


def bash(service: RunningService, line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    binaries = Path(sys.executable).parent
    environment = {
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "TILLWATCH_DATA_DIR": str(service.data_dir),
        "TILLWATCH_PUBLIC_URL": service.url,
        "TOKEN": service.token,
    }
    text = line.replace("http://127.0.0.1:8080", service.url)
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        capture_output=True,
        text=True,
        env=clean_environment(environment),
        check=False,
        timeout=60,
    )


def test_readme_has_the_commands_that_these_tests_run() -> None:
    found = commands()
    assert len(found) >= 12
    assert any(line.startswith("curl ") for line in found)


@pytest.mark.parametrize(
    "line",
    [line for line in commands() if not line.startswith((*ELSEWHERE, "curl "))],
    ids=lambda line: " ".join(line.split()[:3]),
)
def test_a_command_of_readme_runs(service: RunningService, tmp_path: Path, line: str) -> None:
    done = bash(service, line, tmp_path)
    # `slo list` answers 1 while promises are without data: an answer, not a failure.
    allowed = {0, 1} if line.startswith(("tillwatch slo list", "tillwatch doctor")) else {0}
    assert done.returncode in allowed, done.stdout + done.stderr
    assert done.stdout.strip()


def test_the_curl_of_readme_counts_one_payment(service: RunningService, tmp_path: Path) -> None:
    (line,) = [line for line in commands() if line.startswith("curl ")]
    done = bash(service, line, tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"accepted":1' in done.stdout.replace(" ", "")

    def counted() -> bool:
        slo = service.client.get("/api/slos/payment-success")
        return bool(slo["counts"]["good"] == 1)

    assert until(counted, "the payment is counted")


def test_the_objective_of_readme_is_valid(service: RunningService, tmp_path: Path) -> None:
    (text,) = [text for language, text in BLOCKS if language == "yaml"]
    (tmp_path / "payment.yaml").write_text(text)
    done = bash(service, f"tillwatch slo validate {tmp_path / 'payment.yaml'}", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
