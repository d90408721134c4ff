"""How the fake providers deliver: signed anew for each attempt, again after anything but a 2xx,
sometimes twice, in no promised order. As the real ones do, with seconds for their hours.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx2

Sign = Callable[[bytes], Mapping[str, str]]


@dataclass
class Letter:
    """One body on its way. `refused`: the statuses of the attempts that were not taken."""

    body: bytes
    sign: Sign
    refused: list[int]


class Postman:
    """Keeps what was not taken yet. Safe between threads."""

    def __init__(
        self,
        address: str,
        *,
        seed: int = 0,
        duplicates: float = 0.0,
        shuffles: bool = False,
        max_attempts: int = 60,
    ) -> None:
        """`duplicates`: the share of taken letters that is delivered once more."""
        self.answers: Counter[int] = Counter()
        self.gone: list[Letter] = []
        self._address = address
        self._random = random.Random(seed)  # noqa: S311 - repeatable faults, no secrets
        self._duplicates = duplicates
        self._shuffles = shuffles
        self._max_attempts = max_attempts
        self._waiting: list[Letter] = []
        self._lock = threading.Lock()
        self._pause = threading.Event()

    def post(self, body: bytes, sign: Sign) -> None:
        """Take a letter; it goes out with the next round."""
        with self._lock:
            self._waiting.append(Letter(body, sign, []))

    def deliver(self) -> int:
        """Go on until everything was taken; the number of letters that were.

        A letter that is refused `max_attempts` times lies in `gone`, as with a real provider.
        """
        taken = 0
        with httpx2.Client(timeout=10, trust_env=False) as client:
            while letter := self._next():
                if self._attempt(client, letter):
                    taken += 1
                elif len(letter.refused) < self._max_attempts:
                    self._pause.wait(0.1)
                    with self._lock:
                        self._waiting.append(letter)
                else:
                    self.gone.append(letter)
        return taken

    def _next(self) -> Letter | None:
        with self._lock:
            if not self._waiting:
                return None
            index = self._random.randrange(len(self._waiting)) if self._shuffles else 0
            return self._waiting.pop(index)

    def _attempt(self, client: httpx2.Client, letter: Letter) -> bool:
        status = self._send(client, letter)
        if not 200 <= status < 300:
            letter.refused.append(status)
            return False
        if self._random.random() < self._duplicates:
            self._send(client, letter)
        return True

    def _send(self, client: httpx2.Client, letter: Letter) -> int:
        """The answer's status; 0 where nobody answered."""
        headers = {"Content-Type": "application/json", **letter.sign(letter.body)}
        try:
            status = client.post(self._address, content=letter.body, headers=headers).status_code
        except httpx2.TransportError:
            status = 0
        self.answers[status] += 1
        return status
