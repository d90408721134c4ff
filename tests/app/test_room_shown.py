"""Whoever looks is told when not everything is taken: doctor, and the pages' banner."""

from __future__ import annotations

from types import SimpleNamespace

import httpx2
import pytest

from app import doctor
from app.pages import page_readers
from kernel.clock import FrozenClock
from kernel.engine_status import own_status, write_status
from kernel.journal import ItemClass
from kernel.journal.admission import Reason
from kernel.settings import KernelSettings


@pytest.fixture
def ready(monkeypatch):
    """Sets what `/readyz` answers."""

    def answers(body: bytes) -> None:
        monkeypatch.setattr(
            doctor.httpx2, "get", lambda *_args, **_more: httpx2.Response(200, content=body)
        )

    return answers


@pytest.mark.parametrize("reason", list(Reason))
def test_doctor_names_what_is_refused_and_the_next_step_for_each_lack(ready, tmp_path, reason):
    ready(b'{"refusing": {"trace": "%s", "log": "%s"}}' % ((reason.encode(),) * 2))
    finding = doctor._service(KernelSettings(data_dir=tmp_path))
    assert finding.state == "bad"
    assert "trace, log" in finding.says
    assert len(finding.fix) > len(reason) + 20


@pytest.mark.parametrize("body", [b'{"refusing": {}}', b"{}", b"[]", b"nonsense", b""])
def test_doctor_is_content_where_nothing_is_refused_or_an_old_service_does_not_say(
    ready, tmp_path, body
):
    ready(body)
    assert doctor._service(KernelSettings(data_dir=tmp_path)).state == "ok"


def test_the_banner_tells_of_refusals_and_of_the_engine_together(tmp_path):
    clock = FrozenClock()
    refusing: dict[ItemClass, Reason] = {}
    # The banner needs no more of the core than this; pages have tests of their own.
    services = (
        "slo",
        "incidents",
        "approvals",
        "audit_log",
        "access",
        "corrections",
        "policy",
    )
    core = SimpleNamespace(
        kernel=KernelSettings(data_dir=tmp_path),
        clock=clock,
        catalogue=SimpleNamespace(fault=""),
        slack=None,
        slack_preview=None,
        runbook_settings=SimpleNamespace(simulation=True),
        **dict.fromkeys(services, Anything()),
    )
    collector = Anything()
    collector.limits = SimpleNamespace(warning=str)
    readers = page_readers(core, collector, Anything(), lambda: refusing)
    write_status(tmp_path, own_status(clock.now_us(), {}, {}, ""))
    assert readers.stale() == ""
    refusing |= {ItemClass.TRACE: Reason.QUOTA, ItemClass.LOG: Reason.QUOTA}
    assert readers.stale() == (
        "Refusing trace, log for lack of room (quota); the rest is accepted."
    )
    clock.advance_s(60)
    assert "the rest is accepted. The engine was last heard 60 s ago" in readers.stale()


class Anything:
    """Has every attribute."""

    def __getattr__(self, name: str) -> object:
        return Anything()
