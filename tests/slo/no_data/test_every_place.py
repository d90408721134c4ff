"""Every place that shows an objective's figures, while data is missing in each of four ways.

Nowhere green, nowhere a bare 0 % or 100 %, everywhere a word for what is missing.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

import slo.policy.models
from access.principal import Role
from audit.log import AuditLog
from audit.settings import AuditSettings
from dashboards.sentences import overview_sentence, slo_sentence
from kernel.clock import HOUR_US
from slo.metrics import SloCollector
from slo.objective import Window
from slo.policy.catalogue import load_policies
from slo.policy.service import PolicyService
from slo.policy.situation import Gathering
from slo.terminal_text import list_text, show_text
from tests.dashboards.conftest import House
from tests.dashboards.test_pages import words
from tests.slo.shop_till import Till, payments

assert slo.policy.models

ID = "payment-success"
PLACES = ("api", "page", "overview", "sentence", "show", "list", "metrics", "gate")
BARE = re.compile(r"(?<![\d.])(0|100)(\.0+)? ?%")
GOOD = re.compile(r"\b(Kept|kept)\b(?! 0)|state ok|state=\"ok\"} 1")


def never_heard(till: Till) -> None:
    """No event ever."""


def fallen_silent(till: Till) -> None:
    """Ten good minutes, then nothing from the shop while our own clock goes on."""
    till.play(600, evaluate=False)
    till.silence(900)


def gap_of_a_fifth(till: Till) -> None:
    """Of five hours one was not observed; now all is well."""
    for minute in range(300):
        if 120 <= minute < 180:
            till.clock.advance_s(60)
            till.arrive([])
        else:
            till.play(5, per_s=1, evaluate=False)
            till.clock.advance_s(55)
            till.arrive([])
    till.play(300, per_s=1, evaluate=False)


def ledger_behind(till: Till) -> None:
    """What arrived in the last quarter of an hour is not counted yet."""
    till.play(600, evaluate=False)
    till.clock.advance_s(900)


WAYS = (never_heard, fallen_silent, gap_of_a_fifth, ledger_behind)
SAID = {
    "never_heard": "no source was ever heard",
    "fallen_silent": "nothing heard from shop for more than 5 min",
    "gap_of_a_fifth": "% of the window was observed",
    "ledger_behind": "what arrived is not counted yet: the watermark is behind",
}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """What each place says, by way and place."""
    found = {}
    for way in WAYS:
        folder = tmp_path_factory.mktemp(way.__name__)
        till = Till(folder, [payments(window=Window(5 * HOUR_US))])
        way(till)
        found[way.__name__] = told(till, folder)
        till.database.close()
    return found


def told(till: Till, folder: Path) -> dict[str, str]:
    """The text of every place."""
    one, many = till.service.show(ID), till.service.list()
    document = one.model_dump(mode="json", by_alias=True)
    documents = [slo.model_dump(mode="json", by_alias=True) for slo in many]
    pages = folder / "pages"
    pages.mkdir()
    house = House(pages)
    house.slos = [one]
    registry = CollectorRegistry()
    registry.register(SloCollector(till.service))
    with house.client:
        house.enter(Role.VIEWER)
        html = {"page": house.page(f"/slos/{ID}"), "overview": house.page("/")}
    house.database.close()
    policies = load_policies(None, till.catalogue)
    gathering = Gathering(till.service, till.reader, policies, till.clock)
    log = AuditLog(till.database, till.clock, AuditSettings(data_dir=folder))
    gate = PolicyService(till.database, log, till.clock, gathering).gate("payments")
    return {
        "api": one.model_dump_json(),
        **{name: words(text) for name, text in html.items()},
        "html": "".join(html.values()),
        "sentence": f"{slo_sentence(document)} {overview_sentence(documents, 0)}",
        "show": show_text(document, 80),
        "list": list_text(documents, 120),
        "gate": gate.model_dump_json(),
        "metrics": generate_latest(registry).decode(),
    }


@pytest.mark.parametrize("way", [way.__name__ for way in WAYS])
@pytest.mark.parametrize("place", PLACES)
def test_no_place_calls_it_kept_or_says_all_or_nothing(
    places: dict[str, dict[str, str]], way: str, place: str
) -> None:
    text = " ".join(places[way][place].split())
    # The share of the window that was observed may be all of it; a count of kept promises be 0.
    text = re.sub(
        r"Coverage (none|[\d.]+ %)|[\d.]+ % of that time was|[\d.]+ % of it counted", "", text
    )
    if way == "gap_of_a_fifth":  # the last hour was observed: its conversion is known
        text = re.sub(r"last 1h.*?(?=last 1d)", "", text, flags=re.DOTALL)
    assert not BARE.search(text), BARE.search(text)
    assert not GOOD.search(text), GOOD.search(text)


@pytest.mark.parametrize("way", [way.__name__ for way in WAYS])
def test_the_reason_is_told_wherever_there_is_room_for_it(
    places: dict[str, dict[str, str]], way: str
) -> None:
    for place in ("api", "page", "show", "list"):
        text = " ".join(places[way][place].split()).lower()
        assert SAID[way] in text, place


@pytest.mark.parametrize("way", [way.__name__ for way in WAYS])
def test_no_state_is_green(places: dict[str, dict[str, str]], way: str) -> None:
    assert 'class="state ok"' not in places[way]["html"]
    assert 'class="state none"' in places[way]["html"]


@pytest.mark.parametrize("way", [way.__name__ for way in WAYS])
def test_a_scrape_has_the_state_and_no_budget(places: dict[str, dict[str, str]], way: str) -> None:
    text = places[way]["metrics"]
    labels = f'objective="{ID}",service="payments"'
    assert f'tillwatch_slo_state{{{labels},state="no_data"}} 1.0' in text
    assert "tillwatch_slo_budget_left_ratio{" not in text
    assert ("tillwatch_slo_burn_rate{" in text) == (way == "gap_of_a_fifth")


@pytest.mark.parametrize("way", ["never_heard", "fallen_silent", "ledger_behind"])
def test_nothing_is_said_of_now(places: dict[str, dict[str, str]], way: str) -> None:
    risk = json.loads(places[way]["api"])["at_risk"]
    assert (risk["state"], risk["bad"], risk["money"]) == ("no_data", None, [])
    assert "cannot tell what fails now" in places[way]["page"].lower()


def test_what_was_counted_before_the_silence_is_told_as_what_was(
    places: dict[str, dict[str, str]],
) -> None:
    assert "None of 3,600 had failed when the data ended (until " in places["fallen_silent"]["page"]
    assert "none failed" in places["fallen_silent"]["list"]
    assert "no data" in places["fallen_silent"]["list"]


@pytest.mark.parametrize("way", [way.__name__ for way in WAYS])
def test_the_gate_does_not_pass(places: dict[str, dict[str, str]], way: str) -> None:
    gate = json.loads(places[way]["gate"])
    assert not gate["allowed"]
    assert gate["outcome"] == "unknown"


def test_grafana_turns_no_absence_into_a_number() -> None:
    folder = Path(__file__).parents[3] / "dashboards" / "grafana"
    for path in folder.rglob("*.json"):
        text = path.read_text()
        assert "or vector(" not in text
        assert '"nullValueMode": "null as zero"' not in text
