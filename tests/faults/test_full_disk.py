"""A disk that is full, or that became read-only: 503 and nothing half written; then all goes on.

The data folder lies on a small disk of its own. What was acknowledged before, meanwhile and after
is there in the end, once, in the journal and in everything that the engine makes of it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernel.journal import JournalReader, Stream
from tests.faults.inputs import ENVIRONMENT, NAMES, Answer, Senders
from tests.faults.stracing import attached
from tests.journeys.running import RunningService, until
from tests.shared_data import missing

# The disk is small, so what is kept free for payments has to be smaller.
SETTINGS = {**ENVIRONMENT, "TILLWATCH_JOURNAL_RESERVE_BYTES": str(1024**2)}
DISK_MIB = 48


@contextlib.contextmanager
def small_disk(folder: Path, *, options: str = "rw") -> Iterator[Path]:
    """A disk of its own at this folder; skipped where this process may not mount one."""
    folder.mkdir()
    asked = f"size={DISK_MIB}m,{options}"
    command = ["mount", "-t", "tmpfs", "-o", asked, "tillwatch-test", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        missing(f"no small disk can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


class Disk:
    """The small disk's free space."""

    def __init__(self, folder: Path) -> None:
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Take all that is left."""
        there = os.open(self._filler, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        with contextlib.suppress(OSError):
            while os.write(there, bytes(4_096)):
                pass
        os.close(there)

    def free(self) -> None:
        """Give it all back."""
        self._filler.unlink()


class Story:
    """A service, its senders, and what was acknowledged to whom."""

    def __init__(self, service: RunningService, senders: Senders) -> None:
        self.service = service
        self.senders = senders
        self.taken: list[tuple[str, str]] = []
        self._number = 0

    def send(self, name: str, filling: str = "") -> Answer:
        """One message by this input; it is either taken, or refused so that it comes again."""
        self._number += 1
        mark = f"mark-{self._number}-end"
        answer = self.senders.send(name, mark, filling)
        assert answer.taken or answer.later, (name, answer)
        if answer.taken:
            self.taken.append((name, mark))
        elif name.endswith(("json", "protobuf")):
            assert answer.headers["content-type"] == f"application/{_media(name)}"
            assert _is_status(answer, name), answer
        return answer

    def check_all_is_there(self) -> None:
        """In the journal, once; and nothing that was not acknowledged is broken."""
        reader = JournalReader(self.service.data_dir / "journal.db")
        records = reader.read(list(Stream), 0, limit=100_000, max_bytes=1 << 30)
        reader.close()
        bodies = b"\n".join(record.body for record in records)
        found = Counter({mark: bodies.count(mark.encode()) > 0 for _, mark in self.taken})
        assert [mark for mark, there in found.items() if not there] == []
        for path in self.service.data_dir.rglob("*.db"):
            db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",), path
            db.close()

    def check_the_engine_caught_up(self) -> None:
        """Everything the engine makes of what was acknowledged."""
        client = self.service.client
        events = {mark for name, mark in self.taken if name == "events"}

        def stored() -> Counter[str]:
            asked = {"type": "payment.succeeded", "since": "1d", "limit": 10_000}
            page = client.get("/api/events", **asked)["events"]
            return Counter(one["id"].removesuffix(":end") for one in page)

        until(lambda: events <= set(stored()), "events are found", 150)
        assert {name: times for name, times in stored().items() if times != 1} == {}
        counted = lambda: self.service.slo()["counts"]["good"] >= len(events)  # noqa: E731
        until(counted, "events are counted", 150)
        alerts = {mark for name, mark in self.taken if name == "alerts"}
        until(lambda: alerts <= self._alerts_of_incidents(), "alerts are in incidents", 150)

    def _alerts_of_incidents(self) -> set[str]:
        client = self.service.client
        lines = client.get("/api/incidents", limit=200)["incidents"]
        whole = [client.get(f"/api/incidents/{one['id']}") for one in lines]
        return {alert["labels"]["alertname"] for one in whole for alert in one["alerts"]}


def _media(name: str) -> str:
    return "json" if name.endswith("json") else "x-protobuf"


def _is_status(answer: Answer, name: str) -> bool:
    """google.rpc.Status UNAVAILABLE (14) in the encoding of the request."""
    return '"code":14' in answer.text if name.endswith("json") else answer.text[:2] == "\x08\x0e"


def ready(service: RunningService) -> bool:
    with service.http() as client:
        return client.get("/readyz").status_code == 200


def check_refused_until(story: Story, name: str) -> None:
    """This input's large messages are taken until the disk has no page left, and then refused."""
    until(lambda: story.send(name, "x" * 60_000).later, f"{name} is refused", 60)


@contextlib.contextmanager
def story_on(folder: Path, log: Path) -> Iterator[Story]:
    service = RunningService(folder, SETTINGS)
    service.log = log
    with service:
        senders = Senders(service)
        try:
            yield Story(service, senders)
        finally:
            senders.close()
        assert "unexpected_error" not in log.read_text(), service.tail()


@pytest.mark.real
@pytest.mark.timeout(400)
def test_a_full_disk_refuses_loses_nothing_and_goes_on_by_itself(tmp_path):
    with small_disk(tmp_path / "disk") as folder, story_on(folder, tmp_path / "log") as story:
        disk = Disk(folder)
        for name in NAMES:
            assert story.send(name).taken
        for _ in range(2):
            disk.fill()
            for name in NAMES:
                if name not in {"changes", "slack"}:  # these are small by nature
                    check_refused_until(story, name)
            until(lambda: not ready(story.service), "it says that it is not ready")
            disk.free()
            until(lambda: ready(story.service), "it is ready again")
            for name in NAMES:
                assert story.send(name).taken, name
        story.check_the_engine_caught_up()
        story.check_all_is_there()


@pytest.mark.real
@pytest.mark.timeout(400)
def test_a_disk_that_became_read_only_refuses_and_goes_on_once_it_is_mended(tmp_path):
    # No mount can be made read-only while files on it are open for writing, as a disk that breaks
    # does it; so each writing call of door and engine is answered as such a disk answers.
    with story_on(tmp_path / "data", tmp_path / "log") as story:
        for name in NAMES:
            assert story.send(name).taken
        service = story.service
        pids = [service.door_pid, until(service.engine_pid, "the engine runs")]
        with attached(pids, "EROFS", tmp_path):
            for name in NAMES:
                until(lambda name=name: story.send(name).later, f"{name} is refused", 30)
            until(lambda: not ready(service), "it says that it is not ready")
        until(lambda: ready(service), "it is ready again")
        for name in NAMES:
            assert story.send(name).taken, name
        story.check_the_engine_caught_up()
        story.check_all_is_there()


@pytest.mark.real
def test_a_read_only_folder_at_the_start_is_named_with_the_next_step(tmp_path):
    with small_disk(tmp_path / "disk", options="ro") as folder:
        service = RunningService(folder, ENVIRONMENT)
        service.log = tmp_path / "log"
        service.spawn()
        assert service.wait() != 0
        said = service.tail()
        assert "Traceback" not in said
        assert "read-only" in said.lower()
