"""What of triage runs in the engine."""

from __future__ import annotations

from kernel.facts import Subscription
from kernel.parts import Job, Part
from triage.admission import Admission
from triage.asking import Asking
from triage.blindness import Heartbeat
from triage.briefing import Briefing
from triage.intake import AlertIntake, burn_alerts
from triage.second_channel import SecondChannel
from triage.settings import TriageSettings
from triage.upkeep import Upkeep

_SETTLE_EVERY_S = 10.0


def parts(intake: AlertIntake, briefing: Briefing, asking: Asking | None = None) -> list[Part]:
    """Consumer loops; `asking` only where a model is configured."""
    found = [Part("triage.intake", intake.step), Part("triage.brief", briefing.step)]
    if asking is not None:
        found.append(Part("triage.brief.model", asking.step, idle_wait_s=0.5))
    return found


def jobs(settings: TriageSettings, upkeep: Upkeep, heartbeat: Heartbeat) -> list[Job]:
    """Recurring work."""
    return [
        Job("triage.incidents", upkeep.run, _SETTLE_EVERY_S),
        Job("triage.heartbeat", heartbeat.run, settings.heartbeat_every_s),
    ]


def subscriptions(admission: Admission, second: SecondChannel) -> list[Subscription]:
    """Facts that triage listens to."""
    return [burn_alerts(admission, second)]
