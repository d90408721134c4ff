"""HTTP of slo: `GET /api/slos`, `/{id}`, `/{id}/series`, `/{id}/as-known`, `/api/burn-alerts`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from access.principal import READERS
from access.service import AccessService
from kernel.clock import HOUR_US, SECOND_US, Clock, parse_rfc3339
from kernel.errors import BadInput
from slo.as_known.schemas import AsKnownOut
from slo.schemas import BurnAlertOut, SeriesOut, SloListOut, SloOut
from slo.service import SloService


def build_router(service: SloService, access: AccessService, clock: Clock) -> APIRouter:
    """For everybody who may look, as the pages are."""
    router = APIRouter(prefix="/api", dependencies=[Depends(access.guard.require(*READERS))])

    @router.get("/slos")
    def slos() -> SloListOut:
        return SloListOut(slos=service.list(), fault=service.catalogue.fault)

    @router.get("/slos/{slo_id}")
    def slo(slo_id: str) -> SloOut:
        return service.show(slo_id)

    @router.get("/slos/{slo_id}/as-known")
    def as_known(slo_id: str, at: str) -> AsKnownOut:
        if not at:
            raise BadInput(
                "a moment is wanted", path="query.at", hint="such as 2026-11-30T03:12:00Z"
            )
        return service.as_known(slo_id, _time(at, "at"))

    @router.get("/slos/{slo_id}/series")
    def series(
        slo_id: str,
        begin: Annotated[str, Query(alias="from")] = "",
        to: str = "",
        step: Annotated[int, Query(ge=5, le=86_400)] = 60,
    ) -> SeriesOut:
        step_us = step * SECOND_US
        to_us = _time(to, "to") or clock.now_us() + step_us
        from_us = _time(begin, "from") or to_us - HOUR_US
        from_us, to_us = from_us - from_us % step_us, to_us - to_us % step_us
        points = service.series(slo_id, from_us, to_us, step)
        return SeriesOut(id=slo_id, step_s=step, points=points)

    @router.get("/burn-alerts")
    def alerts(*, active: bool = True) -> Sequence[BurnAlertOut]:
        return service.alerts(active=active)

    return router


def _time(text: str, name: str) -> int:
    if not text:
        return 0
    try:
        return parse_rfc3339(text)
    except ValueError as error:
        raise BadInput(str(error), path=f"query.{name}") from None
