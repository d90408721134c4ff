"""The preview is the truth of after: computed before anybody approves, equal to what comes."""

from __future__ import annotations

from kernel.clock import HOUR_US
from tests.slo.corrections.people import ADA, BEN, approved, asked
from tests.slo.shop_till import START_US, adyen_in_the_middle_fails, all_fail, nothing_fails


def play(shop, minutes: int, fails=nothing_fails) -> None:
    shop.play(minutes * 60, per_s=0.4, fails=fails, evaluate=False)


def test_the_preview_is_exactly_what_the_approval_does(shop, corrections):
    play(shop, 70)
    begin_us = shop.clock.now_us()
    play(shop, 60, all_fail)
    end_us = shop.clock.now_us()
    play(shop, 70)
    made = corrections.propose(asked(begin_us, end_us), ADA)
    [effect] = corrections.show(made.id).preview
    before = shop.service.show("payment-success")
    assert effect.before.counts == before.counts
    assert effect.before.budget_left == before.budget_left
    assert (effect.occurrences, effect.seconds) == (1, 3600)
    assert effect.before.counts.bad - effect.after.counts.bad == effect.before.counts.bad > 0
    assert effect.says == f"leaves out 0 good and {before.counts.bad} bad attempts"

    corrections.decide(made.id, BEN, "approve")
    after = shop.service.show("payment-success")
    assert after.counts == effect.after.counts
    assert (after.sli, after.budget_left, after.money) == (
        1.0,
        effect.after.budget_left,
        effect.after.money,
    )
    assert after.counts.bad == 0
    assert after.uncorrected.counts == before.counts
    assert after.uncorrected.budget_left == before.budget_left
    [shown] = after.corrections
    assert (shown.id, shown.seconds, shown.reason) == (made.id, 3600, "the provider moves house")
    assert sum(one.counts.good for one in after.segments) == after.counts.good
    # Looking back, the same question has the same answer.
    assert corrections.show(made.id).preview == [effect]


def test_a_segment_is_left_out_and_the_rest_still_counts(shop, corrections):
    begin_us = shop.clock.now_us()
    play(shop, 60, adyen_in_the_middle_fails)
    bad = shop.service.show("payment-success").counts.bad
    part = approved(
        corrections,
        asked(begin_us, begin_us + HOUR_US, segment={"provider": "adyen", "region": "eu-central"}),
    )
    shown = shop.service.show("payment-success")
    assert (shown.counts.bad, shown.uncorrected.counts.bad) == (0, bad)
    assert shown.counts.good > 0
    [effect] = corrections.show(part.id).preview
    assert effect.before.counts.good == effect.after.counts.good
    assert shop.service.show("payment-latency").counts.bad == bad


def test_overlapping_corrections_leave_a_unit_out_once(shop, corrections):
    begin_us = shop.clock.now_us()
    play(shop, 60, all_fail)
    first = approved(corrections, asked(begin_us, begin_us + HOUR_US // 2))
    approved(corrections, asked(begin_us, begin_us + HOUR_US))
    shown = shop.service.show("payment-success")
    assert (shown.counts.bad, shown.counts.good, shown.sli) == (0, 0, None)
    assert shown.uncorrected.counts.bad > 0
    assert (shown.state, "leave out everything" in shown.reason) == ("no_data", True)
    [effect] = corrections.show(first.id).preview  # the other one leaves it out anyway
    assert effect.before.counts == effect.after.counts
    assert "no figure changes" in effect.says


def test_what_lies_ahead_is_shown_with_its_next_three_times(shop, corrections):
    play(shop, 10)
    made = corrections.propose(
        asked(
            START_US,
            **{
                "from": "2026-11-23T02:00",
                "to": "2026-11-23T04:00",
                "zone": "Europe/Berlin",
                "rule": "FREQ=WEEKLY;BYDAY=MO",
            },
        ),
        ADA,
    )
    shown = corrections.show(made.id)
    assert [one.begins[:16] for one in shown.next] == [
        "2026-11-23T01:00",
        "2026-11-30T01:00",
        "2026-12-07T01:00",
    ]
    assert shown.when == "02:00-04:00 (Europe/Berlin), every week on Monday, from 2026-11-23"
    [effect] = shown.preview
    assert effect.before == effect.after
    assert "no figure changes" in effect.says


def test_figures_of_an_objective_without_corrections_are_both_the_same(shop):
    play(shop, 20, adyen_in_the_middle_fails)
    for shown in (shop.service.show("payment-success"), shop.service.list()[1]):
        assert shown.uncorrected.counts == shown.counts
        assert shown.uncorrected.budget_left == shown.budget_left
        assert shown.corrections == []
