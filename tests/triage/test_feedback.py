"""What people say of briefs is recorded, of whoever may read them."""

from __future__ import annotations

import pytest

from access.principal import Principal, Role
from kernel.errors import BadInput, NotAllowed, NotFound
from tests.triage.desk import Desk
from triage.feedback import Feedback
from triage.models import BriefRow


@pytest.fixture
def feedback(desk: Desk) -> Feedback:
    desk.till.known = {"payment-success"}
    desk.burn("a1", "payment-success", "payments")
    incident = desk.incidents.show("INC-1")
    brief = BriefRow(
        incident_id=incident.id,
        revision=2,
        evidence_revision=2,
        source="model",
        text="Adyen fails.",
        claims=[],
        missing_sources=[],
        labels={},
        at_us=desk.clock.now_us(),
    )
    with desk.database.unit_of_work() as session:
        session.add(brief)
    return Feedback(desk.database, desk.audit)


def person(desk: Desk, *roles: Role, kind: str = "person") -> Principal:
    person_id = desk.access.create_person("ada", roles, kind=kind)  # type: ignore[arg-type]
    return Principal(person_id, "ada", kind, frozenset(roles), "slack")  # type: ignore[arg-type]


def test_a_word_on_a_brief_is_a_record_that_names_brief_and_person(
    desk: Desk, feedback: Feedback
) -> None:
    ada = person(desk, Role.VIEWER)
    feedback.grade("INC-1", 2, ada, "wrong")
    (record,) = desk.audit.entries(type="incident.feedback")
    assert record.actor.ref == ada.person_id
    assert record.incident == desk.incidents.show("INC-1").id
    assert record.data == {
        "verdict": "wrong",
        "brief_source": "model",
        "version": "2",
        "channel": "slack",
    }


def test_only_a_person_who_may_read_grades(desk: Desk, feedback: Feedback) -> None:
    with pytest.raises(NotAllowed):
        feedback.grade("INC-1", 2, person(desk, Role.INGEST, kind="machine"), "wrong")
    assert desk.audit.entries(type="incident.feedback") == []


def test_what_does_not_exist_cannot_be_graded(desk: Desk, feedback: Feedback) -> None:
    ada = person(desk, Role.VIEWER)
    for incident, revision in (("INC-1", 3), ("INC-9", 2)):
        with pytest.raises(NotFound):
            feedback.grade(incident, revision, ada, "wrong")
    with pytest.raises(BadInput):
        feedback.grade("INC-1", 2, ada, "brilliant")
