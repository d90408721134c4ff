"""The project's files and trees, for the architecture tests."""

from __future__ import annotations

import ast
import subprocess
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "access",
    "app",
    "audit",
    "collector",
    "dashboards",
    "kernel",
    "migrations",
    "runbooks",
    "slo",
    "triage",
)


@cache
def sources() -> list[Path]:
    """Python files of the product, without migrations' versions (they are history)."""
    files = [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]
    return [path for path in files if "versions" not in path.parts]


@cache
def tree(path: Path) -> ast.Module:
    """The parsed file."""
    return ast.parse(path.read_text(), str(path))


def name_of(path: Path) -> str:
    """The path from the project's root."""
    return path.relative_to(ROOT).as_posix()


@cache
def tracked() -> list[Path]:
    """Files under version control, or all files but the made ones where there is no git."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if done.returncode == 0:
        names = [name for name in done.stdout.decode().split("\0") if name]
        return [ROOT / name for name in names if (ROOT / name).is_file()]
    return [path for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts]


@cache
def pyproject() -> dict:
    """The project's configuration."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())
