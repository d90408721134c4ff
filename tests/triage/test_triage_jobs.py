"""What the engine is given to run."""

from __future__ import annotations

from triage.blindness import Heartbeat
from triage.briefing import Briefing, Sources
from triage.evidence.evidence import EvidenceBundle
from triage.jobs import jobs, parts, subscriptions


class Quiet:
    """An engine that finds nothing."""

    def gather(self, context):
        return EvidenceBundle(context)


def test_parts_and_jobs_run_on_an_empty_installation(desk, tmp_path):
    briefing = Briefing(
        desk.database, desk.clock, desk.admission, desk.settings, Sources(Quiet(), desk.till)
    )
    found = parts(desk.intake, briefing)
    assert [part.name for part in found] == ["triage.intake", "triage.brief"]
    assert not any(part.step() for part in found)
    heartbeat = Heartbeat(desk.settings, {}, None)
    for job in jobs(desk.settings, desk.upkeep, heartbeat):
        job.run()
    (subscription,) = subscriptions(desk.admission, desk.second)
    assert subscription.subscriber == "triage.burn_alerts"


def test_an_incident_about_which_nothing_is_known_still_gets_a_brief(desk):
    briefing = Briefing(desk.database, desk.clock, desk.admission, desk.settings, Sources(Quiet()))
    desk.burn("a1", "payment-success", "payments")
    assert briefing.step()
    found = desk.incidents.show("INC-1")
    assert found.brief.source == "code"
    assert found.evidence == []
