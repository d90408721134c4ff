"""Row "corrections": left out by default, both figures show, with a reason and an approver."""

import pytest

from kernel.clock import HOUR_US
from kernel.errors import BadInput
from tests.slo.corrections.people import ADA, BEN, asked, corrections_of
from tests.slo.shop_till import Till, all_fail, payments


def test_a_corrected_hour_is_neither_failure_nor_uptime_and_both_figures_show(tmp_path):
    till = Till(tmp_path, [payments()])
    till.play(3600, per_s=0.4, evaluate=False)
    begin_us = till.clock.now_us()
    till.play(3600, per_s=0.4, fails=all_fail, evaluate=False)
    service = corrections_of(till, tmp_path)
    made = service.propose(asked(begin_us, begin_us + HOUR_US), ADA)
    before = till.service.show("payment-success")
    assert before.counts.bad > 0  # a proposal changes nothing
    service.decide(made.id, BEN, "approve")
    shown = till.service.show("payment-success")
    assert shown.counts.bad == 0
    assert shown.counts.good == before.counts.good
    assert shown.uncorrected.counts == before.counts


def test_a_correction_without_a_reason_is_refused(tmp_path):
    till = Till(tmp_path, [payments()])
    with pytest.raises(BadInput, match="needs a reason"):
        corrections_of(till, tmp_path).propose(asked(till.clock.now_us(), reason=" "), ADA)
