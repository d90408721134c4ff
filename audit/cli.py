"""`tillwatch audit`: list, verify, export, prove. stdout holds the result and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from audit.export import export
from audit.keys import verifier_key
from audit.log import AuditLog
from audit.note import parse_vkey
from audit.report import Report
from audit.schemas import RecordOut
from audit.settings import AuditSettings
from audit.verify import verify
from kernel.clock import SystemClock
from kernel.database import Database
from kernel.errors import NotConfigured, NotFound
from kernel.settings import KernelSettings

Opener = Callable[[Path | None], Database]

_DATA_DIR = typer.Option(None, "--data-dir", help="Folder of the stores.")
_JSON = typer.Option(False, "--json", help="Print one JSON document.")


def build_cli(open_database: Opener) -> typer.Typer:
    """The `audit` commands. `open_database(data_dir)` opens the control database."""
    cli = typer.Typer(help="The audit log: read it, verify it, take it away.", no_args_is_help=True)
    for add in (_add_list, _add_verify, _add_export, _add_prove):
        add(cli, open_database)
    return cli


def _add_list(cli: typer.Typer, open_database: Opener) -> None:
    @cli.command("list")
    def list_records(
        data_dir: Path | None = _DATA_DIR,
        incident: str = typer.Option("", help="Only records of this incident."),
        kind: str = typer.Option("", "--type", help="Only this record type (or `family.*`)."),
        actor: str = typer.Option("", help="Only records of this actor."),
        before: int | None = typer.Option(None, help="Only records below this seq (next page)."),
        limit: int = typer.Option(50, min=1, max=500),
        as_json: bool = _JSON,
    ) -> None:
        """Records, newest first."""
        log = AuditLog(open_database(data_dir), SystemClock(), _settings(data_dir))
        found = log.entries(incident=incident, type=kind, actor=actor, before=before, limit=limit)
        if as_json:
            _print_json({"records": [one.model_dump() for one in found]})
        for one in [] if as_json else found:
            typer.echo(_line(one))


def _add_verify(cli: typer.Typer, open_database: Opener) -> None:
    @cli.command("verify")
    def verify_log(
        data_dir: Path | None = _DATA_DIR,
        checkpoint: Path | None = typer.Option(
            None, help="A checkpoint that you kept yourself, instead of the one in the folder."
        ),
        vkey: Path | None = typer.Option(
            None, help="A public key that you kept yourself, instead of the one in the folder."
        ),
        as_json: bool = _JSON,
    ) -> None:
        """Re-derive everything from the records. Exit 0: verified; 1: anything else."""
        settings = _settings(data_dir)
        key = parse_vkey(_text(vkey)) if vkey else verifier_key(settings)
        if checkpoint and not checkpoint.exists():
            raise NotFound(f"there is no checkpoint file {checkpoint}")
        report = verify(open_database(data_dir), key, checkpoint or settings.checkpoint_path)
        if as_json:
            _print_json(report.as_json())
        else:
            typer.echo(_report_text(report))
        if not report.good:
            raise typer.Exit(1)


def _add_export(cli: typer.Typer, open_database: Opener) -> None:
    @cli.command("export")
    def export_log(
        folder: Path = typer.Argument(..., help="A new or empty folder."),
        data_dir: Path | None = _DATA_DIR,
        payloads: bool = typer.Option(True, help="Also the payloads (they may be personal)."),
        as_json: bool = _JSON,
    ) -> None:
        """Write the log as a tlog-tiles folder that other tools can check."""
        key = verifier_key(_settings(data_dir))
        done = export(open_database(data_dir), key, folder, payloads=payloads)
        if as_json:
            _print_json(asdict(done) | {"folder": str(done.folder)})
        else:
            typer.echo(f"{done.size} records and {done.payloads} payloads in {done.folder}")


def _add_prove(cli: typer.Typer, open_database: Opener) -> None:
    @cli.command("prove")
    def prove(
        record_id: str = typer.Argument(..., help="The record's id."),
        data_dir: Path | None = _DATA_DIR,
        out: Path | None = typer.Option(None, help="Write <id>.tlog-proof and <id>.json here."),
        as_json: bool = _JSON,
    ) -> None:
        """A proof that one record is in the newest signed checkpoint (c2sp.org/tlog-proof)."""
        log = AuditLog(open_database(data_dir), SystemClock(), _settings(data_dir))
        proof = log.proof(record_id)
        if proof is None:
            log.entry(record_id)
            raise NotFound(
                f"record {record_id} is not in a signed checkpoint yet",
                hint="start the service: it signs within two seconds",
            )
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            (out / f"{proof.record_id}.tlog-proof").write_text(proof.text(), "utf-8")
            (out / f"{proof.record_id}.json").write_bytes(proof.body)
        if as_json:
            _print_json(
                {"index": proof.index, "proof": proof.text(), "record": proof.body.decode()}
            )
        else:
            typer.echo(proof.text(), nl=False)


def _settings(data_dir: Path | None) -> AuditSettings:
    return AuditSettings(data_dir=data_dir or KernelSettings().data_dir)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotConfigured(f"the public key cannot be read: {error}") from None


def _print_json(document: dict[str, Any]) -> None:
    typer.echo(json.dumps(document, ensure_ascii=False))


def _line(record: RecordOut) -> str:
    state = "signed" if record.checkpointed else "waits"
    seq = "-" if record.seq is None else str(record.seq)
    subject = f"{record.subject.kind}:{record.subject.ref}"
    return (
        f"{seq:>6}  {record.at}  {state}  {record.type}  {record.outcome}  "
        f"{record.actor.kind}:{record.actor.ref}  {subject}  {record.id}"
    )


def _report_text(report: Report) -> str:
    lines = [f"{report.result}: {report.size} records"]
    if report.checkpoint:
        root = report.checkpoint["root"]
        lines.append(f"newest good checkpoint: size {report.checkpoint['size']}, root {root}")
    if report.pending:
        lines.append(f"waiting to be sequenced: {report.pending}")
    if report.first_bad_index is not None:
        lines.append(f"first bad index: {report.first_bad_index}")
    lines += [f"- {one.what}" for one in report.problems[:20]]
    if report.problem_count > 20:
        lines.append(f"- and {report.problem_count - 20} more")
    if report.next_step:
        lines.append(f"next step: {report.next_step}")
    return "\n".join(lines)
