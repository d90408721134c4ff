"""The objectives in force: all OpenSLO files of one folder, loaded once at start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from kernel.errors import BadInput, NotConfigured, NotFound
from slo.objective import Objective
from slo.openslo import Reading, read_texts
from slo.openslo.problems import Problem, suggest
from slo.tiers import reports, tiers_of

SHIPPED = Path(__file__).parent / "definitions"
SUFFIXES = {".yaml", ".yml", ".json"}
MAX_FILES = 2000
MAX_BYTES = 4_000_000


class Catalogue(Mapping[str, Objective]):
    """Objectives by id, in the order of their ids."""

    def __init__(self, objectives: list[Objective], notes: list[str] | None = None) -> None:
        self._by_id = {one.id: one for one in sorted(objectives, key=lambda one: one.id)}
        self.notes = list(notes or [])
        self.fault = ""  # why this is not what the files say; "" where it is

    @classmethod
    def load(cls, folder: Path | None = None) -> Catalogue:
        """Load `folder` (default: the shipped one). Raises BadInput naming every fault."""
        reading = read_folder(folder or SHIPPED)
        if reading.problems:
            raise BadInput(
                f"{len(reading.problems)} fault(s) in the objective files: {reading.problems[0]}",
                hint="run `tillwatch slo validate` to see them all",
                problems=[problem.as_dict() for problem in reading.problems],
            )
        if not reading.objectives:
            # A wrong folder must not look like a shop that promises nothing.
            raise NotConfigured(
                f"there is no objective in {folder or SHIPPED}",
                hint="TILLWATCH_SLO_DIR names a folder of OpenSLO files",
            )
        return cls(reading.objectives, reading.notes)

    def __getitem__(self, objective_id: str) -> Objective:
        """KeyError where absent, as with every mapping; `find` raises NotFound."""
        return self._by_id[objective_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)

    def find(self, objective_id: str) -> Objective:
        """The objective, or NotFound with the closest name."""
        found = self._by_id.get(objective_id)
        if found is None:
            raise NotFound(
                f"no objective is called {objective_id[:80]!r}{suggest(objective_id, self._by_id)}",
                hint="GET /api/slos lists them",
            )
        return found

    def all(self) -> list[Objective]:
        """All objectives, by id."""
        return list(self._by_id.values())


def read_folder(folder: Path) -> Reading:
    """Read all files below `folder` as one whole set; faults of all of them together."""
    if not folder.is_dir():
        raise NotConfigured(
            f"the folder of objectives does not exist: {folder}", hint="set TILLWATCH_SLO_DIR"
        )
    files = files_of(folder)
    if len(files) > MAX_FILES:
        raise BadInput(
            f"{folder} holds more than {MAX_FILES} files",
            hint="several objects may stand in one file",
        )
    return read_files(files, folder=folder)


def files_of(folder: Path) -> list[Path]:
    """The OpenSLO files below a folder, in the order of their names.

    Hidden folders are left out: a mounted Kubernetes ConfigMap keeps its own copies in them.
    """
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix in SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def read_files(files: list[Path], *, folder: Path | None = None) -> Reading:
    """Read `files` together. With the `folder` they are all of, they are one whole set."""
    texts: list[tuple[str, str]] = []
    faults: list[Problem] = []
    for path in files:
        name = str(path.relative_to(folder)) if folder else path.name
        try:
            if path.stat().st_size > MAX_BYTES:
                faults.append(Problem(name, "", f"larger than {MAX_BYTES} bytes"))
                continue
            texts.append((name, path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            faults.append(Problem(name, "", f"cannot be read: {error}"))
    reading = read_texts(texts, closed=folder is not None, faults=faults)
    for one in reading.objectives:
        reading.notes.extend(f"{one.id}: {text}" for text in reports(tiers_of(one)))
    return reading
