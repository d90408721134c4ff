"""The story check: not only unchanged bytes, but a right order of events. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

# After one of these nothing of that approval may begin.
_ENDINGS = frozenset({"approval.revoked", "approval.cancelled", "approval.expired"})


class Story:
    """Told the records in order of their index; says what cannot have happened that way."""

    def __init__(self) -> None:
        self._approvers: defaultdict[str, set[str]] = defaultdict(set)
        self._quorum: dict[str, int] = {}
        self._ended: dict[str, str] = {}
        self._stopped = False

    def tell(self, leaf: Mapping[str, Any]) -> str | None:
        """The next record. Returns what is wrong with it, or None.

        Each `action.intent` needs an earlier `approval.decision` = approve by a human over the same
        `action_hash`; where the request named a quorum, by as many different humans. None may come
        after the approval was rejected, taken back, cancelled or expired, nor while all execution
        is switched off.
        """
        kind = leaf["type"]
        if kind.startswith("execution."):
            self._stopped = kind == "execution.stopped"
        if not kind.startswith(("approval.", "action.intent")):
            return None
        action_hash = str(leaf["data"].get("action_hash", ""))
        if kind == "approval.requested":
            quorum = leaf["data"].get("quorum", 1)
            self._quorum[action_hash] = quorum if type(quorum) is int else 1
        elif kind == "approval.decision":
            self._decide(action_hash, leaf)
        elif kind in _ENDINGS and action_hash:
            self._ended[action_hash] = kind.partition(".")[2]
        elif kind == "action.intent":
            return self._act(action_hash)
        return None

    def _decide(self, action_hash: str, leaf: Mapping[str, Any]) -> None:
        if leaf["outcome"] != "ok" or leaf["actor"]["kind"] != "human":
            return
        if leaf["data"]["decision"] == "approve":
            self._approvers[action_hash].add(leaf["actor"]["ref"])
        else:
            self._ended[action_hash] = "rejected"

    def _act(self, action_hash: str) -> str | None:
        if self._stopped:
            return "an action began while all execution was switched off"
        if action_hash in self._ended:
            return f"an action began although its approval was {self._ended[action_hash]}"
        have = len(self._approvers.get(action_hash, ()))
        need = max(1, self._quorum.get(action_hash, 1))
        if have >= need:
            return None
        return f"an action began with {have} of {need} approvals of exactly this action"
