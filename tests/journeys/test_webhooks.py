"""Payment providers speak to a running service: late, twice, in any order, and through a crash."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest

from app.fakes import payment_providers as fakes
from app.fakes.payment_providers import FakeAdyen, FakeStripe
from app.fakes.postman import Postman
from kernel.clock import SystemClock
from tests.journeys.running import RunningService, running, until
from tests.journeys.shop import payment

STRIPE = "whsec_" + "a1b2c3d4" * 4
ROTATED = "whsec_" + "e5f6a7b8" * 4
ADYEN = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
SECRETS = json.dumps({"stripe/eu": [ROTATED, STRIPE], "adyen/main": [ADYEN]})
PATIENT = 5_000


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[RunningService]:
    """A service that Stripe and Adyen may call."""
    folder = tmp_path_factory.mktemp("webhooks")
    with running(folder, TILLWATCH_WEBHOOK_SECRETS=SECRETS) as found:
        yield found
        assert "unexpected_error" not in found.log.read_text(), found.tail()


def stripe_of(service: RunningService, **habits) -> FakeStripe:
    postman = Postman(f"{service.url}/webhooks/stripe/eu", max_attempts=PATIENT, **habits)
    return FakeStripe(STRIPE, postman, SystemClock())


def adyen_of(service: RunningService, **habits) -> FakeAdyen:
    postman = Postman(f"{service.url}/webhooks/adyen/main", max_attempts=PATIENT, **habits)
    return FakeAdyen(ADYEN, postman, SystemClock())


def counts(service: RunningService) -> dict[str, int]:
    found = dict(service.slo()["counts"])
    found.pop("pending")
    return found


def difference(service: RunningService, before: dict[str, int]) -> dict[str, int]:
    return {name: number - before[name] for name, number in counts(service).items()}


def test_the_backend_says_failed_and_stripe_says_succeeded_is_one_good_payment(shop):
    before = counts(shop)
    shop.send([payment("pay-disputed", "failed", provider="stripe")])
    until(lambda: difference(shop, before)["bad"] == 1, "the backend's failure counts")
    stripe = stripe_of(shop)
    intent = stripe.create(4_200, "EUR", payment_id="pay-disputed")
    stripe.succeed(intent)
    assert stripe.postman.deliver() == 3
    until(lambda: difference(shop, before)["good"] == 1, "the late webhook revises")
    assert difference(shop, before) == {"good": 1, "bad": 0, "excluded": 0}


def test_hundreds_of_webhooks_through_a_crash_count_each_attempt_once(shop):
    before = counts(shop)
    stripe = stripe_of(shop, seed=7, duplicates=0.3, shuffles=True)
    adyen = adyen_of(shop, seed=8, duplicates=0.3, shuffles=True)
    for number in range(30):
        intent = stripe.create(1_000 + number, "EUR", payment_id=f"st-{number}")
        if number % 3 == 0:
            stripe.decline(intent, "insufficient_funds")
        elif number % 5 == 0:
            stripe.break_down(intent)
        else:
            stripe.succeed(intent)
        refusal = {0: "Refused", 1: "Acquirer Error"}.get(number % 4, "")
        adyen.authorise(f"ad-{number}", 2_000 + number, "EUR", refusal)
        if number % 7 == 0:
            adyen.forge()
        adyen.flush()
    postmen = [threading.Thread(target=one.postman.deliver) for one in (stripe, adyen)]
    for one in postmen:
        one.start()
    until(lambda: stripe.postman.answers[202] > 10, "Stripe is in the middle of it")
    shop.kill_both()
    shop.start()
    for one in postmen:
        one.join(timeout=120)
    assert stripe.postman.gone == adyen.postman.gone == []
    assert set(stripe.postman.answers) <= {202, 503, 0}
    assert set(adyen.postman.answers) <= {200, 503, 0}
    # Stripe: 10 declined, 4 broken (5, 10, 20, 25), 16 good. Adyen: 8 refused, 8 broken, 14 good.
    until(lambda: sum(difference(shop, before).values()) >= 60, "everything is counted")
    assert difference(shop, before) == {"good": 30, "bad": 12, "excluded": 18}


def test_a_secret_is_replaced_without_losing_a_delivery(shop):
    before = counts(shop)
    stripe = stripe_of(shop)
    for number, secret in enumerate((STRIPE, ROTATED)):
        stripe.secret = secret
        stripe.succeed(stripe.create(100, "EUR", payment_id=f"rot-{number}"))
        stripe.postman.deliver()
    assert set(stripe.postman.answers) == {202}
    until(lambda: difference(shop, before)["good"] == 2, "both count")


def test_what_the_shop_never_named_shows_as_unmatched_and_counts_nowhere(shop):
    before = counts(shop)
    stripe = stripe_of(shop)
    intent = stripe.create(100, "EUR")
    stripe.succeed(intent)
    stripe.succeed(stripe.create(100, "EUR", payment_id="named"))
    stripe.postman.deliver()
    until(lambda: difference(shop, before)["good"] >= 1, "the named one counts")
    shown = until(lambda: unmatched_of(shop, intent.id), "the other one shows")
    assert {one["type"] for one in shown} <= {"payment.succeeded", "payment.authorized"}
    assert difference(shop, before) == {"good": 1, "bad": 0, "excluded": 0}


def unmatched_of(service: RunningService, provider_id: str) -> list[dict]:
    found = service.client.get("/api/webhooks", limit=200)["unmatched"]
    return [one for one in found if one["attributes"]["provider_id"] == provider_id]


def test_a_chargeback_and_a_refund_change_no_count(shop):
    before = counts(shop)
    stripe, adyen = stripe_of(shop), adyen_of(shop)
    intent = stripe.create(900, "EUR", payment_id="to-refund")
    stripe.succeed(intent)
    stripe.refund(intent)
    stripe.postman.deliver()
    adyen.authorise("to-charge-back", 900, "EUR")
    adyen.chargeback("to-charge-back", 900, "EUR")
    adyen.flush()
    adyen.postman.deliver()
    until(lambda: difference(shop, before)["good"] == 2, "both payments count")
    types = ["payment.refunded", "payment.disputed"]
    until(
        lambda: (
            {
                one["payment_id"]
                for one in shop.client.get("/api/events", type=",".join(types))["events"]
            }
            >= {"to-refund", "to-charge-back"}
        ),
        "both are told",
    )
    assert difference(shop, before) == {"good": 2, "bad": 0, "excluded": 0}


def test_no_file_of_the_service_holds_what_the_payloads_said_of_people_and_cards(shop):
    before = counts(shop)
    stripe, adyen = stripe_of(shop), adyen_of(shop)
    stripe.decline(stripe.create(700, "EUR", payment_id="watched-1"), "do_not_honor")
    adyen.authorise("watched-2", 700, "EUR")
    adyen.flush()
    stripe.postman.deliver()
    adyen.postman.deliver()
    counted = {"good": 1, "bad": 0, "excluded": 1}
    until(lambda: difference(shop, before) == counted, "both are read and counted")
    files = [path for path in shop.data_dir.parent.rglob("*") if path.is_file()]
    written = b"".join(path.read_bytes() for path in files)
    assert b"watched-1" in written
    assert b"watched-2" in written
    for secret in (fakes.CARD_NUMBER, fakes.EMAIL, fakes.HOLDER, fakes.STREET, STRIPE, ADYEN):
        assert secret.encode() not in written, secret


def test_a_setting_that_cannot_be_read_stops_the_start_and_says_why(tmp_path):
    broken = RunningService(tmp_path, {"TILLWATCH_WEBHOOK_SECRETS": '{"strpe/eu": ["whsec_x"]}'})
    broken.spawn()
    assert broken._process is not None
    assert broken._process.wait(timeout=90) == 4
    assert "TILLWATCH_WEBHOOK_SECRETS" in broken.tail()
    assert "whsec_x" not in broken.tail()
