"""Table 2.8, "stale source": windows end at the watermark, and staleness is asked for first."""

from kernel.clock import SECOND_US, rfc3339
from tests.slo.shop_till import Till, all_fail


def test_a_window_ends_at_the_watermark_and_never_at_now(till: Till) -> None:
    counted_us = till.clock.now_us()
    till.clock.advance_s(120)  # time passes and the ledger does not follow
    found = till.service.show("payment-success")
    assert found.window.to == found.watermark == rfc3339(counted_us)
    assert found.burn_rates["5m"] == 0.0


def test_what_is_stale_is_said_before_anything_is_judged(till: Till) -> None:
    till.play(60, fails=all_fail)
    till.clock.advance_s(till.objectives[0].max_gap_s + 60)
    found = till.service.show("payment-success")
    assert (found.state, found.alerts != []) == ("no_data", True)
    assert "watermark is behind" in found.reason


def test_a_silent_source_is_named(till: Till) -> None:
    till.silence(400)
    found = till.service.show("payment-success")
    assert found.reason == "nothing heard from shop for more than 5 min"


def test_a_stale_ledger_opens_and_closes_no_alert(till: Till) -> None:
    till.play(60, fails=all_fail)
    opened = [(row.id, row.state) for row in till.alerts()]
    for _ in range(30):
        till.clock.set_us(till.clock.now_us() + 60 * SECOND_US)
        till.evaluator.run_once()
    assert [(row.id, row.state) for row in till.alerts()] == opened
