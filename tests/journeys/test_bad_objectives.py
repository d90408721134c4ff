"""Objective files that become faulty: every fault is told, and the running set is untouched."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernel.api_client import ApiClient
from slo.catalogue import SHIPPED
from tests.journeys.running import RunningService, command, until


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files") / "objectives"
    shutil.copytree(SHIPPED, folder)
    return folder


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, files: Path) -> Iterator[RunningService]:
    settings = {"TILLWATCH_SLO_DIR": str(files)}
    with RunningService(tmp_path_factory.mktemp("service"), settings) as found:
        yield found


def promises(client: ApiClient) -> dict[str, float]:
    return {one["id"]: one["target"] for one in client.get("/api/slos")["slos"]}


def broken(files: Path) -> None:
    path = files / "payment-success.yaml"
    text = path.read_text().replace("targetPercent: 99.5", "targetPercent: 100")
    path.write_text(text.replace("  service: payments", "  servise: payments"))
    (files / "checkout-success.yaml").write_text("kind: [")


def test_faulty_files_leave_a_running_service_as_it_is_even_when_it_restarts(
    service: RunningService, files: Path
) -> None:
    before = promises(service.client)
    assert len(before) == 6
    broken(files)
    environment = {"TILLWATCH_SLO_DIR": str(files), "TILLWATCH_DATA_DIR": str(service.data_dir)}

    code, document = command(["slo", "validate"], environment=environment)
    assert code == 1
    faults = {one["path"]: one["reason"] for one in document["problems"]}
    assert set(faults) == {
        "checkout-success.yaml",
        "payment-success.yaml#0 $.spec.service",
        "payment-success.yaml#0 $.spec.servise",
        "payment-success.yaml#0 $.spec.objectives[0].targetPercent",
    }
    assert all(faults.values())
    code, document = command(["slo", "plan"], environment=environment)
    assert (code, document["changes"], len(document["problems"])) == (1, [], 4)
    assert promises(service.client) == before

    service.kill_engine()
    until(service.engine_pid, "a new engine works")
    assert promises(service.client) == before

    assert service.stop() == 0
    service.start()
    assert promises(service.client) == before
    assert "4 fault(s)" in service.client.get("/api/slos")["fault"]
    with service.http() as http:
        page = http.get("/").text
    assert "4 fault(s) in the objective files" in page
    assert "The last good set is in force." in page
    assert "slo.objectives.faulty" in service.log.read_text()
    environment["TILLWATCH_PUBLIC_URL"] = service.url
    code, document = command(["doctor"], environment=environment)
    assert code == 1
    [line] = [one for one in document["findings"] if one["name"] == "objectives"]
    assert line["state"] == "bad"
    assert "slo validate" in line["fix"]


def test_a_first_start_with_faulty_files_is_refused(tmp_path: Path) -> None:
    faulty = tmp_path / "objectives"
    shutil.copytree(SHIPPED, faulty)
    broken(faulty)
    new = RunningService(tmp_path / "new", {"TILLWATCH_SLO_DIR": str(faulty)})
    new.spawn()
    assert new.wait() == 2
    log = new.log.read_text()
    assert "4 fault(s) in the objective files" in log
    assert "slo validate" in log
