"""The one error tree. `app.errors` alone maps it to HTTP, CLI exit codes and text.

TillwatchError
|-- BadInput          400  what was sent cannot be used; `path` names the place
|-- NotAuthenticated  401
|-- NotAllowed        403
|-- NotFound          404
|-- WrongMethod       405
|-- Conflict          409  somebody was faster, or the state forbids it
|-- TooLarge          413
|-- UnsupportedFormat 415
|-- Overloaded        429
|-- Unavailable       503  try again after `retry_after_s`
|-- NotConfigured     CLI exit 4
|-- Unreachable       CLI exit 3
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar


class TillwatchError(Exception):
    """An expected failure: says what happened, why, and (in `hint`) the next step."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 70

    def __init__(
        self, message: str, *, hint: str = "", problems: Sequence[Mapping[str, object]] = ()
    ) -> None:
        """`problems` lists all single faults as {"path", "reason"} where there are several."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.problems = list(problems)


class BadInput(TillwatchError):
    """`path` is a JSON-path-like place (`$.data.amount_minor`, a header, a query parameter).

    `rule` names the check that failed, for good (`event.type.unknown`); given where the path alone
    would not tell one check from another.
    """

    code = "bad_input"
    status = 400
    exit_code = 2

    def __init__(
        self,
        message: str,
        *,
        path: str = "$",
        hint: str = "",
        problems: Sequence[Mapping[str, object]] = (),
        rule: str = "",
    ) -> None:
        super().__init__(message, hint=hint, problems=problems)
        self.path = path
        self.rule = rule


class NotAuthenticated(TillwatchError):
    code = "not_authenticated"
    status = 401
    exit_code = 4


class NotAllowed(TillwatchError):
    code = "not_allowed"
    status = 403
    exit_code = 4


class NotFound(TillwatchError):
    code = "not_found"
    status = 404
    exit_code = 1


class WrongMethod(TillwatchError):
    code = "wrong_method"
    status = 405
    exit_code = 2


class Conflict(TillwatchError):
    code = "conflict"
    status = 409
    exit_code = 1


class TooLarge(TillwatchError):
    code = "too_large"
    status = 413
    exit_code = 2


class UnsupportedFormat(TillwatchError):
    code = "unsupported_format"
    status = 415
    exit_code = 2


class Overloaded(TillwatchError):
    code = "overloaded"
    status = 429
    exit_code = 3


class Unavailable(TillwatchError):
    """A condition that passes. Senders may retry after `retry_after_s`."""

    code = "unavailable"
    status = 503
    exit_code = 3

    def __init__(self, message: str, *, hint: str = "", retry_after_s: int = 1) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class NotConfigured(TillwatchError):
    code = "not_configured"
    status = 503
    exit_code = 4


class Unreachable(TillwatchError):
    code = "unreachable"
    status = 502
    exit_code = 3
