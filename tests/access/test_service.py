"""Authentication, people, tokens, sessions; each change in the audit."""

from __future__ import annotations

import stat

import pytest
from sqlalchemy import text

from access.principal import Principal, Role
from access.secrets_text import new_token
from kernel.clock import DAY_US, HOUR_US
from kernel.errors import BadInput, Conflict, NotAuthenticated, NotFound, Unavailable


def break_database(world) -> None:
    with world.database.unit_of_work() as session:
        session.execute(text("ALTER TABLE token RENAME TO token_away"))


def mend_database(world) -> None:
    with world.database.unit_of_work() as session:
        session.execute(text("ALTER TABLE token_away RENAME TO token"))


def token_of(world, *roles: Role, kind="person", name="ada") -> str:
    person_id = world.access.create_person(name, roles, kind=kind)
    return world.access.create_token(person_id)


def test_a_token_opens_and_names_its_holder_and_roles(world):
    token = token_of(world, Role.VIEWER, Role.APPROVER)
    principal = world.access.authenticate_bearer(token)
    assert (principal.name, principal.kind, principal.method) == ("ada", "person", "token")
    assert principal.roles == {Role.VIEWER, Role.APPROVER}
    assert world.access.known_bearer(token) == principal


@pytest.mark.parametrize("token", ["", "tw_", "Bearer x", "tw_" + "a" * 49, "\ud800"])
def test_a_malformed_token_is_refused(world, token):
    with pytest.raises(NotAuthenticated):
        world.access.authenticate_bearer(token)


def test_a_well_formed_token_that_nobody_was_given_is_refused(world):
    with pytest.raises(NotAuthenticated):
        world.access.authenticate_bearer(new_token())


def test_only_the_hash_of_a_token_reaches_the_disk(world):
    token = token_of(world, Role.VIEWER)
    cookie = world.access.login(token)
    world.database.close()
    stored = b"".join(path.read_bytes() for path in world.data_dir.glob("control.db*"))
    assert token.encode() not in stored
    assert cookie.encode() not in stored


def test_an_expired_token_no_longer_opens(world):
    person_id = world.access.create_person("ada", [Role.VIEWER])
    token = world.access.create_token(person_id, expires_us=world.clock.now_us() + DAY_US)
    world.access.authenticate_bearer(token)
    world.clock.advance_s(24 * 3600)
    with pytest.raises(NotAuthenticated):
        world.access.authenticate_bearer(token)


def test_a_token_revoked_by_another_process_stops_within_two_seconds(world):
    token = token_of(world, Role.VIEWER)
    world.access.authenticate_bearer(token)
    with world.database.unit_of_work() as session:
        session.execute(text("UPDATE token SET revoked_us = 1"))
    world.clock.advance_s(2.1)
    with pytest.raises(NotAuthenticated):
        world.access.authenticate_bearer(token)


def test_revoking_ends_the_sessions_of_the_token_too(world):
    token = token_of(world, Role.VIEWER)
    cookie = world.access.login(token)
    token_id = world.access.tokens()[0]["id"]
    world.access.revoke_token(token_id)
    with pytest.raises(NotAuthenticated):
        world.access.principal_of_session(cookie)
    with pytest.raises(NotAuthenticated):
        world.access.authenticate_bearer(token)
    with pytest.raises(Conflict):
        world.access.revoke_token(token_id)
    with pytest.raises(NotFound):
        world.access.revoke_token("nothing")


def test_tokens_go_on_opening_for_an_hour_without_the_database(world):
    token = token_of(world, Role.INGEST, kind="machine", name="shop")
    world.access.authenticate_bearer(token)
    break_database(world)
    world.clock.advance_s(3599)
    assert world.access.authenticate_bearer(token).name == "shop"
    world.clock.advance_s(3)
    with pytest.raises(Unavailable):
        world.access.authenticate_bearer(token)
    mend_database(world)
    world.clock.advance_s(3)
    assert world.access.authenticate_bearer(token).name == "shop"


def test_a_session_ends_by_logout_and_by_time(world):
    token = token_of(world, Role.VIEWER)
    first, second = world.access.login(token), world.access.login(token)
    assert world.access.principal_of_session(first).method == "session"
    world.access.logout(first)
    with pytest.raises(NotAuthenticated):
        world.access.principal_of_session(first)
    world.clock.set_us(world.clock.now_us() + 12 * HOUR_US)
    with pytest.raises(NotAuthenticated):
        world.access.principal_of_session(second)


def test_a_machine_opens_no_session(world):
    token = token_of(world, Role.INGEST, kind="machine", name="shop")
    with pytest.raises(NotAuthenticated):
        world.access.login(token)


def test_a_machine_can_never_hold_a_role_that_decides(world):
    for role in (Role.APPROVER, Role.OWNER, Role.ADMIN):
        with pytest.raises(BadInput):
            world.access.create_person("robot", [role], kind="machine")
    assert world.access.person_id_of("robot") is None


def test_an_admin_looks_and_audits_but_does_not_approve():
    admin = Principal("1", "root", "person", frozenset({Role.ADMIN}), "token", "")
    assert admin.has(Role.VIEWER)
    assert admin.has(Role.AUDITOR)
    assert not admin.has(Role.APPROVER, Role.OWNER, Role.RESPONDER, Role.INGEST)


def test_the_first_start_writes_the_admin_token_for_the_owner_alone(world):
    path = world.access.ensure_admin(world.data_dir)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    admin = world.access.authenticate_bearer(path.read_text().strip())
    assert admin.roles == set(Role)
    before = path.read_text()
    world.access.ensure_admin(world.data_dir)
    assert path.read_text() == before


def test_a_slack_user_is_the_person_it_was_linked_to_and_nobody_else(world):
    person_id = world.access.create_person("ada", [Role.APPROVER], slack=("T1", "U1"))
    found = world.access.person_by_slack("T1", "U1")
    assert found is not None
    assert (found.person_id, found.method) == (person_id, "slack")
    assert world.access.person_by_slack("T2", "U1") is None
    with pytest.raises(Conflict):
        world.access.create_person("bob", [Role.APPROVER], slack=("T1", "U1"))
    assert world.access.person_id_of("bob") is None


def test_changed_roles_count_at_once_for_tokens_and_sessions(world):
    token = token_of(world, Role.VIEWER)
    cookie = world.access.login(token)
    person_id = world.access.authenticate_bearer(token).person_id
    by = world.access.authenticate_bearer(token)
    world.access.set_roles(person_id, [Role.AUDITOR], by=by)
    assert world.access.authenticate_bearer(token).roles == {Role.AUDITOR}
    assert world.access.principal_of_session(cookie).roles == {Role.AUDITOR}
    assert world.recorded()[-1]["data"] == {"before": ["viewer"], "after": ["auditor"]}


def test_every_change_of_people_tokens_and_sessions_is_in_the_audit(world):
    token = token_of(world, Role.VIEWER, name="lovelace")
    cookie = world.access.login(token)
    world.access.logout(cookie)
    world.access.revoke_token(world.access.tokens()[0]["id"])
    assert world.types() == [
        "person.created",
        "token.created",
        "authn.login",
        "authn.logout",
        "token.revoked",
    ]
    assert token not in str(world.recorded())
    assert "lovelace" not in str(world.recorded())


def test_a_flood_of_wrong_tokens_costs_the_audit_a_handful_of_records(world):
    for _ in range(500):
        with pytest.raises(NotAuthenticated):
            world.access.authenticate_bearer("tw_wrong")
    world.clock.advance_s(61)
    world.access.upkeep()
    assert world.types().count("authn.failed") == 10
    counted = [one for one in world.recorded() if one["type"] == "authn.refusals_counted"]
    assert [one["data"]["count"] for one in counted] == [490]
    world.access.upkeep()
    assert len(world.recorded()) == 11


def test_refusals_are_still_answered_and_counted_while_the_audit_cannot_be_written(world):
    with world.database.unit_of_work() as session:
        session.execute(text("ALTER TABLE audit_outbox RENAME TO away"))
    for _ in range(3):
        with pytest.raises(NotAuthenticated):
            world.access.authenticate_bearer("tw_wrong")
    with world.database.unit_of_work() as session:
        session.execute(text("ALTER TABLE away RENAME TO audit_outbox"))
    world.clock.advance_s(61)
    world.access.upkeep()
    assert [one["data"]["count"] for one in world.recorded()] == [3]
