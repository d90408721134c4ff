"""`/livez`, `/readyz`, `/metrics`: what orchestrators and Prometheus ask.

Ready means: the door can make an event durable. An engine that is away is a banner and a metric,
because the door must go on accepting. What it refuses by class for lack of room is told beside it.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from kernel.clock import Clock
from kernel.engine_status import read_status
from kernel.journal import JournalWriter
from kernel.journal.metrics import JournalCollector
from kernel.observability import AgeCollector, Metrics

ENGINE = "engine"


def build_router(
    journal: JournalWriter, metrics: Metrics, clock: Clock, data_dir: Path, *, evaluation_part: str
) -> APIRouter:
    """The three routes; open to everybody who can reach the port, without business figures."""
    router = APIRouter()
    metrics.registry.register(JournalCollector(journal))

    def times() -> dict[str, int]:
        found = metrics.ages.snapshot()
        status = read_status(data_dir)
        return found | {**status.times, ENGINE: status.at_us} if status else found

    metrics.registry.register(AgeCollector(times, clock, evaluation_part=evaluation_part))

    @router.get("/livez", include_in_schema=False)
    def livez() -> PlainTextResponse:
        return PlainTextResponse("alive\n")

    @router.get("/readyz", include_in_schema=False)
    def readyz() -> JSONResponse:
        status = read_status(data_dir)
        age_s = status.age_s(clock.now_us()) if status else None
        healthy = journal.healthy
        document = {
            "ready": healthy,
            "journal": healthy,
            "engine_age_s": age_s,
            "refusing": journal.gate.refusing(),
        }
        headers = {"Cache-Control": "no-store"} | ({} if healthy else {"Retry-After": "1"})
        return JSONResponse(document, 200 if healthy else 503, headers=headers)

    @router.get("/metrics", include_in_schema=False)
    def metrics_text() -> Response:
        own = generate_latest(metrics.registry).decode()
        status = read_status(data_dir)
        return Response(
            merge_exposition(own, status.metrics if status else ""), media_type=CONTENT_TYPE_LATEST
        )

    return router


def merge_exposition(door: str, engine: str) -> str:
    """One exposition of two processes: each family's lines stay together, `role` tells them apart.

    A family of both processes has one HELP and TYPE; its samples get the label role.
    """
    families: dict[str, list[str]] = {}
    for role, text in (("door", door), ("engine", engine)):
        family = ""
        for line in text.splitlines():
            if line.startswith("# HELP "):
                family = line.split(" ", 3)[2]
            lines = families.setdefault(family, [])
            if not line.startswith("#"):
                lines.append(_with_role(line, role))
            elif line not in lines:
                lines.append(line)
    return "".join(f"{line}\n" for lines in families.values() for line in lines)


def _with_role(sample: str, role: str) -> str:
    name, brace, rest = sample.partition("{")
    if brace:
        return f'{name}{{role="{role}",{rest}'
    name, _, value = sample.partition(" ")
    return f'{name}{{role="{role}"}} {value}'
