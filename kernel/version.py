"""The version of this program, as installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def _installed() -> str:
    try:
        return version("tillwatch")
    except PackageNotFoundError:
        return "unknown"


VERSION = _installed()
