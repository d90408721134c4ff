"""The page of one objective: sections in reading order, each sentence once, money by currency."""

from __future__ import annotations

import re

import pytest

from access.principal import Role
from slo.schemas import CountsOut
from tests.dashboards import samples
from tests.dashboards.test_pages import words

PATH = "/slos/payment-success"


@pytest.fixture
def reader(house):
    house.enter(Role.RESPONDER)
    return house


def headings(html: str) -> list[str]:
    return [re.sub(r"<[^>]+>", "", one).strip() for one in re.findall(r"<h2[^>]*>(.*?)</h2>", html)]


def test_money_and_causes_come_before_details(reader):
    reader.slos = [samples.slo("broken")]
    found = headings(reader.page(PATH))
    wanted = [
        "The budget in money",
        "What burns it",
        "What fails now",
        "Conversion and average value of payments",
        "What failed where",
        "How it is counted",
    ]
    assert [one for one in found if one in wanted] == wanted


def test_each_sentence_of_the_answer_stands_once_on_the_page(reader):
    slo = samples.slo("broken")
    money = slo.money[0].model_copy(update={"sentence": "SENTENCE-MONEY"})
    told = {
        "money": [money],
        "burned_by": slo.burned_by.model_copy(update={"sentence": "SENTENCE-BURNED"}),
        "burning_now": slo.burning_now.model_copy(update={"sentence": "SENTENCE-HOUR"}),
        "at_risk": slo.at_risk.model_copy(update={"sentence": "SENTENCE-RISK"}),
    }
    reader.slos = [slo.model_copy(update=told)]
    text = words(reader.page(PATH))
    for name in ("MONEY", "BURNED", "HOUR", "RISK"):
        assert text.count(f"SENTENCE-{name}") == 1


def test_amounts_have_their_currencys_digits(reader):
    slo = samples.slo("ok")
    yen = slo.money[0].model_copy(update={"currency": "JPY", "left_minor": 11_240})
    reader.slos = [slo.model_copy(update={"money": [slo.money[0], yen]})]
    html = reader.page(PATH)
    assert ">96.76 <" in html
    assert ">11,240 <" in html


def test_changes_against_the_week_before_are_words(reader):
    text = words(reader.page(PATH))
    assert "70.0 % 1.2 points less" in text
    assert "50.00 8.7 % more" in text


@pytest.mark.parametrize("path", ["/", PATH])
def test_after_a_perfect_past_a_silent_source_shows_no_hundred_and_no_green(reader, path):
    counts = CountsOut(good=3600, bad=0, excluded=0, pending=0)
    reader.slos = [
        samples.slo("no_data", counts=counts, sli=1.0, budget_left=1.0, segments=[], coverage=0.999)
    ]
    html = reader.page(path)
    text = words(html)
    assert not re.search(r"\b100(\.0+)? %", text)
    assert 'class="state ok"' not in html
    assert "until 18 Nov 10:00:00 UTC" in text
    assert "51.0×" not in text
