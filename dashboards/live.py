"""Live pages: a stream that says "changed"; the page then fetches itself and morphs.

SQLite tells by `PRAGMA data_version` that another connection has committed: asking costs
microseconds, so nothing is computed for a page that has not changed.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Literal

from fastapi import APIRouter, Depends
from fastapi.sse import EventSourceResponse, ServerSentEvent

from access.guards import Guard
from access.principal import READERS, Principal
from kernel.errors import Overloaded
from kernel.sqlite import open_reader

Topic = Literal["counts", "records"]
MAX_STREAMS = 200
_LOOK_EVERY_S = 1.0
# The newest counts move every second: pages of numbers follow at most this often.
_COUNTS_EVERY_S = 5.0
_ALIVE_EVERY_S = 15.0


class LiveFeed:
    """Tells whether the files behind a topic have changed since the last look."""

    def __init__(self, control: Path, ledger: Path, stopping: Callable[[], bool]) -> None:
        self._control = control
        self._ledger = ledger
        self.stopping = stopping
        self.streams = 0

    def watch(self, topic: Topic) -> Callable[[], bool]:
        """A function that is True where something changed since it was last called."""
        paths = [self._control, self._ledger] if topic == "counts" else [self._control]
        connections = [open_reader(path) for path in paths if path.exists()]
        seen = [_version(db) for db in connections]

        def changed() -> bool:
            now = [_version(db) for db in connections]
            different = now != seen
            seen[:] = now
            return different

        return changed


def build_router(feed: LiveFeed, guard: Guard) -> APIRouter:
    """`GET /live?topic=counts|records`: server-sent events named `changed`."""
    router = APIRouter(include_in_schema=False)

    def room() -> None:
        if feed.streams >= MAX_STREAMS:
            raise Overloaded(f"{MAX_STREAMS} pages are already live", hint="load the page by hand")

    @router.get("/live", response_class=EventSourceResponse, dependencies=[Depends(room)])
    async def live(
        topic: Topic = "records", _: Principal = Depends(guard.require(*READERS))
    ) -> AsyncIterator[ServerSentEvent]:
        async for one in _stream(feed, topic):
            yield one

    return router


async def _stream(feed: LiveFeed, topic: Topic) -> AsyncIterator[ServerSentEvent]:
    changed = feed.watch(topic)
    pause_s = _COUNTS_EVERY_S if topic == "counts" else _LOOK_EVERY_S
    feed.streams += 1
    try:
        quiet_s = 0.0
        slept_s = 0.0
        while not feed.stopping():
            await asyncio.sleep(0.5)
            slept_s += 0.5
            if slept_s < pause_s:
                continue
            quiet_s += slept_s
            slept_s = 0.0
            if changed():
                quiet_s = 0.0
                yield ServerSentEvent(event="changed", raw_data="1")
            elif quiet_s >= _ALIVE_EVERY_S:
                quiet_s = 0.0
                yield ServerSentEvent(comment="still here")
    finally:
        feed.streams -= 1


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA data_version").fetchone()[0])
