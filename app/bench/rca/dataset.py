"""Reads recorded incidents (one folder each) into telemetry rows and a scene. The answer is apart.

Layout of a folder: `data/{alert.json,logs.ndjson,metrics.csv,traces.json,patterns.json}`,
`data/context/{commits,deploys,flags}.json`, sometimes `data/status_feed.json`; the answer lies in
`ground_truth.json` beside `data` and is read by the scorer alone. Nothing reads the folder's name.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kernel import strict_json
from kernel.clock import parse_rfc3339
from kernel.errors import BadInput
from kernel.telemetry_store.port import ChangeRow, LogRow, MetricRow, SpanRow
from triage.evidence.causes.assemble import (
    COMMIT,
    DIFF,
    FILES,
    VENDOR,
    calls_of,
    changes_of,
    series_of,
    severity_number,
    span_symptoms,
    symptoms_of,
    vendors_of,
    with_counts,
)
from triage.evidence.causes.scene import Alarm, Scene, Symptom

MAX_FILE_BYTES = 64 * 1024 * 1024
# The part of the recording before the alarm that is taken as usual.
_USUAL_SHARE = 0.3
_LOST_TRACE = "same"


@dataclass(frozen=True)
class Answer:
    """What the incident's authors hold to be true. `commit`: "" where none of ours explains it."""

    commit: str
    decoys: frozenset[str]


def incident_folders(dataset: Path) -> list[Path]:
    """Folders that hold an incident, by name. Raises BadInput where there is none."""
    if not dataset.is_dir():
        raise BadInput(f"there is no folder {dataset}", path="--dataset")
    found = sorted(one for one in dataset.iterdir() if (one / "data" / "alert.json").is_file())
    if not found:
        raise BadInput(
            f"{dataset} holds no incident",
            path="--dataset",
            hint="each incident is a folder with data/alert.json in it",
        )
    return found


def read_answer(folder: Path) -> Answer:
    """The answer, for the scorer alone."""
    truth = _json(folder / "ground_truth.json")
    commit = str(truth["root_cause_commit"])
    decoys = frozenset(str(one) for one in truth.get("decoy_deploy_commits", ()))
    return Answer("" if commit == "none" else commit, decoys)


def read_scene(folder: Path) -> Scene:
    """What was known when the alert fired. Raises BadInput for a file that cannot be read."""
    data = folder / "data"
    alarm = _alarm(_json(data / "alert.json"))
    logs = list(_logs(data / "logs.ndjson"))
    spans = _spans(_json_or(data / "traces.json", []))
    start_us = min((row.time_us for row in logs), default=alarm.at_us)
    usual_us = start_us + int((alarm.at_us - start_us) * _USUAL_SHARE)
    samples = symptoms_of(logs, usual_us)
    counted = [_pattern(one) for one in _json_or(data / "patterns.json", [])]
    suspects, deployments = changes_of(list(_changes(data / "context")))
    return Scene(
        alarm=alarm,
        symptoms=with_counts(samples, counted) + span_symptoms(spans, usual_us),
        series=series_of(_metrics(data / "metrics.csv")),
        suspects=suspects,
        deployments=deployments,
        vendors=vendors_of(_vendors(_json_or(data / "status_feed.json", {}))),
        calls=calls_of(spans),
    )


def _alarm(alert: Mapping[str, Any]) -> Alarm:
    text = " ".join(str(alert.get(key, "")) for key in ("summary", "detail", "monitor"))
    return Alarm(_us(alert["fired_at"]), str(alert["service"]), str(alert.get("metric", "")), text)


def _pattern(one: Mapping[str, Any]) -> Symptom:
    count = _whole(one.get("count"), 1)
    delta = _whole(one.get("delta_vs_baseline"), count)
    bad = one.get("sentiment") == "negative"
    text = str(one.get("signature", one.get("pattern", "")))
    return Symptom(str(one.get("service", "")), text, count, max(0, count - delta), bad)


def _whole(value: Any, default: int) -> int:
    """`+18,420` and `-50` as numbers; the default for what is none."""
    match = re.fullmatch(r"\s*([+-]?)([\d,]+)(?:\.\d+)?\s*", str(value))
    return int(match[1] + match[2].replace(",", "")) if match else default


def _logs(path: Path) -> Iterator[LogRow]:
    for number, line in enumerate(_text(path).splitlines()):
        if not line.strip():
            continue
        row = _parsed(line, path)
        yield LogRow(
            position=0,
            item=number,
            time_us=_us(row["timestamp"]),
            service=str(row.get("service", "")),
            severity=severity_number(str(row.get("severity_text", ""))),
            body=str(row.get("msg", row.get("message", ""))),
            trace_id=str(row.get("trace_id", "")),
        )


def _metrics(path: Path) -> Iterator[MetricRow]:
    if not path.is_file():
        return
    for number, row in enumerate(csv.DictReader(_text(path).splitlines())):
        yield MetricRow(
            position=0,
            item=number,
            time_us=_us(row["timestamp"]),
            service=row["service"],
            name=row["metric"],
            unit="",
            value=float(row["value"]),
        )


def _spans(rows: Sequence[Mapping[str, Any]]) -> list[SpanRow]:
    """Spans; a child whose trace id was lost in the recording takes its parent's."""
    traces: dict[str, str] = {}
    found = []
    for number, row in enumerate(rows):
        trace_id, parent = str(row["trace_id"]), str(row.get("parent_id") or "")
        if trace_id == _LOST_TRACE:
            trace_id = traces.get(parent, f"{_LOST_TRACE}-{number}")
        traces[str(row["span_id"])] = trace_id
        start_us = _us(row["start"])
        duration_ms = float(row.get("duration_ms") or 0)
        found.append(
            SpanRow(
                position=0,
                item=number,
                trace_id=trace_id,
                span_id=str(row["span_id"]),
                parent_span_id=parent,
                service=str(row.get("service", "")),
                name=str(row.get("name", "")),
                kind="",
                start_us=start_us,
                end_us=start_us + int(duration_ms * 1000),
                status="error" if str(row.get("status", "")).upper() == "ERROR" else "ok",
                status_message=str(row.get("error", "")),
            )
        )
    return found


def _changes(context: Path) -> Iterator[ChangeRow]:
    for number, one in enumerate(_json_or(context / "commits.json", [])):
        attributes = {COMMIT: str(one["sha"]), DIFF: str(one.get("diff") or "")}
        attributes[FILES] = "\n".join(str(path) for path in one.get("files_changed") or ())
        yield ChangeRow(
            0, number, _us(one["timestamp"]), "other", "", str(one.get("message", "")),
            author=str(one.get("author", "")), attributes=attributes,
        )  # fmt: skip
    for number, one in enumerate(_json_or(context / "deploys.json", [])):
        yield ChangeRow(
            1, number, _us(one["timestamp"]), "deploy", str(one["service"]), "",
            version=str(one.get("version", "")),
            attributes={COMMIT: str(one.get("commit_sha", ""))},
        )  # fmt: skip
    for number, one in enumerate(_json_or(context / "flags.json", [])):
        summary = f"{one.get('flag', '')} {one.get('change', '')}"
        yield ChangeRow(2, number, _us(one["timestamp"]), "flag", str(one["service"]), summary)


def _vendors(feed: Any) -> Iterator[ChangeRow]:
    if not isinstance(feed, Mapping):
        return
    vendor = str(feed.get("provider", ""))
    for number, one in enumerate(feed.get("incidents") or ()):
        if not one.get("started_at"):
            continue
        told = min((_us(each["timestamp"]) for each in one.get("updates") or ()), default=0)
        attributes = {
            "vendor": vendor,
            "status": str(one.get("impact") or one.get("status", "")),
            "begun_at": str(one["started_at"]),
        }
        begun_us = _us(one["started_at"])
        yield ChangeRow(
            3, number, told or begun_us, VENDOR, vendor, str(one.get("name", "")),
            attributes=attributes,
        )  # fmt: skip


def _us(text: str) -> int:
    try:
        return parse_rfc3339(str(text))
    except ValueError as error:
        raise BadInput(str(error), hint="times are RFC 3339 with a zone") from None


def _json(path: Path) -> Any:
    return _parsed(_text(path), path)


def _json_or(path: Path, default: Any) -> Any:
    return _json(path) if path.is_file() else default


def _parsed(text: str, path: Path) -> Any:
    try:
        return strict_json.loads(text)
    except BadInput as error:
        raise BadInput(f"{path.name}: {error.message}", path=str(path)) from None


def _text(path: Path) -> str:
    if not path.is_file():
        raise BadInput(f"{path.name} is missing", path=str(path))
    if path.stat().st_size > MAX_FILE_BYTES:
        raise BadInput(f"{path.name} is longer than {MAX_FILE_BYTES} bytes", path=str(path))
    return path.read_text(encoding="utf-8")
