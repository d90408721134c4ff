"""`tillwatch slo validate|import|export|plan`: objectives as code, for people and pipelines."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import typer

from kernel.settings import KernelSettings
from kernel.terminal import AsJson, DataDir, emit, note, plain
from slo.authoring.backtests import add_backtests
from slo.authoring.importing import prepare, write
from slo.authoring.plan import Change, compare
from slo.catalogue import SHIPPED, read_files, read_folder
from slo.last_good import LastGood
from slo.objective import Objective
from slo.openslo import Reading
from slo.openslo.export import to_json_data, to_yaml
from slo.openslo.problems import Problem
from slo.replay.cli import Opener as BacktestOpener
from slo.replay.cli import seconds_of
from slo.service import SloService
from slo.settings import SloSettings
from slo.sloth import is_sloth, read_sloth

Opener = Callable[[Path | None], AbstractContextManager[SloService]]
_MARKS = {"new": "+", "gone": "-", "changed": "~"}


def add_authoring_commands(
    cli: typer.Typer, opener: Opener, backtests: BacktestOpener | None = None
) -> None:
    """Add the four commands to `slo`; with `backtests`, a plan tells what would have paged."""
    _add_reading(cli)
    _add_export(cli, opener)
    _add_plan(cli, backtests)


def _add_reading(cli: typer.Typer) -> None:
    @cli.command()
    def validate(
        paths: Annotated[
            list[Path] | None,
            typer.Argument(help="Files or folders (TILLWATCH_SLO_DIR, else the shipped ones)."),
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Check OpenSLO files (or Sloth specs); shows every fault. Exits 1 where there is one.

        A folder is one whole set: names are unique and references lead somewhere in it.
        """
        document = _validated(paths or [_folder()])
        _finish(document, as_json, _render_validation)

    @cli.command("import")
    def import_(
        path: Annotated[Path, typer.Argument(help="A file or folder: OpenSLO v1, or Sloth.")],
        into: Annotated[Path, typer.Option("--into", help="The folder of objectives.")],
        force: Annotated[bool, typer.Option("--force", help="Replace files.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Bring files into a folder of objectives. Writes all of them, or nothing (exit 1)."""
        found = prepare(path, into, overwrite=force)
        document = _document(found.reading, found.problems, found.notes)
        document["written"] = [] if found.problems else write(found, into)
        document["kept"] = sorted(found.kept)
        _finish(document, as_json, _render_import)


def _add_export(cli: typer.Typer, opener: Opener) -> None:
    @cli.command()
    def export(
        slo_ids: Annotated[
            list[str] | None, typer.Argument(help="Objectives (all of them).", metavar="[ID]...")
        ] = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Print objectives as OpenSLO v1 that reads back as the identical ones."""
        with opener(data_dir) as service:
            found = [service.catalogue.find(one) for one in slo_ids or service.catalogue]
        if as_json:
            text = json.dumps([to_json_data(one) for one in found], ensure_ascii=False) + "\n"
        else:
            text = to_yaml(found)
        sys.stdout.write(text)
        sys.stdout.flush()


def _add_plan(cli: typer.Typer, backtests: BacktestOpener | None) -> None:
    @cli.command()
    def plan(
        path: Annotated[
            Path | None,
            typer.Argument(help="A folder of objectives (TILLWATCH_SLO_DIR, else the shipped)."),
        ] = None,
        since: Annotated[str, typer.Option(help="How far back to backtest: 36h, 90d.")] = "90d",
        backtest: Annotated[
            bool, typer.Option(help="Play changed objectives on this shop's own history.")
        ] = True,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Show what a folder would change against the running set. Exits 1 where it is faulty.

        Each changed objective is played on this shop's own history, as it is and as it would be.
        """
        since_s = seconds_of(since)
        document, sets = _planned(path or _folder(), data_dir or KernelSettings().data_dir)
        if backtest and backtests is not None:
            add_backtests(document, sets, lambda: backtests(data_dir), since_s)
        _finish(document, as_json, _render_plan)


def _folder() -> Path:
    return SloSettings().slo_dir or SHIPPED


def _finish(
    document: dict[str, Any], as_json: bool, render: Callable[[dict[str, Any]], str]
) -> None:
    emit(document, as_json, render)
    for text in document["notes"]:
        note(plain(text))
    raise typer.Exit(1 if document["problems"] else 0)


def _validated(paths: list[Path]) -> dict[str, Any]:
    readings = [read_folder(path) for path in paths if path.is_dir()]
    files = [path for path in paths if not path.is_dir()]
    sloth = [path for path in files if _is_sloth(path)]
    if others := [path for path in files if path not in sloth]:
        readings.append(read_files(others))
    for path in sloth:
        spec = read_sloth(path.read_text(encoding="utf-8"), path.name)
        names = [one.id for one in spec.slos]
        readings.append(Reading([], spec.problems, spec.notes, names, {"Sloth": len(names)}))
    kinds: dict[str, int] = {}
    for reading in readings:
        for kind, amount in reading.kinds.items():
            kinds[kind] = kinds.get(kind, 0) + amount
    return _document(
        Reading(
            [one for reading in readings for one in reading.objectives],
            uncounted=[one for reading in readings for one in reading.uncounted],
            kinds=kinds,
        ),
        [one for reading in readings for one in reading.problems],
        [text for reading in readings for text in reading.notes],
    )


def _is_sloth(path: Path) -> bool:
    try:
        return is_sloth(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return False


def _document(reading: Reading, problems: list[Problem], notes: list[str]) -> dict[str, Any]:
    return {
        "objectives": [one.id for one in reading.objectives],
        "not_counted": reading.uncounted,
        "kinds": reading.kinds,
        "problems": [one.as_dict() for one in problems],
        "notes": notes,
    }


Sets = tuple[Mapping[str, Objective], Mapping[str, Objective]]


def _planned(folder: Path, data_dir: Path) -> tuple[dict[str, Any], Sets]:
    """The document, and the running and the wanted set."""
    reading = read_folder(folder)
    running = _running(data_dir)
    wanted = {one.id: one for one in reading.objectives}
    problems, notes = list(reading.problems), list(reading.notes)
    if not problems and not wanted:
        reason = "no objective that is counted here: a restart would refuse this folder"
        problems.append(Problem(folder.name, "", reason))
    changes = [] if problems else compare(running, wanted)
    if not running:
        notes.append("no set was ever in force in this data folder: everything is new")
    document = _document(reading, problems, notes)
    document["changes"] = [_change(one) for one in changes]
    unchanged = len(wanted) - sum(one.kind != "gone" for one in changes)
    document["unchanged"] = 0 if problems else unchanged
    return document, (running, wanted)


def _running(data_dir: Path) -> Mapping[str, Objective]:
    """The set in force; empty where none was, or where this program can no longer read it."""
    held = LastGood(data_dir).current()
    reading = read_folder(held) if held else Reading()
    return {} if reading.problems else {one.id: one for one in reading.objectives}


def _change(change: Change) -> dict[str, Any]:
    return {
        "id": change.id,
        "change": change.kind,
        "meaning": change.meaning,
        "new_generation": change.recounts,
        "generation": {"before": change.generations[0], "after": change.generations[1]},
        "edits": [
            {
                "field": one.field,
                "before": one.before,
                "after": one.after,
                "counted": one.counted,
            }
            for one in change.edits
        ],
    }


def _fault_lines(document: dict[str, Any]) -> list[str]:
    lines = []
    for one in document["problems"]:
        found = f" (found {one['value']})" if one["value"] else ""
        lines.append(plain(f"{one['path']}: {one['reason']}{found}"))
    return lines


def _render_validation(document: dict[str, Any]) -> str:
    lines = _fault_lines(document)
    parts = [f"{_some(len(document['objectives']), 'objective')} good"]
    if document["not_counted"]:
        parts.append(f"{len(document['not_counted'])} valid and not counted here")
    if lines:
        parts.append(_some(len(lines), "fault"))
    return "\n".join([*lines, ", ".join(parts)])


def _render_import(document: dict[str, Any]) -> str:
    faults = _fault_lines(document)
    if faults:
        return "\n".join([*faults, f"{_some(len(faults), 'fault')}: nothing is written"])
    lines = [plain(f"wrote {name}") for name in document["written"]]
    kept = f", {_some(len(document['kept']), 'file')} there already" if document["kept"] else ""
    return "\n".join([*lines, f"{_some(len(lines), 'file')} written{kept}"])


def _render_plan(document: dict[str, Any]) -> str:
    if faults := _fault_lines(document):
        return "\n".join([*faults, f"{_some(len(faults), 'fault')}: the running set stays"])
    lines = []
    for one in document["changes"]:
        lines.append(f"{_MARKS[one['change']]} {one['id']}: {one['change']}, {one['meaning']}")
        for edit in one["edits"]:
            was, now = (plain(edit[key]) or "(nothing)" for key in ("before", "after"))
            lines.append(f"    {edit['field']}: {was} -> {now}")
        for moment, figures in one.get("backtest", {}).items():
            lines.append(f"    {moment}: {figures['text']}")
    lines.append(f"{_some(len(document['changes']), 'change')}, {document['unchanged']} unchanged")
    return "\n".join(lines)


def _some(amount: int, what: str) -> str:
    return f"{amount} {what}{'' if amount == 1 else 's'}"
