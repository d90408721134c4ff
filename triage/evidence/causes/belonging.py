"""What a change is part of, by its paths and by the versions that it takes up. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from triage.evidence.causes.diff import Edit
from triage.evidence.causes.literals import without_values
from triage.evidence.causes.places import stem
from triage.evidence.causes.scene import Suspect

_SHARED = re.compile(
    r"(?:^|/)[\w-]*(?:commons?|toolkit|platform|shared|sdk)[\w-]*/|^(?:pkg|libs?|common|shared|"
    r"internal|core|platform|packages|modules|vendor|sdks?|protos?|"
    r"schemas?|charts?|terraform|infra|k8s|helm|deploy|config|db|migrations)/|^go\.(?:mod|sum)$|"
    r"package(?:-lock)?\.json$|requirements|pom\.xml|\.gradle|Cargo\."
)
_LOOKS = re.compile(
    r"(?:_test\.\w+|\.test\.\w+|\.spec\.\w+|\.md|\.css|\.scss|\.html|\.svg|\.png|(?<!requirements)\.txt|"
    r"CODEOWNERS|LICENSE|"
    r"VERSION|Makefile|\.github/|golden|testdata/|\.golangci|eslint|prettier|gitleaks|"
    r"\.editorconfig|"
    r"grafana|dashboards?/|monitoring/|alerts?/|(?:^|/)(?:docs?|[\w-]*tests?|ci|tools|scripts|"
    r"load|e2e)/|i18n|locales?/)",
    re.IGNORECASE,
)
_FOLDER_NAMES = """
src main java pkg lib libs internal packages services apps common shared
"""
_FOLDERS = frozenset(_FOLDER_NAMES.split())
_VERSIONED = re.compile(r"\d+\.\d+\.\d+")
_ELSEWHERE = re.compile(
    r"(?:^|[/_.-])(?:staging|dev|sandbox|qa|preview|test)(?:[/_.-]|$)", re.IGNORECASE
)
_TOOL = re.compile(
    r"eslint|junit|prettier|@types|buildkit|pytest|mockito|lint|checkstyle|jacoco|"
    r"surefire",
    re.IGNORECASE,
)


def is_not_run(suspect: Suspect) -> bool:
    """Whether nothing that customers meet is made from it."""
    if not suspect.paths:
        return False
    if all(_LOOKS.search(path) or _ELSEWHERE.search(path) for path in suspect.paths):
        return True
    return bool(_TOOL.search(f"{suspect.message} {suspect.diff[:400]}")) and not suspect.deployed


def modules_of(paths: Iterable[str]) -> set[str]:
    """The folders that a path begins with, as names of modules: `platform-commons`, `httpkit`."""
    found = set()
    for path in paths:
        parts = [part for part in path.split("/")[:-1] if part.lower() not in _FOLDERS]
        found |= {_flat(part.lower()) for part in parts[:2] if len(part) > 3}
    return found


def taken_up(edit: Edit) -> set[str]:
    """Modules of which a change takes up another version, by every name they go by."""
    found: set[str] = set()
    for old, new in edit.pairs:
        if without_values(old) == without_values(new) or _VERSIONED.search(new):
            names = re.findall(r"[A-Za-z][\w-]{3,}", new)
            found |= {_flat(name.lower()) for name in names}
            found |= {_flat("".join(name.lower().split("-")[:2])) for name in names}
    return found


def part_of(paths: Iterable[str], service: str) -> bool:
    """Whether a service is built from one of these paths: its own folder, or what all share."""
    own = _flat(stem(service))
    for path in paths:
        if _SHARED.search(path):
            return True
        if own and any(_flat(stem(part)) == own for part in path.split("/")):
            return True
    return False


def _flat(name: str) -> str:
    return re.sub(r"[-_.]", "", name)
