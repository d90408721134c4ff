from __future__ import annotations

import itertools

import msgspec
import pytest

from kernel.shop_event import Origin
from slo.ledger.unit import Status, decode_unit, encode_unit, fold, merge, unit_keys
from slo.objective import UnitKind
from tests.slo.ledger.till import event

PAYMENT = UnitKind.PAYMENT


def folded(*events):
    """The fold, the same for every order of arrival."""
    units = {
        repr(fold(PAYMENT, merge((), PAYMENT, order))) for order in itertools.permutations(events)
    }
    assert len(units) == 1
    return fold(PAYMENT, merge((), PAYMENT, events))


def test_an_attempt_alone_is_pending():
    assert folded(event("attempted", 0)).status is Status.PENDING


def test_an_authorized_payment_has_no_outcome_yet():
    unit = folded(event("attempted", 0), event("authorized", 1))
    assert unit.status is Status.AUTHORIZED
    assert unit.merged.type == "payment.attempted"


def test_the_first_outcome_in_event_time_counts():
    unit = folded(event("attempted", 0), event("failed", 2), event("succeeded", 3))
    assert unit.status is Status.FAILED


@pytest.mark.parametrize(("better", "worse"), list(itertools.pairwise(Origin)))
def test_a_better_source_revises_an_earlier_outcome(better, worse):
    unit = folded(event("failed", 2, origin=worse), event("succeeded", 9, origin=better))
    assert unit.status is Status.SUCCEEDED


def test_any_real_outcome_revises_an_expiry():
    late = event("succeeded", 500, origin=Origin.BROWSER)
    assert folded(event("expired", 120, origin=Origin.DERIVED), late).status is Status.SUCCEEDED


def test_missing_fields_come_from_the_most_believed_event_that_has_them():
    unit = folded(
        event("attempted", 0, country="DE", amount_minor=500, origin=Origin.BROWSER),
        event("succeeded", 1, amount_minor=None, currency="", origin=Origin.PROVIDER),
        event("authorized", 1, country="AT", amount_minor=700, currency="EUR"),
    )
    assert (unit.merged.country, unit.merged.amount_minor) == ("DE", 500)


def test_a_reason_of_failure_never_passes_to_a_success():
    unit = folded(
        event("failed", 1, decline_class="issuer", origin=Origin.BROWSER),
        event("succeeded", 2, origin=Origin.PROVIDER),
    )
    assert unit.merged.decline_class == ""


def test_a_reason_of_failure_passes_between_failures():
    unit = folded(
        event("failed", 1, decline_class="issuer", origin=Origin.BROWSER),
        event("failed", 2, origin=Origin.PROVIDER),
    )
    assert unit.merged.decline_class == "issuer"


def test_attributes_are_joined_and_the_lead_wins():
    unit = folded(
        event("succeeded", 1, attributes={"a": 1}),
        event("attempted", 0, attributes={"a": 2, "b": 3}),
    )
    assert unit.merged.attributes == {"a": 1, "b": 3}


def test_the_same_message_read_anew_replaces_the_old_reading():
    first = event("failed", 1, id="x")
    again = event("failed", 1, id="x", decline_class="issuer")
    assert merge([first], PAYMENT, [again]) == (again,)


def test_an_outcome_without_its_id_is_a_unit_of_its_own_but_a_beginning_makes_none():
    nobody = frozenset[str]()
    assert len(unit_keys(event("failed", 1, payment=""), nobody)) == 1
    assert unit_keys(event("failed", 1, payment="", origin=Origin.PROVIDER), nobody) == []
    assert unit_keys(event("attempted", 1, payment=""), nobody) == []


def test_a_span_without_a_payment_id_is_one_unit_in_whatever_batch_it_comes():
    ids = {"origin": Origin.SPAN, "trace_id": "a" * 32}
    named = [
        msgspec.structs.replace(event("failed", 0, ""), id=f"{n}:0", span_id=span_id, **ids)
        for n, span_id in ((1, "b" * 16), (2, "b" * 16), (3, "c" * 16))
    ]
    keys = [tuple(unit_keys(one, frozenset())) for one in named]
    assert keys[0] == keys[1] != keys[2]


def test_payment_and_checkout_of_the_same_id_are_two_units():
    checkout = event("checkout.completed", 1, payment="", checkout_id="same")
    payment = event("succeeded", 1, payment="same")
    keys = unit_keys(checkout, frozenset()) + unit_keys(payment, frozenset())
    assert len(set(keys)) == 2


def test_stored_events_come_back_as_they_were():
    events = [event("failed", 1, latency_ms=3.5, attributes={"k": True})]
    assert decode_unit(encode_unit(events)) == events
