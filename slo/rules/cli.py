"""`tillwatch slo rules`: rules for Prometheus on stdout, remarks on stderr."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kernel.errors import BadInput, NotFound
from kernel.settings import KernelSettings
from kernel.terminal import AsJson, emit, note, plain
from slo.catalogue import SHIPPED, read_folder
from slo.objective import Objective
from slo.openslo.problems import Problem
from slo.rules.grafana import dashboards, text_of
from slo.rules.own import own_groups
from slo.rules.rule import LABEL_NAME, RuleGroup, rules_document, rules_yaml
from slo.settings import SloSettings
from slo.sloth import BUILT_IN, AlertWindows, SlothReading, read_sloth, read_windows, sloth_groups
from slo.sloth.windows import prometheus_duration_s

_MAX_FILES = 2000
_SUFFIXES = {".yaml", ".yml"}
_OWN_HEAD = (
    "Made by `tillwatch slo rules` from the objectives: change these, not this file.\n"
    "They ask Tillwatch's own /metrics."
)
_SLOTH_HEAD = (
    "Made by `tillwatch slo rules --sloth` from specs of Sloth: change the specs, not this file.\n"
    "Prometheus counts these; they are no objectives of the ledger."
)
_MEAN_HEAD = (
    "\nThe period rule is the mean of recorded ratios, as Sloth has it (--sloth-compatible)."
)

SlothFiles = Annotated[
    list[Path] | None,
    typer.Option("--sloth", help="A Sloth spec, or a folder of them; may be repeated."),
]
Windows = Annotated[
    list[Path] | None,
    typer.Option("--windows", help="A file of kind AlertWindows; may be repeated."),
]
Compatible = Annotated[
    bool,
    typer.Option(
        "--sloth-compatible",
        help="Write the period rule exactly as Sloth does: a mean of ratios.",
    ),
]
Period = Annotated[
    str, typer.Option("--period", help="SLO period of Sloth specs that name none, such as 28d.")
]
Labels = Annotated[
    list[str] | None,
    typer.Option("--label", help="NAME=VALUE on every recorded series; may be repeated."),
]
Grafana = Annotated[
    Path | None,
    typer.Option(
        "--grafana", help="Write Grafana dashboards of our objectives into this folder instead."
    ),
]


def add_rules_commands(cli: typer.Typer) -> None:
    """Add `rules` to the `slo` commands."""

    @cli.command()
    def rules(
        sloth: SlothFiles = None,
        windows: Windows = None,
        sloth_compatible: Compatible = False,
        period: Period = "30d",
        label: Labels = None,
        grafana: Grafana = None,
        as_json: AsJson = False,
    ) -> None:
        """Print Prometheus rules: of our objectives, or (--sloth) of Sloth specs.

        Exits 1 where a file has a fault.
        """
        labels = _labels(label or [])
        if sloth and grafana is not None:
            raise typer.BadParameter("it is for our own objectives", param_hint="--grafana")
        if not sloth and (windows or sloth_compatible or labels):
            raise typer.BadParameter(
                "--windows, --sloth-compatible and --label are for specs of Sloth",
                param_hint="--sloth",
            )
        if grafana is not None:
            _write_dashboards(grafana, as_json=as_json)
            return
        if not sloth:
            _print_own(as_json=as_json)
            return
        reading = _read_specs(sloth, _period_s(period))
        known, faults = _read_windows(windows or [])
        faults = [*faults, *reading.problems]
        for text in reading.notes:
            note(plain(text))
        if faults:
            _refuse(faults, as_json=as_json)
        groups = sloth_groups(reading.slos, known, compatible=sloth_compatible, labels=labels)
        _print(groups, _SLOTH_HEAD + (_MEAN_HEAD if sloth_compatible else ""), as_json=as_json)


def _write_dashboards(folder: Path, *, as_json: bool) -> None:
    """Files of the same name are replaced; others are left alone."""
    made = dashboards(_objectives(as_json=as_json), KernelSettings().public_url)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, dashboard in made.items():
            (folder / name).write_text(text_of(dashboard), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{folder.name} cannot be written: {error}", path=folder.name) from None
    emit({"written": sorted(made)}, as_json, lambda found: "\n".join(found["written"]))


def _objectives(*, as_json: bool) -> list[Objective]:
    reading = read_folder(SloSettings().slo_dir or SHIPPED)
    if reading.problems:
        _refuse(reading.problems, as_json=as_json)
    return reading.objectives


def _print_own(*, as_json: bool) -> None:
    made = own_groups(_objectives(as_json=as_json), KernelSettings().public_url)
    for text in made.notes:
        note(plain(text))
    _print(list(made.groups), _OWN_HEAD, as_json=as_json)


def _print(groups: list[RuleGroup], head: str, *, as_json: bool) -> None:
    emit(rules_document(groups), as_json, lambda _: rules_yaml(groups, head).rstrip("\n"))


def _refuse(faults: list[Problem], *, as_json: bool) -> None:
    document: dict[str, Any] = {"problems": [one.as_dict() for one in faults]}
    emit(document, as_json, lambda _: "\n".join(plain(str(one)) for one in faults))
    raise typer.Exit(1)


def _read_specs(paths: list[Path], period_s: int) -> SlothReading:
    slos, problems, notes = [], [], []
    seen: dict[str, str] = {}
    for file in _files(paths):
        reading = read_sloth(_text(file), file.name, period_s)
        problems += reading.problems
        notes += reading.notes
        for one in reading.slos:
            if one.id in seen:
                reason = f"this service and name stand in {seen[one.id]} already"
                problems.append(Problem(f"{file.name} $", one.id, reason))
                continue
            seen[one.id] = file.name
            slos.append(one)
    return SlothReading(slos, problems, notes)


def _read_windows(paths: list[Path]) -> tuple[dict[int, AlertWindows], list[Problem]]:
    """Sloth's own sets, or (where files are given) only what these say, as Sloth does it."""
    if not paths:
        return dict(BUILT_IN), []
    known: dict[int, AlertWindows] = {}
    faults: list[Problem] = []
    for file in _files(paths):
        found, problems = read_windows(_text(file), file.name)
        faults += problems
        for one in found:
            if one.period_s in known:
                faults.append(Problem(f"{file.name} $.spec.sloPeriod", "", "stands there twice"))
            known[one.period_s] = one
    return known, faults


def _files(paths: list[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(one for one in path.rglob("*") if one.suffix in _SUFFIXES)
        elif path.exists():
            found.append(path)
        else:
            raise NotFound(f"there is no file {path.name}", hint="check the path")
    if len(found) > _MAX_FILES:
        raise BadInput(f"more than {_MAX_FILES} files", hint="give them in several calls")
    return found


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file.name} cannot be read: {error}", path=file.name) from None


def _labels(words: list[str]) -> dict[str, str]:
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not LABEL_NAME.match(name) or name.startswith("__"):
            raise typer.BadParameter(f"{word!r} is not NAME=VALUE", param_hint="--label")
        found[name] = value
    return found


def _period_s(text: str) -> int:
    try:
        return prometheus_duration_s(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--period") from None
