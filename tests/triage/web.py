"""The routes of triage in an application that maps errors as the whole one does."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from collector.redaction import Redactor
from kernel.errors import TillwatchError, Unavailable
from tests.triage.desk import Desk
from triage.endpoints import build_router

REDACTOR = Redactor(b"a key of sixteen bytes or more")


def application(desk: Desk) -> FastAPI:
    app = FastAPI()
    app.include_router(build_router(desk.incidents, desk.journal, desk.access, REDACTOR))

    @app.exception_handler(TillwatchError)
    def answer(_: Request, error: TillwatchError) -> JSONResponse:
        headers = {}
        if isinstance(error, Unavailable):
            headers["Retry-After"] = str(error.retry_after_s)
        return JSONResponse({"error": error.message}, error.status, headers=headers)

    return app
