"""What must not be in any file, and what README promises."""

from __future__ import annotations

import re
import subprocess

import typer

from app.cli import build_root
from tests.architecture.project import ROOT, name_of, tracked

# Put together here, so that this file does not hold them itself.
HOSTS = ("pypi." + "org", "files.python" + "hosted", "registry.npm" + "js", "npmjs." + "com")
MACHINE = ("/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/")
TEXT = {".py", ".md", ".toml", ".yml", ".yaml", ".sh", ".html", ".css", ".js", ".json", ".lock", ""}
FENCE = re.compile(r"^```(?:sh|bash|console|shell)?\n(.*?)^```", re.DOTALL | re.MULTILINE)


def texts() -> list[tuple[str, str]]:
    return [
        (name_of(path), path.read_text(errors="replace"))
        for path in tracked()
        if path.suffix in TEXT and "/vendor/" not in name_of(path)
    ]


def test_no_file_names_a_package_registry():
    assert [name for name, text in texts() if any(host in text for host in HOSTS)] == []


def test_no_file_holds_a_path_of_somebodys_machine():
    here = re.compile("|".join(MACHINE))
    assert [name for name, text in texts() if here.search(text)] == []


def test_there_is_one_lock_file_without_addresses():
    locks = [name_of(path) for path in tracked() if "lock" in path.suffix or "lock" in path.stem]
    assert [name for name in locks if name.endswith((".lock", ".json", ".toml"))] == [
        "requirements.lock"
    ]
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    assert text.count("# --- dev ---") == 1


def commands() -> list[str]:
    readme = (ROOT / "README.md").read_text()
    lines = [line.strip() for block in FENCE.findall(readme) for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in lines if line]


def test_every_make_target_in_the_readme_exists():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    asked = {match for line in commands() for match in re.findall(r"^make ([a-z-]+)", line)}
    assert asked <= targets


def test_every_tillwatch_command_in_the_readme_exists():
    wrong = []
    for line in commands():
        found = re.search(r"\btillwatch((?: [a-z]+)+)", line)
        if found and not _exists(found.group(1).split()):
            wrong.append(line)
    assert wrong == []


def _exists(words: list[str]) -> bool:
    command = typer.main.get_command(build_root(words[0]))
    for depth, word in enumerate(words):
        children = getattr(command, "commands", None)
        if children is None:
            return depth > 0
        if word not in children:
            return False
        command = children[word]
    return True


def test_no_link_to_somebodys_machine_is_under_version_control():
    """A committed link to an environment once replaced everybody's environment."""
    done = subprocess.run(
        ["git", "ls-files", "-s"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    links = [line.split("\t")[1] for line in done.stdout.splitlines() if line[:6] == "120000"]
    assert [name for name in links if (ROOT / name).readlink().is_absolute()] == []
