"""A single HTTP request to an allow-listed host."""

from __future__ import annotations

import json
from typing import Any

from kernel.egress import Egress, EgressRefused, MaybeSent, NotSent
from runbooks.actions.port import Outcome, PreconditionFailed, Unreadable
from runbooks.planning import Action


class HttpAdapter:
    """Sends exactly the request that was approved."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress

    def observe(self, action: Action) -> dict[str, Any]:
        """The precondition's status, where there is one. Raises PreconditionFailed, Unreadable."""
        precondition = action.get("precondition")
        try:
            self._egress.check(action["url"])
            if not precondition:
                return {}
            answer = self._egress.send("GET", precondition["url"])
        except EgressRefused as error:
            raise PreconditionFailed(str(error)) from None
        except (NotSent, MaybeSent) as error:
            raise Unreadable(f"the precondition could not be read: {error}") from None
        if answer.status != precondition["status"]:
            raise PreconditionFailed(
                f"{precondition['url']} answers {answer.status}, not {precondition['status']}"
            )
        return {"status": answer.status}

    def dry_run(self, action: Action, action_id: str) -> list[str]:
        """The request that would be sent."""
        lines = [f"{action['method']} {action['url']}", f"Idempotency-Key: {action_id}"]
        content = _content(action)
        return lines if content is None else [*lines, content.decode()]

    def run(self, action: Action, action_id: str) -> Outcome:
        """Send it once. 3xx is a failure: redirects are never followed."""
        content = _content(action)
        headers = {"Idempotency-Key": action_id}
        if content is not None:
            headers["Content-Type"] = "application/json"
        try:
            answer = self._egress.send(action["method"], action["url"], headers, content)
        except (EgressRefused, NotSent) as error:
            return Outcome("failed", f"nothing was sent: {error}")
        except MaybeSent as error:
            return Outcome("unknown", str(error))
        detail = {"status": answer.status}
        if answer.status in action["success"]:
            return Outcome("succeeded", f"answered {answer.status}", detail, answer.body)
        if answer.status >= 500:
            return Outcome("unknown", f"answered {answer.status}", detail, answer.body)
        return Outcome("failed", f"answered {answer.status}", detail, answer.body)


def _content(action: Action) -> bytes | None:
    body = action.get("body")
    return None if body is None else json.dumps(body, ensure_ascii=False).encode()
