"""A route that is documented like every other and answered without FastAPI's machinery.

Where thousands of requests a second come in, solving dependencies and building exit stacks for each
costs more than taking the events. The endpoint gets the request and returns the response; errors
go to the one mapper as ever.
"""

from __future__ import annotations

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send


class DirectRoute(APIRoute):
    """The endpoint is `async (request) -> Response`, and asks for who may come in itself."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrong methods are answered as everywhere."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)
