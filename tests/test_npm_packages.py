"""JavaScript packages are exactly those of the manifest, or no test runs with them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests import npm_packages

ONE = {"package": "left", "version": "1.0.0", "integrity": "sha512-AA=="}


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "packages.json"
    path.write_text(json.dumps({"some": [ONE]}))
    monkeypatch.setattr(npm_packages, "MANIFEST", path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return path


def unpacked(monkeypatch: pytest.MonkeyPatch, *packages: dict[str, str]) -> list[list[str]]:
    """Let npm leave a folder with these packages; returns what it is asked for."""
    asked: list[list[str]] = []

    def install(folder: Path, wanted: list[str]) -> None:
        asked.append(wanted)
        modules = folder / "node_modules"
        modules.mkdir(parents=True)
        lock = {
            f"node_modules/{one['package']}": {
                "version": one["version"],
                "integrity": one["integrity"],
                "resolved": "somewhere",
            }
            for one in packages
        }
        (modules / ".package-lock.json").write_text(json.dumps({"packages": lock}))

    monkeypatch.setattr(npm_packages, "_install_into", install)
    return asked


def test_a_set_is_installed_once_by_exact_versions(
    manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = unpacked(monkeypatch, ONE)
    assert npm_packages.installed("some") == npm_packages.installed("some")
    assert asked == [["left@1.0.0"]]


@pytest.mark.parametrize(
    "found",
    [
        [{**ONE, "integrity": "sha512-BB=="}],
        [{**ONE, "version": "1.0.1"}],
        [ONE, {**ONE, "package": "stranger"}],
        [],
    ],
)
def test_another_hash_version_or_package_is_refused(
    manifest: Path, monkeypatch: pytest.MonkeyPatch, found: list[dict[str, str]]
) -> None:
    unpacked(monkeypatch, *found)
    with pytest.raises(AssertionError, match=r"does not hold what packages\.json says"):
        npm_packages.installed("some")


def test_the_manifest_names_exact_versions_and_strong_hashes() -> None:
    sets = json.loads(Path(npm_packages.__file__).with_suffix(".json").read_text())
    packages = [one for packages in sets.values() for one in packages]
    assert packages
    for one in packages:
        assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", one["version"]), one
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", one["integrity"]), one
