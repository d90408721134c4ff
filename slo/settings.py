"""Settings of slo."""

from __future__ import annotations

from pathlib import Path

from kernel.settings import Settings


class SloSettings(Settings):
    """`TILLWATCH_SLO_DIR` replaces the shipped folder of objectives."""

    slo_dir: Path | None = None
