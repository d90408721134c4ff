"""What can be set about people, tokens and sessions."""

from __future__ import annotations

from pydantic import Field

from kernel.settings import Settings


class AccessSettings(Settings):
    """How long a login lasts and how many refusals a minute are recorded one by one."""

    session_hours: int = Field(default=12, ge=1, le=24 * 30)
    refusals_recorded_per_minute: int = Field(default=10, ge=1, le=1000)
