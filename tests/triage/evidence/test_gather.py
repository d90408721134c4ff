"""From rows in a real store to evidence, labels and a verdict."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest

from kernel.clock import SECOND_US
from kernel.errors import NotFound, Unavailable
from triage.brief.checking import fault_of
from triage.brief.writer import compose
from triage.evidence.evidence import Verdict, mint
from triage.evidence.gather import EvidenceEngine


@dataclass(frozen=True)
class Told:
    bad: int
    total: int
    lost: Mapping[str, int]
    bad_minor: Mapping[str, int]


class Account:
    """A till account that always tells the same."""

    def __init__(self, told: Told) -> None:
        self.told = told
        self.asked: list[tuple[str, dict[str, str], int, int]] = []

    def impact(
        self, objective_id: str, segment: Mapping[str, str], from_us: int, to_us: int
    ) -> Told:
        self.asked.append((objective_id, dict(segment), from_us, to_us))
        return self.told


class Down:
    """A telemetry store that cannot be reached."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str):
        def refuse(*_args: object, **_named: object) -> None:
            raise self._error

        return refuse


def test_the_failing_provider_and_region_are_found_and_the_unrelated_deploy_is_not_blamed(till):
    bundle = EvidenceEngine(till.store, None, till.clock).gather(till.context)
    assert bundle.labels["provider"] == "adyen"
    assert bundle.labels["region"] == "eu-central"
    assert bundle.labels["error_type"] == "provider_timeout"
    assert bundle.labels["decline_class"] == "technical"
    assert bundle.labels["alertname"] == "PaymentSuccessFast"
    assert bundle.verdict is Verdict.NOT_A_CHANGE_OF_OURS
    [change] = bundle.of_kind("change")
    assert change.numbers["service"] == "recommendations"
    assert change.numbers["blamed"] == 0
    assert not bundle.missing_sources


def test_the_onset_is_the_first_failed_payment_of_the_blamed_slice(till):
    bundle = EvidenceEngine(till.store, None, till.clock).gather(till.context)
    [piece] = bundle.of_kind("breakdown")
    assert 0 <= int(piece.numbers["onset_us"]) - till.onset_us < 5 * SECOND_US


def test_the_brief_says_what_fails_since_when_what_it_costs_and_what_is_not_the_cause(till):
    account = Account(Told(40, 400, {"EUR": 300_000}, {"EUR": 350_000}))
    bundle = EvidenceEngine(till.store, account, till.clock).gather(till.context)
    brief = compose(bundle)
    print(brief.text)
    assert brief.headline.startswith("Payments through adyen in eu-central fail: ")
    assert "per minute is not being taken" in brief.text
    assert "A deploy of recommendations 2.1.0 came" in brief.text
    assert "probably not the cause" in brief.text
    assert "No change of ours explains this." in brief.text
    assert all(bundle.by_id(i) for claim in brief.claims for i in claim.evidence_ids)
    [(objective, _, from_us, to_us)] = account.asked
    assert objective == "payment-success"
    assert from_us % (5 * SECOND_US) == 0
    assert to_us % (5 * SECOND_US) == 0


@pytest.mark.parametrize("error", [Unavailable("down"), OSError("gone"), sqlite3.Error("broken")])
def test_a_telemetry_store_that_is_down_leaves_the_account_and_names_what_is_missing(till, error):
    account = Account(Told(40, 400, {}, {"EUR": 350_000}))
    context = replace(till.context, segments=({"provider": "adyen"},))
    bundle = EvidenceEngine(Down(error), account, till.clock).gather(context)
    assert set(bundle.missing_sources) == {"events", "traces", "changes", "logs", "metrics"}
    assert bundle.labels["provider"] == "adyen"
    assert bundle.verdict is Verdict.CANNOT_TELL
    brief = compose(bundle)
    assert "Payments fail: 40 of 400 attempts" in brief.text
    assert "Could not be asked: events, traces, changes, logs, metrics." in brief.text


def test_with_every_source_down_there_is_still_a_brief(till):
    bundle = EvidenceEngine(Down(OSError()), Down(OSError()), till.clock).gather(till.context)
    assert "account" in bundle.missing_sources
    assert compose(bundle).text.startswith("Payments fail since")


def test_the_same_rows_give_the_same_hashes(till):
    engine = EvidenceEngine(till.store, None, till.clock)
    first, second = engine.gather(till.context), engine.gather(till.context)
    assert first == second
    piece = first.evidence[0]
    assert mint(piece.id, piece) == piece


def test_ids_are_given_in_order_and_once(till):
    bundle = EvidenceEngine(till.store, None, till.clock).gather(till.context)
    assert [piece.id for piece in bundle.evidence] == [
        f"E{n}" for n in range(1, len(bundle.evidence) + 1)
    ]


def test_every_sentence_of_the_brief_stands_under_the_checks_that_a_model_must_pass(till):
    account = Account(Told(40, 400, {"EUR": 300_000, "CHF": 12_345}, {}))
    bundle = EvidenceEngine(till.store, account, till.clock).gather(till.context)
    brief = compose(bundle)
    assert [fault_of(claim, bundle.evidence) for claim in brief.claims] == [None] * len(
        brief.claims
    )


def test_the_account_is_asked_for_the_slice_that_fails_and_an_unknown_objective_is_passed_over(
    till,
):
    class Partial(Account):
        def impact(self, objective_id, segment, from_us, to_us):
            if objective_id == "elsewhere":
                raise NotFound("no such objective")
            return super().impact(objective_id, segment, from_us, to_us)

    account = Partial(Told(40, 400, {"EUR": 300_000}, {}))
    context = replace(till.context, objective_ids=("elsewhere", "payment-success"))
    bundle = EvidenceEngine(till.store, account, till.clock).gather(context)
    [(objective, segment, _, _)] = account.asked
    assert (objective, segment) == (
        "payment-success",
        {"provider": "adyen", "region": "eu-central"},
    )
    assert not bundle.missing_sources
    [piece] = bundle.of_kind("impact")
    assert piece.numbers["lost_minor_EUR"] == 300_000


def test_an_account_that_has_lost_nothing_yet_leaves_the_counting_to_the_events(till):
    account = Account(Told(40, 400, {"EUR": 0}, {"EUR": 5}))
    bundle = EvidenceEngine(till.store, account, till.clock).gather(till.context)
    [piece] = bundle.of_kind("impact")
    assert piece.query.startswith("telemetry.events")
    assert int(piece.numbers["lost_minor_EUR"]) > 100_000


def test_when_it_is_over_the_time_after_it_is_left_out(till):
    over = replace(till.context, resolved_us=till.onset_us + 60 * SECOND_US)
    bundle = EvidenceEngine(till.store, None, till.clock).gather(over)
    assert all(piece.to_us <= over.resolved_us + 1 for piece in bundle.of_kind("traffic"))
