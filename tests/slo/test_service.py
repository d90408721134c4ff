"""What others ask of slo, over the real stores, HTTP, the command line and a scrape."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry, generate_latest
from typer.testing import CliRunner

import access.models
from access.principal import READERS, Role, local_principal
from access.service import AccessService
from access.settings import AccessSettings
from audit.log import AuditLog
from audit.settings import AuditSettings
from kernel.clock import SECOND_US, rfc3339
from kernel.errors import BadInput, NotFound, TillwatchError
from slo.cli import build_cli
from slo.endpoints import build_router
from slo.metrics import SloCollector
from slo.objective import Indicator, Selector
from slo.service import SloService
from tests.slo.shop_till import PAYMENTS, Till, adyen_in_the_middle_fails, all_fail, payments

ADYEN = {"provider": "adyen", "region": "eu-central"}
assert access.models


def test_the_answer_has_the_agreed_shape(till: Till) -> None:
    till.play(30, fails=adyen_in_the_middle_fails)
    shown = json.loads(till.service.show("payment-success").model_dump_json())
    assert shown["id"] == "payment-success"
    assert {"kind", "seconds", "from", "to", "ends", "elapsed"} <= set(shown["window"])
    assert shown["window"]["kind"] == "rolling"
    assert shown["window"]["to"] == shown["watermark"] == rfc3339(till.clock.now_us())
    assert set(shown["counts"]) == {"good", "bad", "excluded", "pending"}
    assert list(shown["burn_rates"]) == ["5m", "30m", "1h", "2h", "6h", "1d", "3d"]
    assert (shown["coverage"], shown["sources"]) == (1.0, ["shop"])
    [money] = shown["money"]
    assert set(money) >= {"currency", "good_minor", "bad_minor", "lost_minor", "budget_left"}
    assert money["bad_minor"] == money["lost_minor"] == shown["counts"]["bad"] * 5000
    [alert] = shown["alerts"]
    assert alert["tier"] == "fast"
    assert alert["since"].endswith("Z")
    worst = shown["segments"][0]
    assert worst["key"]["provider"] == "adyen"
    assert set(worst) == {
        "key",
        "counts",
        "sli",
        "budget_left",
        "burn_rates",
        "state",
        "money",
    }


def test_segments_add_up_to_the_whole(till: Till) -> None:
    till.play(60, fails=adyen_in_the_middle_fails)
    shown = till.service.show("payment-success")
    assert sum(one.counts.bad for one in shown.segments) == shown.counts.bad > 0
    assert sum(one.counts.good for one in shown.segments) == shown.counts.good


def test_a_healthy_objective_is_ok(till: Till) -> None:
    shown = till.service.show("payment-success")
    assert (shown.state, shown.sli, shown.budget_left) == ("ok", 1.0, 1.0)
    assert shown.burn_rates["1h"] == 0.0


def test_an_objective_without_a_single_attempt_is_never_green(tmp_path: Path) -> None:
    nobody = Indicator(
        Selector(PAYMENTS.total.events, where={"provider": frozenset({"nobody"})}),
        good=PAYMENTS.good,
    )
    till = Till(tmp_path, [payments(indicator=nobody)])
    till.play(600)
    shown = till.service.show("payment-success")
    assert (shown.state, shown.reason) == ("no_data", "nothing was counted in this window")
    assert (shown.sli, shown.budget_left, shown.coverage) == (None, None, 1.0)


def test_a_stopped_source_is_never_green_and_keeps_what_was_counted(till: Till) -> None:
    till.silence(600)
    shown = till.service.show("payment-success")
    assert shown.state == "no_data"
    assert shown.sli == 1.0


def test_burning_knows_segments(till: Till) -> None:
    till.play(60, fails=adyen_in_the_middle_fails)
    service = till.service
    assert service.burning("payment-success")
    assert service.burning("payment-success", ADYEN)
    assert not service.burning("payment-success", {"provider": "stripe"})
    assert not service.burning("checkout-success")
    assert [one.state for one in service.alerts()] == ["open"]


def test_impact_counts_the_segment_and_its_money(till: Till) -> None:
    begun_us = till.clock.now_us()
    till.play(60, fails=adyen_in_the_middle_fails)
    to_us = till.clock.now_us()
    part = till.service.impact("payment-success", ADYEN, begun_us, to_us)
    whole = till.service.impact("payment-success", {}, begun_us, to_us)
    assert part.bad == part.total == whole.bad > 0
    assert whole.total == 360
    assert part.bad_minor == part.lost == {"EUR": part.bad * 5000}
    before = till.service.impact("payment-success", ADYEN, begun_us - 60 * SECOND_US, begun_us)
    assert (before.bad, before.lost) == (0, {})


def test_series_have_every_step_and_bounds(till: Till) -> None:
    to_us = till.clock.now_us()
    points = till.service.series("payment-success", to_us - 300 * SECOND_US, to_us, 60)
    assert [point.good for point in points] == [360] * 5
    assert points[0].sli == 1.0
    with pytest.raises(BadInput):
        till.service.series("payment-success", to_us, to_us, 60)
    with pytest.raises(BadInput):
        till.service.series("payment-success", 0, to_us, 60)
    with pytest.raises(NotFound):
        till.service.series("payment", 0, to_us, 60)


def recovery(till: Till, since_us: int, segment: dict[str, str] | None = None) -> str:
    return till.service.recovery(["payment-success"], segment or {}, since_us).state


def test_recovery_is_seen_after_a_minute_of_good_attempts(till: Till) -> None:
    till.play(60, fails=all_fail)
    since_us = till.clock.now_us()
    assert recovery(till, since_us) == "not_yet"
    till.play(55)
    assert recovery(till, since_us) == "not_yet"
    till.play(5)
    assert recovery(till, since_us) == "recovered"


def test_recovery_is_not_seen_while_the_segment_fails(till: Till) -> None:
    till.play(60, fails=adyen_in_the_middle_fails)
    since_us = till.clock.now_us()
    till.play(120, fails=adyen_in_the_middle_fails)
    assert recovery(till, since_us, ADYEN) == "not_yet"


def test_rerouted_traffic_leaves_its_segment_and_the_objective_decides(till: Till) -> None:
    till.play(60, fails=adyen_in_the_middle_fails)
    since_us = till.clock.now_us()
    till.play(10, fails=adyen_in_the_middle_fails)  # what was under way
    till.play(60, providers=("stripe",))
    verdict = till.service.recovery(["payment-success"], ADYEN, since_us)
    assert verdict.state == "recovered"
    assert verdict.numbers["payment-success.segment_total"] < 60
    assert verdict.numbers["payment-success.bad"] == 0


def test_recovery_without_anything_heard_is_no_data(till: Till) -> None:
    till.play(30, fails=all_fail)
    since_us = till.clock.now_us()
    till.silence(400)
    assert recovery(till, since_us) == "no_data"


def test_recovery_needs_twenty_attempts(till: Till) -> None:
    since_us = till.clock.now_us()
    till.play(5, per_s=2)
    till.play(115, per_s=0)
    assert recovery(till, since_us) == "not_yet"


def test_recovery_of_an_objective_that_does_not_exist_is_no_data(till: Till) -> None:
    since_us = till.clock.now_us()
    till.play(60)
    verdict = till.service.recovery(["payment-success", "gone"], {}, since_us)
    assert verdict.state == "no_data"
    assert verdict.numbers["gone.state"] == "no such objective"
    assert verdict.numbers["payment-success.state"] == "recovered"


@pytest.fixture
def site(till: Till, tmp_path: Path) -> Iterator[tuple[TestClient, dict[str, str]]]:
    log = AuditLog(till.database, till.clock, AuditSettings(data_dir=tmp_path))
    till.database.create_all()
    guards = AccessService(till.database, log, till.clock, AccessSettings())
    viewer = guards.create_person("vera", kind="person", roles=[Role.VIEWER], by=local_principal())
    token = guards.create_token(viewer, by=local_principal())
    app = FastAPI()
    app.state.guards = guards
    app.include_router(build_router(till.service, guards, till.clock))

    def failed(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, TillwatchError)
        return JSONResponse({"detail": error.message}, status_code=error.status)

    app.add_exception_handler(TillwatchError, failed)
    with TestClient(app) as client:
        yield client, {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("role", READERS)
def test_http_answers_everybody_who_may_look(
    till: Till, site: tuple[TestClient, dict[str, str]], role: Role
) -> None:
    client, _ = site
    guards = client.app.state.guards  # type: ignore[attr-defined]
    person_id = guards.create_person("rob", [role], by=local_principal())
    token = guards.create_token(person_id, by=local_principal())
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/slos", headers=headers).status_code == 200


def test_http_tells_what_was_known_then(
    till: Till, site: tuple[TestClient, dict[str, str]]
) -> None:
    client, viewer = site
    at = rfc3339(till.clock.now_us() - 60 * SECOND_US)
    url = "/api/slos/payment-success/as-known"
    found = client.get(url, params={"at": at}, headers=viewer).json()
    # The newest slice arrived with the minute's border: not before it.
    assert (found["then"]["good"], found["now"]["good"]) == (3210, 3240)
    assert found["late"] == {"good": 30, "bad": 0, "excluded": 0}
    for wrong in ("yesterday", "", "2099-01-01T00:00:00Z"):
        assert client.get(url, params={"at": wrong}, headers=viewer).status_code == 400
    assert client.get(url, params={"at": at}).status_code == 401


def test_http_answers_nobody_else(till: Till, site: tuple[TestClient, dict[str, str]]) -> None:
    client, viewer = site
    assert client.get("/api/slos").status_code == 401
    [slo] = client.get("/api/slos", headers=viewer).json()["slos"]
    assert (slo["id"], slo["state"]) == ("payment-success", "ok")
    shown = client.get("/api/slos/payment-success", headers=viewer).json()
    assert shown["window"]["from"] < shown["window"]["to"]
    assert client.get("/api/slos/nothing", headers=viewer).status_code == 404
    points = client.get("/api/slos/payment-success/series?step=60", headers=viewer).json()["points"]
    assert sum(point["good"] for point in points) == 3600
    wrong = client.get("/api/slos/payment-success/series?from=yesterday", headers=viewer)
    assert wrong.status_code == 400
    assert client.get("/api/burn-alerts", headers=viewer).json() == []


def test_a_scrape_tells_state_and_budget_and_says_nothing_of_what_is_unknown(
    till: Till, tmp_path: Path
) -> None:
    registry = CollectorRegistry()
    registry.register(SloCollector(till.service))
    text = generate_latest(registry).decode()
    labels = 'objective="payment-success",service="payments"'
    assert f'tillwatch_slo_state{{{labels},state="ok"}} 1.0' in text
    assert f"tillwatch_slo_budget_left_ratio{{{labels}}} 1.0" in text
    assert "tillwatch_slo_window_units" in text
    fresh = Till(tmp_path / "fresh", [payments()])
    registry = CollectorRegistry()
    registry.register(SloCollector(fresh.service))
    text = generate_latest(registry).decode()
    assert f'tillwatch_slo_state{{{labels},state="no_data"}} 1.0' in text
    assert "budget_left_ratio{" not in text


def run(service: SloService, *words: str) -> tuple[int, str]:
    @contextmanager
    def opener(_: Path | None) -> Iterator[SloService]:
        yield service

    done = CliRunner().invoke(build_cli(opener), list(words))
    return done.exit_code, done.stdout


def test_the_command_line_lists_and_shows(till: Till) -> None:
    code, text = run(till.service, "list")
    assert code == 0
    assert "payment-success" in text
    code, text = run(till.service, "show", "payment-success", "--json")
    assert (code, json.loads(text)["id"]) == (0, "payment-success")
    code, text = run(till.service, "show", "payment-success")
    assert "so far: 100.000 %, 99.500 % promised" in text


def test_validate_prints_every_fault_with_its_path_and_exits_one(
    till: Till, tmp_path: Path
) -> None:
    assert run(till.service, "validate")[0] == 0
    bad = tmp_path / "bad.yaml"
    bad.write_text("apiVersion: openslo/v1\nkind: SLO\nmetadata: {nam: X}\nspec: {}\n")
    code, text = run(till.service, "validate", str(bad))
    assert code == 1
    assert 'bad.yaml#0 $.metadata.nam: unknown field; did you mean "name"?' in text
    assert "$.spec.objectives: this field is missing" in text
