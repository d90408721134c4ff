"""JavaScript packages that tests send with, at exact versions and with checked hashes.

`npm_packages.json` names by set every package that is installed, also those that others ask for,
with the hash that npm checks each archive by. They lie in the user's cache, outside of the project.

A set is written anew by `python -m tests.npm_packages <set> <package>@<version> ...`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.shared_data import missing

MANIFEST = Path(__file__).with_suffix(".json")
_INSTALL = ("install", "--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit")
_WITHIN_S = 100

Package = dict[str, str]


def node() -> str:
    """The node program. Absent: the test is skipped, or fails under CI."""
    return shutil.which("node") or missing("node is not on this machine")


def installed(name: str) -> Path:
    """A folder whose `node_modules` holds exactly the packages of a set of the manifest."""
    packages: list[Package] = json.loads(MANIFEST.read_text())[name]
    digest = hashlib.sha256(json.dumps(packages).encode()).hexdigest()[:16]
    folder = _cache() / f"{name}-{digest}"
    if not folder.exists():
        _install_into(folder, [f"{one['package']}@{one['version']}" for one in packages])
    found = _found(folder)
    assert found == packages, f"{folder} does not hold what {MANIFEST.name} says; remove it"
    return folder


def _cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "tillwatch-tests" / "npm"


def _install_into(folder: Path, wanted: list[str]) -> None:
    """Install beside, then rename: of several processes one wins, and none sees a half of it."""
    npm = shutil.which("npm") or missing("npm is not on this machine")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        made = Path(work) / "made"
        made.mkdir()
        (made / "package.json").write_text('{"private": true}')
        done = subprocess.run(
            [npm, *_INSTALL, "--no-fund", "--silent", *wanted],
            cwd=made,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_WITHIN_S,
            check=False,
        )
        if done.returncode:
            missing(f"npm could not install {wanted[0]} and its kin: {done.stderr[-1000:]}")
        try:
            made.rename(folder)
        except OSError:
            assert folder.exists(), f"cannot move what was installed to {folder}"


def _found(folder: Path) -> list[Package]:
    """What npm says it has put there, by name: each archive it unpacked had this hash."""
    lock = json.loads((folder / "node_modules" / ".package-lock.json").read_text())
    found = []
    for path, one in sorted(lock["packages"].items()):
        name = path.removeprefix("node_modules/")
        assert "node_modules/" not in name, f"{name}: two versions of one package in a set"
        found.append({"package": name, "version": one["version"], "integrity": one["integrity"]})
    return found


def _write(name: str, wanted: list[str]) -> None:
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "made"
        _install_into(folder, wanted)
        packages = _found(folder)
    manifest = json.loads(MANIFEST.read_text()) if MANIFEST.exists() else {}
    manifest[name] = packages
    MANIFEST.write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    _write(sys.argv[1], sys.argv[2:])
