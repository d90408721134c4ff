"""One proposes, another one approves: who may say what, what is recorded, and what has an end."""

from __future__ import annotations

import threading

import pytest
from sqlmodel import select

from access.principal import Role
from audit.models import AuditOutboxRow
from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, rfc3339
from kernel.errors import BadInput, Conflict, NotAllowed, NotFound, TillwatchError
from slo.corrections import repository
from slo.corrections.proposing import MAX_IN_90_DAYS, MAX_RECURRING
from slo.corrections.service import VALID_US
from tests.slo.corrections.people import ADA, BEN, CLEO, ROBOT, VERA, approved, asked, person
from tests.slo.shop_till import START_US


def hour_at(at_us: int) -> dict[str, str]:
    return {"from": rfc3339(at_us), "to": rfc3339(at_us + HOUR_US)}


def records(till) -> list[str]:
    with till.database.reading() as session:
        rows = session.exec(select(AuditOutboxRow)).all()
    return [row.body.decode() for row in rows]


def kinds(till) -> list[str]:
    return [body.split('"type":"', 1)[1].split('"', 1)[0] for body in records(till)]


def in_force(till) -> list[str]:
    with till.database.reading() as session:
        found = repository.in_force(session, till.clock.now_us())
    return [one.id for one in found.of("payment-success")]


def test_nothing_is_left_out_until_another_person_approves(shop, corrections):
    proposed = corrections.propose(asked(START_US), ADA)
    assert (proposed.state, in_force(shop)) == ("proposed", [])
    decided = corrections.decide(proposed.id, BEN, "approve", "seen the ticket")
    assert (decided.state, decided.proposed_by, decided.decided_by) == ("approved", "ada", "ben")
    assert in_force(shop) == [proposed.id]
    assert kinds(shop) == ["correction.proposed", "correction.decided"]


def test_the_record_says_all_of_it_and_no_name_or_reason(shop, corrections):
    made = corrections.propose(asked(START_US, reason="Ms Smith asked for it"), ADA)
    corrections.decide(made.id, BEN, "approve", "Mr Jones is fine with it")
    first, second = records(shop)
    assert '"ref":"id-ada"' in first
    assert f'"correction_id":"{made.id}"' in first
    assert '"objectives":["payment-success"]' in first
    assert '"decision":"approve"' in second
    assert '"proposed_by":"id-ada"' in second
    assert not any(name in first + second for name in ("Smith", "Jones", '"ada"', '"ben"'))


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_whoever_proposed_it_never_decides_it(shop, corrections, decision):
    both = person("dora", Role.RESPONDER, Role.APPROVER, Role.OWNER)
    made = corrections.propose(asked(START_US), both)
    with pytest.raises(NotAllowed, match="whoever proposed"):
        corrections.decide(made.id, both, decision, "because")
    assert kinds(shop)[-1] == "authz.denied"
    assert in_force(shop) == []


@pytest.mark.parametrize("who", [VERA, ROBOT, ADA])
def test_only_persons_with_the_role_decide_and_the_attempt_is_recorded(shop, corrections, who):
    made = corrections.propose(asked(START_US), person("dora", Role.OWNER))
    with pytest.raises(NotAllowed):
        corrections.decide(made.id, who, "approve")
    assert kinds(shop)[-1] == "authz.denied"
    assert in_force(shop) == []


@pytest.mark.parametrize("who", [VERA, ROBOT])
def test_only_persons_with_a_role_propose(shop, corrections, who):
    with pytest.raises(NotAllowed):
        corrections.propose(asked(START_US), who)
    assert corrections.list() == []


def test_the_proposer_may_take_it_back_and_so_may_an_approver(shop, corrections):
    first = corrections.propose(asked(START_US), ADA)
    assert corrections.decide(first.id, ADA, "withdraw", "a mistake").closed_by == "ada"
    second = approved(corrections, asked(START_US))
    taken_back = corrections.decide(second.id, CLEO, "withdraw", "it was an outage after all")
    assert (taken_back.state, in_force(shop)) == ("withdrawn", [])
    third = approved(corrections, asked(START_US))
    with pytest.raises(NotAllowed):
        corrections.decide(third.id, person("eve", Role.RESPONDER), "withdraw", "no")


def test_ending_keeps_what_lies_behind_and_leaves_out_nothing_more(shop, corrections):
    made = approved(
        corrections,
        asked(
            START_US,
            **{
                "from": "2026-11-18T00:00",
                "to": "2026-11-18T01:00",
                "zone": "UTC",
                "rule": "FREQ=DAILY",
            },
        ),
    )
    shop.clock.advance_s(86_400)
    shop.clock.set_us(shop.clock.now_us() - shop.clock.now_us() % DAY_US + 30 * 60 * SECOND_US + 7)
    now_us = shop.clock.now_us()
    assert corrections.decide(made.id, ADA, "end", "the house has moved").state == "ended"
    with shop.database.reading() as session:
        [one] = repository.in_force(session, now_us).of("payment-success")
    found = one.occurrences(now_us - 10 * DAY_US, now_us + 10 * DAY_US)
    assert found[-1].to_us == now_us - now_us % MINUTE_US  # the one that goes on is cut
    assert found[-2].to_us - found[-2].from_us == HOUR_US
    assert one.occurrences(now_us, now_us + 10 * DAY_US) == []


def test_a_decision_is_made_once_and_saying_it_again_changes_nothing(shop, corrections):
    made = corrections.propose(asked(START_US), ADA)
    corrections.decide(made.id, BEN, "approve")
    assert corrections.decide(made.id, BEN, "approve").state == "approved"
    assert kinds(shop).count("correction.decided") == 1
    for who, decision in ((CLEO, "approve"), (BEN, "reject")):
        with pytest.raises(Conflict, match="approved already"):
            corrections.decide(made.id, who, decision, "because")


def test_of_two_that_decide_at_once_one_wins(shop, corrections):
    made = corrections.propose(asked(START_US), ADA)
    outcomes: list[str] = []
    barrier = threading.Barrier(2)

    def say(who, decision):
        barrier.wait()
        try:
            outcomes.append(corrections.decide(made.id, who, decision, "because").state)
        except TillwatchError as error:
            outcomes.append(error.code)

    threads = [
        threading.Thread(target=say, args=pair) for pair in ((BEN, "approve"), (CLEO, "reject"))
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert outcomes.count("conflict") == 1
    assert corrections.show(made.id).state in {"approved", "rejected"}
    assert kinds(shop).count("correction.decided") == 1


def test_a_proposal_that_nobody_decides_is_over_after_seven_days(shop, corrections):
    made = corrections.propose(asked(START_US), ADA)
    shop.clock.advance_s(VALID_US // SECOND_US)
    with pytest.raises(Conflict, match="its time ended"):
        corrections.decide(made.id, BEN, "approve")
    corrections.expire()
    corrections.expire()
    assert corrections.show(made.id).state == "expired"
    assert kinds(shop) == ["correction.proposed", "correction.expired"]
    assert in_force(shop) == []


@pytest.mark.parametrize(
    ("changes", "error", "path"),
    [
        ({"reason": "   "}, BadInput, "$.reason"),
        ({"objectives": []}, BadInput, "$.objectives"),
        ({"service": "payments"}, BadInput, "$.objectives"),
        ({"objectives": [], "service": "nobody"}, BadInput, "$.service"),
        ({"objectives": ["nobody"]}, NotFound, ""),
        ({"segment": {"release": "7"}}, BadInput, "$.segment.release"),
        ({"segment": {"provider": ""}}, BadInput, "$.segment.provider"),
        ({"from": "yesterday"}, BadInput, "$.from"),
        ({"from": "2026-11-18T00:00:00"}, BadInput, "$.from"),
        ({"zone": "Europe/Berlin"}, BadInput, "$.from"),
        ({"rule": "FREQ=DAILY"}, BadInput, "$.zone"),
        ({"from": rfc3339(START_US + HOUR_US)}, BadInput, "$.to"),
        ({"from": rfc3339(START_US - 32 * DAY_US)}, BadInput, "$.to"),
        (hour_at(START_US - 36 * DAY_US), BadInput, "$.from"),
        (hour_at(START_US + 401 * DAY_US), BadInput, "$.from"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(shop, corrections, changes, error, path):
    with pytest.raises(error) as caught:
        corrections.propose(asked(START_US, **changes), ADA)
    assert not path or caught.value.path == path
    assert caught.value.hint or caught.value.message
    assert (corrections.list(), kinds(shop)) == ([], [])


def test_of_a_service_those_are_meant_that_are_counted_by_the_segment(shop, corrections):
    made = corrections.propose(
        asked(START_US, objectives=[], service="payments", segment={"country": "DE"}), ADA
    )
    assert made.objectives == ["payment-success"]
    with pytest.raises(BadInput, match="payment-latency is not counted by 'country'"):
        corrections.propose(
            asked(START_US, objectives=["payment-latency"], segment={"country": "DE"}), ADA
        )
    with pytest.raises(BadInput, match="is not counted by 'release'"):
        corrections.propose(
            asked(START_US, objectives=[], service="payments", segment={"release": "7"}), ADA
        )
    made = corrections.propose(
        asked(START_US, objectives=[], service="payments", segment={"provider": "adyen"}), ADA
    )
    assert made.objectives == ["payment-latency", "payment-success"]


def test_the_number_of_corrections_of_an_objective_has_a_bound(shop, corrections):
    weekly = {
        "from": "2026-11-23T02:00",
        "to": "2026-11-23T04:00",
        "zone": "Europe/Berlin",
        "rule": "FREQ=WEEKLY",
    }
    for _ in range(MAX_RECURRING):
        corrections.propose(asked(START_US, **weekly), ADA)
    with pytest.raises(Conflict, match="recurring"):
        corrections.propose(asked(START_US, **weekly), ADA)
    for _ in range(MAX_IN_90_DAYS - MAX_RECURRING):
        last = corrections.propose(asked(START_US), ADA)
    with pytest.raises(Conflict, match="of the last 90 days"):
        corrections.propose(asked(START_US), ADA)
    corrections.decide(last.id, ADA, "withdraw", "one too many")
    corrections.propose(asked(START_US), ADA)


def test_lists_are_by_objective_and_by_state(shop, corrections):
    first = corrections.propose(asked(START_US), ADA)
    shop.clock.advance_s(1)
    second = approved(corrections, asked(START_US, objectives=["payment-latency"]))
    assert [one.id for one in corrections.list()] == [second.id, first.id]
    assert [one.id for one in corrections.list("payment-latency")] == [second.id]
    assert [one.id for one in corrections.list(state="proposed")] == [first.id]
    with pytest.raises(BadInput, match="no state"):
        corrections.list(state="lost")
    with pytest.raises(NotFound):
        corrections.show("nothing")
