"""Dashboards ask metrics that exist, keep their identity, and are the ones that are shipped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, start_http_server
from typer.testing import CliRunner

from slo.catalogue import SHIPPED, read_folder
from slo.metrics import SloCollector
from slo.rules.counters import UnitCounterCollector, UnitCounters
from slo.rules.grafana import OVERVIEW_UID, dashboards, text_of, uid_of
from slo.rules.own import own_groups
from tests.slo.rules.prometheus_server import PrometheusServer, prometheus
from tests.slo.rules.promtool import written
from tests.slo.shop_till import Till, all_fail, payments
from tests.triage.peers import free_port, until

SHIPPED_DASHBOARDS = Path(__file__).parents[3] / "dashboards/grafana/objectives"
DEFAULT_URL = "http://127.0.0.1:8080"


def made() -> dict:
    return dashboards(read_folder(SHIPPED).objectives, DEFAULT_URL)


def test_the_shipped_dashboards_are_those_of_the_shipped_objectives() -> None:
    """To make them again: tillwatch slo rules --grafana dashboards/grafana/objectives."""
    wanted = {name: text_of(one) for name, one in made().items()}
    shipped = {path.name: path.read_text() for path in SHIPPED_DASHBOARDS.iterdir()}
    assert shipped == wanted


@pytest.mark.parametrize("name", sorted(made()))
def test_a_dashboard_has_the_shape_that_grafana_reads(name: str) -> None:
    board = made()[name]
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        columns, lines = range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])
        cells = {(x, y) for x in columns for y in lines}
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells
        assert panel["targets"]
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references)
        for target in panel["targets"]:
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(set(numbers)) == len(numbers)
    variables = [one["name"] for one in board["templating"]["list"]]
    assert variables == ["datasource", "window"]
    assert json.loads(text_of(board)) == board


def test_identities_are_stable_unique_and_short_enough() -> None:
    boards = made()
    uids = [board["uid"] for board in boards.values()]
    assert len(set(uids)) == len(uids)
    assert boards["tillwatch-slo-payment-success.json"]["uid"] == "tw-payment-success"
    long = [f"{'a' * 62}{end}" for end in "bc"]
    assert len({uid_of(one) for one in long}) == 2
    assert {len(uid_of(one)) for one in long} == {40}


def test_every_objective_is_linked_from_the_overview_and_back() -> None:
    boards = made()
    overview = boards.pop(f"{OVERVIEW_UID}.json")
    linked = {link["url"] for link in overview["links"]}
    for board in boards.values():
        assert f"/d/{board['uid']}" in linked
        assert f"/d/{OVERVIEW_UID}" in {link["url"] for link in board["links"]}


def test_the_command_writes_the_files_and_names_them(tmp_path: Path) -> None:
    from app.cli import build_root

    done = CliRunner().invoke(
        build_root("slo"), ["slo", "rules", "--grafana", str(tmp_path / "g"), "--json"]
    )
    assert done.exit_code == 0
    names = json.loads(done.stdout)["written"]
    assert sorted(path.name for path in (tmp_path / "g").iterdir()) == names


@pytest.fixture
def scraped(tmp_path: Path) -> Iterator[tuple[PrometheusServer, Till]]:
    """A till behind a real /metrics, and a real Prometheus with our rules that scrapes it."""
    till = Till(tmp_path)
    counters = UnitCounters(till.reader, till.catalogue)
    till.listeners.append(counters.put)
    registry = CollectorRegistry()
    registry.register(SloCollector(till.service))
    registry.register(UnitCounterCollector(counters, till.catalogue))
    port = free_port()
    server, thread = start_http_server(port, "127.0.0.1", registry)
    till.play(60)
    rules = written(tmp_path, own_groups([payments()]).groups)
    try:
        with prometheus(tmp_path / "prometheus", port, rules) as found:
            yield found, till
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        till.database.close()


@pytest.mark.real
def test_every_question_has_an_answer_in_a_real_prometheus(scraped) -> None:
    prom, till = scraped
    till.play(30, fails=all_fail)

    def failed() -> list:
        return prom.query('tillwatch_slo_units_total{outcome="bad"} > 0')

    until(failed)
    asked = [
        target["expr"].replace("$window", ".+").replace("$__rate_interval", "1m")
        for board in dashboards([payments()]).values()
        for panel in board["panels"]
        for target in panel["targets"]
    ]
    assert len(asked) > 10
    for expr in asked:
        assert "$" not in expr
        assert until(lambda expr=expr: prom.query(expr)), expr
    windows = {one["metric"]["window"] for one in prom.query("tillwatch_slo_burn_rate")}
    assert {"5m", "1h", "3d"} <= windows


@pytest.mark.real
def test_our_rules_are_evaluated_by_a_real_prometheus_and_fire(scraped) -> None:
    prom, till = scraped
    till.play(30, fails=all_fail)

    def firing() -> list:
        return prom.query('ALERTS{alertname="TillwatchBudgetBurn", severity="page"}')

    until(firing)
    assert {rule["health"] for rule in prom.rules()} == {"ok"}
    (ratio,) = prom.query('tillwatch_slo:error:ratio{window="1h"}')
    assert 0 < float(ratio["value"][1]) <= 1
    (left,) = prom.query("tillwatch_slo_budget_left_ratio")
    assert float(left["value"][1]) == pytest.approx(
        till.service.show("payment-success").budget_left
    )
    assert re.fullmatch(r"payment-success", ratio["metric"]["objective"])
