"""Bounded recording of refusals: the first of a minute one by one, the rest as one count.

Pure: a flood of wrong tokens must cost the audit a handful of records, and none may be lost from
the count.
"""

from __future__ import annotations

from dataclasses import dataclass

from kernel.clock import MINUTE_US


@dataclass(frozen=True)
class Summary:
    """`count` refusals between these times were not recorded one by one."""

    count: int
    since_us: int
    until_us: int


@dataclass(frozen=True)
class Window:
    """The state: the current minute, what was recorded in it, what was only counted."""

    minute: int = 0
    recorded: int = 0
    counted: int = 0
    since_us: int = 0
    until_us: int = 0


def close(window: Window, now_us: int) -> tuple[Window, Summary | None]:
    """Begin a new minute if it is time; the summary of the old one, if it has one."""
    minute = now_us // MINUTE_US
    if minute == window.minute:
        return window, None
    summary = None
    if window.counted:
        summary = Summary(window.counted, window.since_us, window.until_us)
    return Window(minute=minute), summary


def admit(window: Window, now_us: int, limit: int) -> tuple[Window, bool]:
    """One more refusal in the window's minute: is it recorded (True) or only counted?"""
    if window.recorded < limit:
        return (
            Window(
                window.minute,
                window.recorded + 1,
                window.counted,
                window.since_us,
                window.until_us,
            ),
            True,
        )
    since_us = window.since_us if window.counted else now_us
    return Window(window.minute, window.recorded, window.counted + 1, since_us, now_us), False
