"""Rows of access: people, tokens, sessions. Secrets are stored as hashes only."""

from __future__ import annotations

from sqlmodel import JSON, Column, Field, SQLModel, UniqueConstraint

from kernel.database import BigInt


class PersonRow(SQLModel, table=True):
    """A person or a machine. `kind`: person | machine."""

    __tablename__ = "person"
    id: str = Field(primary_key=True)
    name: str = Field(unique=True)
    kind: str
    roles: list[str] = Field(sa_column=Column(JSON, nullable=False))
    created_us: int = Field(sa_type=BigInt)
    disabled_us: int | None = Field(default=None, sa_type=BigInt)


class SlackIdentityRow(SQLModel, table=True):
    """Which Slack user a person is."""

    __tablename__ = "slack_identity"
    __table_args__ = (UniqueConstraint("person_id"),)
    team_id: str = Field(primary_key=True)
    user_id: str = Field(primary_key=True)
    person_id: str = Field(foreign_key="person.id")


class AuthorIdentityRow(SQLModel, table=True):
    """Which person the sources of changes (commits, deploys) call so; `author` in lower case."""

    __tablename__ = "author_identity"
    author: str = Field(primary_key=True)
    person_id: str = Field(foreign_key="person.id", index=True)


class TokenRow(SQLModel, table=True):
    """A bearer token: the SHA-256 of its text, never the text."""

    __tablename__ = "token"
    id: str = Field(primary_key=True)
    person_id: str = Field(foreign_key="person.id", index=True)
    hash: str = Field(unique=True)
    label: str = ""
    created_us: int = Field(sa_type=BigInt)
    expires_us: int | None = Field(default=None, sa_type=BigInt)
    revoked_us: int | None = Field(default=None, sa_type=BigInt)


class LoginSessionRow(SQLModel, table=True):
    """A browser login: the SHA-256 of its cookie. Ends with its token."""

    __tablename__ = "login_session"
    hash: str = Field(primary_key=True)
    id: str = Field(unique=True)
    person_id: str = Field(foreign_key="person.id", index=True)
    token_id: str = Field(foreign_key="token.id", index=True)
    created_us: int = Field(sa_type=BigInt)
    expires_us: int = Field(sa_type=BigInt, index=True)
    ended_us: int | None = Field(default=None, sa_type=BigInt)
