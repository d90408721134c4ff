"""Waiting for the disk: nothing is acknowledged before its record is durable."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import TypeVar

from kernel.errors import Unavailable
from kernel.journal import Appended

_WITHIN_S = 30.0
_Written = TypeVar("_Written")


async def durable(future: Future[Appended]) -> Appended:
    """What the journal wrote. Raises Unavailable where it could not, or took too long.

    A late append is not taken back: the sender repeats it and its keys tell.
    """
    waiting = asyncio.shield(asyncio.wrap_future(future))
    try:
        return await asyncio.wait_for(waiting, timeout=_WITHIN_S)
    except TimeoutError:
        raise Unavailable(f"the disk did not answer within {_WITHIN_S:.0f} s") from None


def durable_now(future: Future[_Written]) -> _Written:
    """The same in a thread."""
    try:
        return future.result(timeout=_WITHIN_S)
    except TimeoutError:
        raise Unavailable(f"the disk did not answer within {_WITHIN_S:.0f} s") from None
