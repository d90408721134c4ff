"""What access does on its own, in each process that authenticates."""

from __future__ import annotations

from access.service import AccessService
from access.token_copy import REFRESH_S
from kernel.parts import Part


def parts(access: AccessService) -> list[Part]:
    """Keep the token copy fresh and record counts of refusals."""

    def step() -> bool:
        access.upkeep()
        return False

    return [Part("access.tokens.refresh", step, idle_wait_s=REFRESH_S / 2)]
