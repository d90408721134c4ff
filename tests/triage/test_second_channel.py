"""The second channel and the heartbeat, against a receiver on loopback."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator

import httpx2
import pytest
from pydantic import SecretStr

from kernel.errors import NotConfigured
from tests.triage.desk import Desk
from tests.triage.peers import Receiver
from triage.blindness import Heartbeat, blind_spots
from triage.second_channel import register, sign, signing_key
from triage.settings import TriageSettings

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client() as made:
        yield made


@pytest.fixture
def told(tmp_path, receiver, client) -> Iterator[Desk]:
    """A desk that tells both second channels of its incidents."""
    desk = Desk(
        tmp_path,
        alertmanager_url=receiver.url,
        alertmanager_burn_alerts=False,
        second_webhook_url=f"{receiver.url}/hook",
        second_webhook_secret=SecretStr(SECRET),
    )
    register(desk.outbox, desk.settings, client, desk.clock)
    yield desk
    desk.close()


def test_nothing_is_queued_where_nothing_is_set(desk):
    desk.burn("a1", "payment-success", "payments")
    assert desk.deliveries("alertmanager") == desk.deliveries("webhook") == []


def test_opening_and_end_go_out_at_once_signed(told, receiver):
    opened = told.burn("a1", "payment-success", "payments")
    assert told.outbox.step()
    told.clock.advance_s(60)
    told.burnt_out(opened)
    while told.outbox.step():
        pass
    hooks = [one for one in receiver.heard if one.path == "/hook"]
    assert [json.loads(one.body)["type"] for one in hooks] == [
        "incident.opened",
        "incident.resolved",
    ]
    for one in hooks:
        content = f"{one.headers['webhook-id']}.{one.headers['webhook-timestamp']}.".encode()
        digest = hmac.new(KEY, content + one.body, hashlib.sha256).digest()
        assert one.headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
    pushes = [json.loads(one.body)[0] for one in receiver.heard if one.path == "/api/v2/alerts"]
    assert [one["labels"]["incident"] for one in pushes] == ["INC-1", "INC-1"]
    assert pushes[0]["labels"] == pushes[1]["labels"]
    assert pushes[0]["startsAt"] < pushes[1]["endsAt"] < pushes[0]["endsAt"]
    assert pushes[0]["labels"]["tillwatch_alert_id"] == told.incidents.list()[0].id


def test_a_receiver_that_is_down_is_tried_again_with_the_same_id(told, receiver):
    told.burn("a1", "payment-success", "payments")
    receiver.status = 503
    told.outbox.step()
    assert {one.state for one in told.deliveries("webhook")} == {"waiting"}
    receiver.status = 200
    told.clock.advance_s(10)
    assert told.outbox.step()
    ids = {one.headers["webhook-id"] for one in receiver.heard if one.path == "/hook"}
    assert len(ids) == 1
    assert {one.state for one in told.deliveries("webhook")} == {"delivered"}


def test_a_receiver_that_refuses_is_given_up_and_shown(told, receiver):
    told.burn("a1", "payment-success", "payments")
    receiver.status = 410
    told.outbox.step()
    (row,) = told.deliveries("webhook")
    assert (row.state, row.last_error[:12]) == ("failed", "answered 410")


def test_an_open_incident_is_kept_alive_in_alertmanager_once_an_hour(told):
    told.burn("a1", "payment-success", "payments")
    told.upkeep.run()
    assert len(told.deliveries("alertmanager")) == 1
    for _ in range(12):
        told.clock.advance_s(600)
        told.upkeep.run()
    assert len(told.deliveries("alertmanager")) in {3, 4}


def test_the_vector_of_the_standard_is_signed_right():
    """From the specification's examples (standard-webhooks, test vector of its libraries)."""
    key = signing_key(SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    body = b'{"test": 2432232314}'
    assert sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


@pytest.mark.parametrize("secret", ["", "whsec_short", "not base64!", "whsec_" + "A" * 200])
def test_a_secret_that_cannot_sign_is_refused_with_the_way_to_make_one(secret):
    with pytest.raises(NotConfigured) as refusal:
        signing_key(SecretStr(secret))
    assert "whsec_" in refusal.value.hint


def test_the_heartbeat_goes_out_only_while_everything_is_fresh(receiver, client):
    ages: dict[str, float | None] = {"evaluation": 1.0, "journal": 0.5, "outbox": 0.0}
    settings = TriageSettings(heartbeat_url=f"{receiver.url}/ping", heartbeat_max_age_s=60)
    beat = Heartbeat(settings, {name: (lambda n=name: ages[n]) for name in ages}, client)
    beat.run()
    assert [one.path for one in receiver.heard] == ["/ping"]
    for blind in (61.0, None):
        ages["evaluation"] = blind
        beat.run()
    assert len(receiver.heard) == 1
    ages["evaluation"] = 60.0
    beat.run()
    assert len(receiver.heard) == 2


def test_a_heartbeat_that_nobody_takes_raises_nothing(receiver, client):
    settings = TriageSettings(heartbeat_url=receiver.url)
    beat = Heartbeat(settings, {"evaluation": lambda: 0.0}, client)
    receiver.status = 500
    beat.run()
    receiver.close()
    beat.run()
    assert len(receiver.heard) == 1


def test_without_an_address_or_without_eyes_nothing_is_pinged(receiver, client):
    Heartbeat(TriageSettings(), {"evaluation": lambda: 0.0}, client).run()
    Heartbeat(TriageSettings(heartbeat_url=receiver.url), {}, client).run()
    assert receiver.heard == []


def test_what_was_never_heard_of_is_a_blind_spot():
    assert blind_spots({"a": None, "b": 61, "c": 60}, 60) == ["a", "b"]
