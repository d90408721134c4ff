"""The library on disk as runbooks: read anew whenever a file's bytes change."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from kernel.errors import BadInput, NotFound
from runbooks.matching import Match, rank
from runbooks.parsing import MAX_BYTES, parse
from runbooks.runbook import Runbook

_MAX_FILES = 500


class Catalogue:
    """All valid runbooks of a folder. A broken file never hides the others: see `problems`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._stamps: dict[str, tuple[int, int, int]] = {}
        self._runbooks: dict[str, Runbook] = {}
        self._problems: dict[str, BadInput] = {}

    def all(self) -> list[Runbook]:
        """Every valid runbook, by id."""
        self._refresh()
        return [self._runbooks[key] for key in sorted(self._runbooks)]

    def get(self, runbook_id: str) -> Runbook:
        """One runbook. Raises NotFound."""
        found = self.find(runbook_id)
        if found is None:
            raise NotFound(
                f"there is no runbook {runbook_id!r}", hint="see `tillwatch runbook list`"
            )
        return found

    def find(self, runbook_id: str) -> Runbook | None:
        """One runbook, or None."""
        self._refresh()
        return self._runbooks.get(runbook_id)

    def match(self, labels: Mapping[str, str]) -> list[Match]:
        """Fitting steps, best first (see `runbooks.matching.rank`)."""
        return rank(self.all(), labels)

    def problems(self) -> dict[str, BadInput]:
        """Files that cannot be used, by name."""
        self._refresh()
        return dict(self._problems)

    def _refresh(self) -> None:
        with self._lock:
            stamps = self._read_stamps()
            if stamps == self._stamps:
                return
            runbooks, problems = load(self._folder)
            self._runbooks, self._problems, self._stamps = runbooks, problems, stamps

    def _read_stamps(self) -> dict[str, tuple[int, int, int]]:
        stamps = {}
        for path in _files(self._folder):
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            stamps[path.name] = (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size)
        return stamps


def load(folder: Path) -> tuple[dict[str, Runbook], dict[str, BadInput]]:
    """Read all `*.md` of a folder: (runbooks by id, problems by file name)."""
    runbooks: dict[str, Runbook] = {}
    problems: dict[str, BadInput] = {}
    for path in _files(folder):
        try:
            runbook = _read(path)
            if runbook.id in runbooks:
                problems[path.name] = _taken(path.name, runbook.id)
                continue
        except BadInput as problem:
            problems[path.name] = problem
        except OSError as error:
            problems[path.name] = BadInput(f"runbook {path.name} cannot be read: {error.strerror}")
        else:
            runbooks[runbook.id] = runbook
    return runbooks, problems


def _read(path: Path) -> Runbook:
    with path.open("rb") as file:
        return parse(file.read(MAX_BYTES + 1), path.name)


def _taken(name: str, runbook_id: str) -> BadInput:
    reason = f"the id {runbook_id!r} belongs to another file already"
    return BadInput(
        f"runbook {name} cannot be used: id: {reason}",
        path="id",
        problems=[{"path": "id", "reason": reason}],
    )


def _files(folder: Path) -> list[Path]:
    """Markdown files; README.md explains the folder and is no runbook."""
    found = sorted(path for path in folder.glob("*.md") if path.name.lower() != "readme.md")
    return found[:_MAX_FILES]
