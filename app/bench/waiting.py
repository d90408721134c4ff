"""Waiting for the service that a benchmark runs: bounded, and only while the service is alive."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from app.demo.processes import Process
from kernel.api_client import ApiClient
from kernel.clock import Clock
from kernel.errors import NotFound, TillwatchError, Unavailable, Unreachable

_WITHIN_S = 60.0


class BenchFailed(TillwatchError):
    """The run could not be finished."""

    code = "bench_failed"
    exit_code = 1


@dataclass(frozen=True)
class Patience:
    """Looks again until something holds, for a minute at most."""

    clock: Clock
    pause: threading.Event

    def until(self, service: Process, what: str, look: Callable[[], bool]) -> None:
        """Raises BenchFailed where time is up, and what `check` says where the service died."""
        ends_s = self.clock.monotonic_s() + _WITHIN_S
        while self.clock.monotonic_s() < ends_s:
            service.check()
            try:
                if look():
                    return
            except (Unreachable, Unavailable, NotFound):
                pass
            self.pause.wait(0.1)
        raise BenchFailed(f"did not happen within {_WITHIN_S:.0f} s: {what}")


def is_ready(probe: ApiClient) -> bool:
    """Whether the door answers and its engine was heard within 5 s."""
    document = probe.get("/readyz")
    return bool(document["ready"]) and (document["engine_age_s"] or 99) < 5
