"""Who notices when Tillwatch itself is blind: a heartbeat that stops.

The address is pinged only while evaluation, journal and outbox are all fresh. Whoever waits for
the ping (a dead man's switch) raises the alarm when it stays away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import httpx2

from kernel.observability import get_logger
from triage.settings import TriageSettings

Age = Callable[[], float | None]
_TIMEOUT_S = 5.0
_log = get_logger("triage.heartbeat")


def blind_spots(ages_s: Mapping[str, float | None], max_age_s: float) -> list[str]:
    """Names of what is too old or has never been heard of."""
    return [name for name, age_s in ages_s.items() if age_s is None or age_s > max_age_s]


class Heartbeat:
    """`ages` tell, in seconds, how old the newest sign of life of each part is."""

    def __init__(
        self, settings: TriageSettings, ages: Mapping[str, Age], client: httpx2.Client
    ) -> None:
        self._settings = settings
        self._ages = ages
        self._client = client

    def run(self) -> None:
        """Ping, or stay silent and say why in the log. Does nothing where no address is set."""
        if not self._settings.heartbeat_url:
            return
        spots = blind_spots(
            {name: age() for name, age in self._ages.items()}, self._settings.heartbeat_max_age_s
        )
        if spots or not self._ages:
            _log.warning("heartbeat_withheld", too_old=spots)
            return
        try:
            answer = self._client.get(self._settings.heartbeat_url, timeout=_TIMEOUT_S)
        except httpx2.HTTPError as error:
            _log.warning("heartbeat_failed", error=f"{type(error).__name__}: {error}")
            return
        if not answer.is_success:
            _log.warning("heartbeat_refused", status=answer.status_code)
