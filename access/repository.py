"""The SQL of access, nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func
from sqlmodel import Session, col, select

from access.models import AuthorIdentityRow, LoginSessionRow, PersonRow, SlackIdentityRow, TokenRow


def person(session: Session, person_id: str) -> PersonRow | None:
    """A person by id."""
    return session.get(PersonRow, person_id)


def person_named(session: Session, name: str) -> PersonRow | None:
    """A person by name."""
    return session.exec(select(PersonRow).where(PersonRow.name == name)).first()


def person_by_name(session: Session, name: str) -> PersonRow | None:
    """A person by name, whatever its case."""
    query = select(PersonRow).where(func.lower(PersonRow.name) == name.lower())
    return session.exec(query.order_by(col(PersonRow.id))).first()


def people(session: Session) -> Sequence[PersonRow]:
    """Everybody, by name."""
    return session.exec(select(PersonRow).order_by(col(PersonRow.name))).all()


def person_of_slack(session: Session, team_id: str, user_id: str) -> PersonRow | None:
    """The person behind a Slack user."""
    identity = session.get(SlackIdentityRow, (team_id, user_id))
    return session.get(PersonRow, identity.person_id) if identity else None


def slack_identity_of(session: Session, person_id: str) -> SlackIdentityRow | None:
    """The Slack user of a person."""
    return session.exec(
        select(SlackIdentityRow).where(SlackIdentityRow.person_id == person_id)
    ).first()


def person_of_author(session: Session, author: str) -> PersonRow | None:
    """The person whom the sources of changes call so: by a link, else by the same name."""
    identity = session.get(AuthorIdentityRow, author.lower())
    return (
        session.get(PersonRow, identity.person_id) if identity else person_by_name(session, author)
    )


def token(session: Session, token_id: str) -> TokenRow | None:
    """A token by id."""
    return session.get(TokenRow, token_id)


def tokens(session: Session) -> Sequence[tuple[TokenRow, PersonRow]]:
    """All tokens with their holders, newest first."""
    return session.exec(
        select(TokenRow, PersonRow)
        .join(PersonRow, col(PersonRow.id) == col(TokenRow.person_id))
        .order_by(col(TokenRow.created_us).desc())
    ).all()


def valid_tokens(session: Session) -> Sequence[tuple[TokenRow, PersonRow]]:
    """Tokens that are not revoked, of people who are not disabled (expiry is checked at use)."""
    return session.exec(
        select(TokenRow, PersonRow)
        .join(PersonRow, col(PersonRow.id) == col(TokenRow.person_id))
        .where(col(TokenRow.revoked_us).is_(None))
        .where(col(PersonRow.disabled_us).is_(None))
    ).all()


def login_session(
    session: Session, cookie_hash: str
) -> tuple[LoginSessionRow, TokenRow, PersonRow] | None:
    """A login with the token and the person it stands for."""
    return session.exec(
        select(LoginSessionRow, TokenRow, PersonRow)
        .join(TokenRow, col(TokenRow.id) == col(LoginSessionRow.token_id))
        .join(PersonRow, col(PersonRow.id) == col(LoginSessionRow.person_id))
        .where(LoginSessionRow.hash == cookie_hash)
    ).first()


def delete_sessions_expired_before(session: Session, at_us: int) -> None:
    """Forget logins that ended long ago."""
    for row in session.exec(
        select(LoginSessionRow).where(col(LoginSessionRow.expires_us) < at_us).limit(500)
    ):
        session.delete(row)
