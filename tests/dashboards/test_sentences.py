"""The sentences that a reader takes away after ten seconds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashboards.incident_page import folded
from dashboards.sentences import overview_sentence, slo_sentence, worst_first
from tests.dashboards import samples

STATES = st.lists(st.sampled_from(["ok", "at_risk", "broken", "no_data"]), max_size=12)


def slo(state: str, name: str = "Pay", **changes):
    return samples.slo(state, text=name, **changes).model_dump(mode="json", by_alias=True)


@given(STATES)
def test_worst_comes_first_and_nothing_is_lost(states):
    ordered = [one["state"] for one in worst_first([slo(state) for state in states])]
    assert sorted(ordered) == sorted(states)
    ranks = [["broken", "at_risk", "no_data", "ok"].index(state) for state in ordered]
    assert ranks == sorted(ranks)


@given(STATES, st.integers(0, 3))
def test_the_sentence_says_kept_only_where_all_are_kept(states, incidents):
    text = overview_sentence([slo(state) for state in states], incidents)
    assert ("kept" in text) == (bool(states) and set(states) == {"ok"})
    assert ("without data" in text) == ("no_data" in states)
    assert ("open" in text) == (bool(states) and incidents > 0)


def test_the_sentence_as_it_reads():
    found = [slo("broken", "Pay by card"), slo("at_risk", "Checkout"), slo("ok", "Search")]
    assert overview_sentence(found, 1) == (
        "Of three promises, one is broken (Pay by card); one is at risk (Checkout)."
        " One incident is open."
    )


def test_where_all_share_a_state_it_is_said_once():
    assert overview_sentence([slo("no_data"), slo("no_data", "Search")], 0) == (
        "Both promises are without data."
    )


def test_a_promise_without_any_unit_is_not_called_kept():
    empty = samples.nothing_counted("ok").model_dump(mode="json", by_alias=True)
    assert "without data" in overview_sentence([empty], 0)
    assert "neither good nor bad" in slo_sentence(empty)


def test_an_overspent_budget_says_by_how_much_and_how_many():
    text = slo_sentence(slo("broken", budget_left=-0.94, bad_left=-47))
    assert "overspent by 94 %, 47 too many have failed" in text
    assert "Not taken because of failures: 83.82 EUR" in text


def test_missing_new_data_is_said_beside_old_numbers():
    text = slo_sentence(slo("no_data"))
    assert text.startswith("99.70 % were good when the data ended (until 18 Nov 10:00:00 UTC)")
    assert "What happened since is not known." in text


@given(st.lists(st.sampled_from(["incident.brief", "incident.joined"]), max_size=20))
def test_renewed_briefs_are_one_line_and_all_else_stays(types):
    timeline = [{"type": one, "what": f"line {index}"} for index, one in enumerate(types)]
    lines = folded(timeline)
    others = [one for one in timeline if one["type"] != "incident.brief"]
    assert [one for one in lines if one["type"] != "incident.brief"] == others
    for before, one, after in zip(lines, lines[1:], lines[2:], strict=False):
        assert {before["type"], one["type"], after["type"]} != {"incident.brief"}
