"""How much may be asked: tokens per incident and day, and a circuit breaker after failures."""

from __future__ import annotations

import threading
from collections import OrderedDict

from kernel.clock import DAY_US, Clock
from triage.model.settings import ModelSettings

_MAX_INCIDENTS = 1_000


class ModelBudget:
    """Counts in memory, thread-safe. Days are UTC days."""

    def __init__(self, settings: ModelSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._incidents: OrderedDict[str, int] = OrderedDict()
        self._day = -1
        self._day_tokens = 0
        self._failures = 0
        self._open_until_s = 0.0

    def refusal(self, incident_id: str, tokens: int) -> str:
        """Why `tokens` more may not be spent now; "" where they may."""
        with self._lock:
            self._turn_day()
            if self._clock.monotonic_s() < self._open_until_s:
                return "the model failed repeatedly and is left alone for a while"
            if self._incidents.get(incident_id, 0) + tokens > (
                self._settings.model_tokens_per_incident
            ):
                return "the incident's token budget is spent"
            if self._day_tokens + tokens > self._settings.model_tokens_per_day:
                return "the day's token budget is spent"
            return ""

    def spend(self, incident_id: str, tokens: int) -> None:
        """Book what an answer (or a try without one) cost."""
        with self._lock:
            self._turn_day()
            self._day_tokens += tokens
            self._incidents[incident_id] = self._incidents.pop(incident_id, 0) + tokens
            while len(self._incidents) > _MAX_INCIDENTS:
                self._incidents.popitem(last=False)

    def worked(self) -> None:
        """The service answered: close the circuit."""
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        """The service did not answer; enough of these in a row open the circuit."""
        with self._lock:
            self._failures += 1
            if self._failures >= self._settings.model_circuit_failures:
                self._open_until_s = self._clock.monotonic_s() + self._settings.model_circuit_open_s
                self._failures = 0

    def _turn_day(self) -> None:
        day = self._clock.now_us() // DAY_US
        if day != self._day:
            self._day, self._day_tokens = day, 0
