"""What `tillwatch doctor` says of objectives that are not judged, and of an old ledger copy."""

from __future__ import annotations

import os

from app.doctor import Finding, examine
from app.stores import settings_for
from kernel.clock import HOUR_US, SystemClock
from kernel.engine_status import own_status, write_status
from slo.ledger import LedgerWriter
from slo.ledger.snapshot import snapshot_path, take


def _finding(folder, name: str) -> Finding:
    found = examine(settings_for(folder), SystemClock(), environment={})
    return next(one for one in found if one.name == name)


def test_an_objective_that_cannot_be_judged_is_named_with_the_reason(tmp_path):
    reasons = {"payment-success": "slo.evaluate: ValueError: a fault"}
    write_status(tmp_path, own_status(SystemClock().now_us(), {}, {}, "", reasons))
    found = _finding(tmp_path, "engine")
    assert found.state == "bad"
    assert "payment-success: slo.evaluate: ValueError: a fault" in found.says


def test_an_old_copy_of_the_ledger_is_told_because_trimming_waits_for_it(tmp_path):
    path = settings_for(tmp_path).ledger_path
    LedgerWriter(path, SystemClock(), []).close()
    take(path)
    assert _finding(tmp_path, "ledger").state == "ok"
    old_s = SystemClock().now_us() / 1_000_000 - 30 * HOUR_US / 1_000_000
    os.utime(snapshot_path(path), (old_s, old_s))
    found = _finding(tmp_path, "ledger")
    assert found.state == "bad"
    assert "30 h old" in found.says
    assert "disk" in found.fix
