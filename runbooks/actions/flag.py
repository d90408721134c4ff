"""Flags: `GET` and `PUT {TILLWATCH_FLAG_URL}/flags/{key}`, JSON `{"key", "value"}`.

The value read when the step is proposed is shown to the people who decide, is the way back, and
must still be there when the step runs.
"""

from __future__ import annotations

import json
from typing import Any

from kernel import strict_json
from kernel.egress import Answer, Egress, EgressRefused, MaybeSent, NotSent
from kernel.errors import BadInput
from runbooks.actions.port import Outcome, PreconditionFailed, Unreadable
from runbooks.planning import Action, shown


class FlagAdapter:
    """Reads and sets flags of one flag service."""

    def __init__(self, base_url: str, egress: Egress, token: str = "") -> None:
        self._base_url = base_url.rstrip("/")
        self._egress = egress
        self._token = token

    def observe(self, action: Action) -> dict[str, Any]:
        """The value now. Raises PreconditionFailed where there is nothing to change."""
        value = self._read(action["key"])
        if value == action["value"] and type(value) is type(action["value"]):
            raise PreconditionFailed(f"flag {action['key']} is {shown(value)} already")
        return {"value": value}

    def dry_run(self, action: Action, action_id: str) -> list[str]:
        """The request that would be sent (without the token)."""
        return [
            f"PUT {self._url(action['key'])}",
            f"Idempotency-Key: {action_id}",
            self._content(action).decode(),
        ]

    def run(self, action: Action, action_id: str) -> Outcome:
        """Set the flag. After a missing answer the flag is read, never set again."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": action_id}
        headers.update(self._auth())
        try:
            answer = self._egress.send(
                "PUT", self._url(action["key"]), headers, self._content(action)
            )
        except (EgressRefused, NotSent) as error:
            return Outcome("failed", f"nothing was sent: {error}")
        except MaybeSent as error:
            return self._look(action, str(error))
        if answer.status in {200, 201, 204}:
            return _outcome("succeeded", f"flag is now {shown(action['value'])}", answer)
        if answer.status >= 500:
            return self._look(action, f"the flag service answered {answer.status}")
        return _outcome("failed", f"the flag service answered {answer.status}", answer)

    def _look(self, action: Action, what: str) -> Outcome:
        try:
            value = self._read(action["key"])
        except (Unreadable, PreconditionFailed) as error:
            return Outcome("unknown", f"{what}; the flag could not be read: {error}")
        if value == action["value"]:
            return Outcome("succeeded", f"{what}, but the flag reads {shown(value)}")
        return Outcome("unknown", f"{what}; the flag reads {shown(value)} for now")

    def _read(self, key: str) -> Any:
        if not self._base_url:
            raise PreconditionFailed("no flag service is set: set TILLWATCH_FLAG_URL")
        try:
            answer = self._egress.send("GET", self._url(key), self._auth())
        except EgressRefused as error:
            raise PreconditionFailed(str(error)) from None
        except (NotSent, MaybeSent) as error:
            raise Unreadable(f"flag {key} could not be read: {error}") from None
        if answer.status == 404:
            raise PreconditionFailed(
                f"there is no flag {key}: make it first, with its normal value"
            )
        if answer.status != 200:
            raise Unreadable(f"flag {key} could not be read: status {answer.status}")
        try:
            document = strict_json.loads(answer.body)
        except BadInput as error:
            raise Unreadable(f"flag {key} could not be read: {error.message}") from None
        value = document.get("value") if isinstance(document, dict) else None
        if not isinstance(value, str | int | bool) or (isinstance(value, str) and len(value) > 500):
            raise PreconditionFailed(f"flag {key} holds no text, whole number or truth")
        return value

    def _url(self, key: str) -> str:
        return f"{self._base_url}/flags/{key}"

    def _auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    @staticmethod
    def _content(action: Action) -> bytes:
        return json.dumps({"key": action["key"], "value": action["value"]}).encode()


def _outcome(state: Any, summary: str, answer: Answer) -> Outcome:
    return Outcome(state, summary, {"status": answer.status}, answer.body)
