"""The budget policies in force: all files of one folder, read once at start.

A fault in any file makes the whole set unusable, and an unusable set lets nothing pass: the gate
then answers `unknown` and names the faults. A service that starts with a broken file still counts,
alerts and shows; it only refuses to call a deploy safe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from slo.catalogue import Catalogue
from slo.openslo.problems import Problem
from slo.policy.reader import Known, read_policies
from slo.policy.rules import Policy

SHIPPED = Path(__file__).parent / "definitions"
MAX_FILES = 200
_SUFFIXES = {".yaml", ".yml"}


@dataclass(frozen=True)
class PolicySet:
    """Policies by name, or the faults because of which there are none."""

    policies: tuple[Policy, ...] = ()
    problems: tuple[Problem, ...] = field(default=())

    @property
    def usable(self) -> bool:
        """False where a fault was found: then no policy of the set counts."""
        return not self.problems

    def covering(self, service: str, objective_id: str) -> list[Policy]:
        """The policies an objective is under."""
        return [one for one in self.policies if one.covers(service, objective_id)]


def load_policies(folder: Path | None, objectives: Catalogue) -> PolicySet:
    """Read `folder` (default: the shipped one). Never raises for what stands in it."""
    where = folder or SHIPPED
    files = sorted(path for path in where.rglob("*") if path.suffix in _SUFFIXES)[: MAX_FILES + 1]
    if len(files) > MAX_FILES:
        return _faulty(f"more than {MAX_FILES} policy files", where)
    if not files:
        return _faulty(
            "no policy file is there; TILLWATCH_POLICY_DIR names a folder of them", where
        )
    return read_policy_files(files, objectives)


def read_policy_files(files: Sequence[Path], objectives: Catalogue) -> PolicySet:
    """Read `files` as one set: names must be unique over all of them."""
    known = Known({one.service for one in objectives.all()}, set(objectives))
    policies: dict[str, Policy] = {}
    problems: list[Problem] = []
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(Problem(path.name, "", f"cannot be read: {error}"))
            continue
        reading = read_policies(text, known, path.name)
        problems += reading.problems
        for one in reading.policies:
            if one.name in policies:
                place = f"{path.name} $.metadata.name"
                problems.append(Problem(place, one.name, "another policy has this name already"))
            policies[one.name] = one
    if problems:
        return PolicySet(problems=tuple(problems))
    return PolicySet(tuple(policies[name] for name in sorted(policies)))


def _faulty(reason: str, where: Path) -> PolicySet:
    return PolicySet(problems=(Problem(str(where), "", reason),))
