"""Files from elsewhere into a folder of objectives: all of them, or (where one is faulty) none."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from kernel.errors import BadInput, NotFound
from slo.authoring.foreign import openslo_of_sloth
from slo.catalogue import SUFFIXES, files_of, read_files
from slo.openslo import Reading, read_texts
from slo.openslo.problems import Problem
from slo.sloth import is_sloth, read_sloth

MAX_FILES = 2000


@dataclass
class Import:
    """What an import would write: relative name -> text. `kept` are there with the same content."""

    files: dict[str, str] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    reading: Reading = field(default_factory=Reading)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def prepare(source: Path, into: Path, *, overwrite: bool) -> Import:
    """Read what is to be imported, and check the folder as it would be afterwards.

    OpenSLO files are taken as they are; of a Sloth spec an OpenSLO file is made. Raises NotFound
    and BadInput for a source that cannot be read at all.
    """
    found = Import()
    for name, text in _sources(source):
        if is_sloth(text):
            _take_sloth(name, text, found)
        else:
            found.files[name] = text
    if found.problems:
        return found
    _leave_out_kept(into, found, overwrite=overwrite)
    found.reading = _afterwards(into, found)
    found.problems += found.reading.problems
    found.notes += found.reading.notes
    return found


def write(found: Import, into: Path) -> list[str]:
    """Write the files of a good import; each appears whole. Gives their names."""
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into, prefix=".import-") as scratch:
        for name, text in found.files.items():
            new = Path(scratch) / name
            new.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(text, encoding="utf-8")
        for name in found.files:
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(Path(scratch) / name, into / name)  # noqa: PTH105 - says what is meant
    return sorted(found.files)


def _sources(source: Path) -> list[tuple[str, str]]:
    if source.is_dir():
        files = [(str(path.relative_to(source)), path) for path in files_of(source)]
    elif source.is_file():
        files = [(source.name, source)] if source.suffix in SUFFIXES else []
    else:
        raise NotFound(f"there is no file {source.name}", hint="check the path")
    if not 1 <= len(files) <= MAX_FILES:
        raise BadInput(
            f"{source.name} holds {len(files)} files of OpenSLO or Sloth",
            hint=f"1 to {MAX_FILES} files ending with {', '.join(sorted(SUFFIXES))} are wanted",
        )
    return [(name, _text(path)) for name, path in files]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path.name} cannot be read: {error}", path=path.name) from None


def _take_sloth(name: str, text: str, found: Import) -> None:
    spec = read_sloth(text, name)
    found.problems += spec.problems
    found.notes += spec.notes
    if spec.problems:
        return
    target = str(Path(name).with_suffix(".yaml"))
    made, notes = openslo_of_sloth(spec.slos, name)
    found.files[target] = made
    found.notes += notes


def _leave_out_kept(into: Path, found: Import, *, overwrite: bool) -> None:
    for name in list(found.files):
        path = into / name
        if not path.exists():
            continue
        if path.is_file() and path.read_bytes() == found.files[name].encode():
            found.kept.append(name)
            del found.files[name]
        elif not overwrite:
            reason = "stands in the folder already with other content; --force replaces it"
            found.problems.append(Problem(name, "", reason))


def _afterwards(into: Path, found: Import) -> Reading:
    """The set as it would be: the folder's files, with the new ones in place of old ones."""
    if not into.exists():
        return read_texts(sorted(found.files.items()), closed=True)
    with tempfile.TemporaryDirectory(prefix="tillwatch-import-") as scratch:
        folder = Path(scratch)
        for path in files_of(into):
            place = folder / path.relative_to(into)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
        for name, text in found.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        return read_files(files_of(folder), folder=folder)
