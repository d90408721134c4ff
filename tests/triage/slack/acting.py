"""The features that acts in Slack reach, as one fake with state."""

from __future__ import annotations

from access.principal import Principal

Done = tuple[str, str, str, str, str]


class Acting:
    """Notes (act, subject, person, detail, reason) of everything; `failure` is raised instead."""

    def __init__(self) -> None:
        self.done: list[Done] = []
        self.failure: Exception | None = None

    def decide(
        self,
        approval_id: str,
        person: Principal,
        decision: str,
        shown_hash: str,
        reason: str = "",
        channel: str = "web",
    ) -> object:
        assert channel == "slack"
        self._note(decision, approval_id, person, shown_hash, reason)
        return None

    def revoke(
        self, approval_id: str, person: Principal, reason: str, channel: str = "web"
    ) -> object:
        assert channel == "slack"
        self._note("revoke", approval_id, person, "", reason)
        return None

    def confirm(
        self, approval_id: str, person: Principal, outcome: str, reason: str = ""
    ) -> object:
        self._note("confirm", approval_id, person, outcome, reason)
        return None

    def acknowledge(self, incident_id: str, person: Principal) -> object:
        self._note("acknowledge", incident_id, person)
        return None

    def take_over(self, incident_id: str, person: Principal) -> object:
        self._note("take_over", incident_id, person)
        return None

    def hand_over(
        self, incident_id: str, person: Principal, to_person_id: str, note: str
    ) -> object:
        self._note("hand_over", incident_id, person, to_person_id, note)
        return None

    def silence(self, incident_id: str, person: Principal, until_us: int, reason: str) -> object:
        self._note("silence", incident_id, person, str(until_us), reason)
        return None

    def end_silence(self, incident_id: str, person: Principal) -> object:
        self._note("end_silence", incident_id, person)
        return None

    def change_severity(
        self, incident_id: str, person: Principal, severity: str, reason: str
    ) -> object:
        self._note("severity", incident_id, person, severity, reason)
        return None

    def not_an_incident(self, incident_id: str, person: Principal, reason: str) -> object:
        self._note("not_an_incident", incident_id, person, "", reason)
        return None

    def grade(self, incident_id: str, revision: int, person: Principal, verdict: str) -> None:
        self._note("grade", incident_id, person, f"{revision} {verdict}")

    def _note(
        self, act: str, subject: str, person: Principal, detail: str = "", reason: str = ""
    ) -> None:
        if self.failure is not None:
            raise self.failure
        self.done.append((act, subject, person.person_id, detail, reason))
