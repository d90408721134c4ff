"""The last set of objective files that loaded, kept in the data folder.

A running installation whose files become faulty does not go dark when it restarts: it goes on with
this copy and says so on every page, in `tillwatch doctor` and in the log. A first start with a
faulty set is refused, because there is nothing to go on with.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from kernel.errors import BadInput, NotConfigured
from slo.catalogue import SHIPPED, Catalogue, files_of

FOLDER = "objectives.last-good"
_POINTER = "current"


class LastGood:
    """`<data folder>/objectives.last-good`: one folder a set, and a file that names the newest."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / FOLDER

    def current(self) -> Path | None:
        """The folder of the newest set; None where none was ever kept."""
        try:
            name = (self._folder / _POINTER).read_text(encoding="utf-8").strip()
        except OSError:
            return None
        found = self._folder / name
        return found if name and found.is_dir() else None

    def keep(self, source: Path) -> None:
        """Copy the files of `source`. The pointer moves last: a crash leaves the set before.

        Raises OSError where the folder cannot be written.
        """
        files = {str(path.relative_to(source)): path.read_bytes() for path in files_of(source)}
        name = _digest(files)
        if self.current() == self._folder / name:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        target = self._folder / name
        if target.exists():
            shutil.rmtree(target)
        with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
            new = Path(scratch) / name
            for relative, content in files.items():
                (new / relative).parent.mkdir(parents=True, exist_ok=True)
                (new / relative).write_bytes(content)
            new.rename(target)
        pointer = self._folder / f"{_POINTER}.new"
        pointer.write_text(f"{name}\n", encoding="utf-8")
        os.replace(pointer, self._folder / _POINTER)  # noqa: PTH105 - says what is meant
        for old in self._folder.iterdir():
            if old.is_dir() and old != target:
                shutil.rmtree(old, ignore_errors=True)


def load_running(folder: Path | None, data_dir: Path) -> Catalogue:
    """The objectives in force: those of `folder` (default: the shipped one), else the last good.

    `Catalogue.fault` says why it is not `folder`. Raises BadInput or NotConfigured where the
    folder cannot be used and there is no last good set.
    """
    try:
        return Catalogue.load(folder)
    except (BadInput, NotConfigured) as error:
        held = LastGood(data_dir).current()
        if held is None:
            raise
        try:
            catalogue = Catalogue.load(held)
        except (BadInput, NotConfigured):
            raise error from None
        catalogue.fault = f"{error.message}. The last good set is in force."
        return catalogue


def keep_running(catalogue: Catalogue, folder: Path | None, data_dir: Path) -> None:
    """Keep what was loaded. Does nothing while the last good set itself is in force."""
    if not catalogue.fault:
        LastGood(data_dir).keep(folder or SHIPPED)


def _digest(files: dict[str, bytes]) -> str:
    found = hashlib.sha256()
    for name in sorted(files):
        for part in (name.encode(), files[name]):
            found.update(len(part).to_bytes(8, "big"))
            found.update(part)
    return found.hexdigest()[:16]
