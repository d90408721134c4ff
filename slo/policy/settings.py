"""Settings of the budget policy."""

from __future__ import annotations

from pathlib import Path

from kernel.settings import Settings


class PolicySettings(Settings):
    """`TILLWATCH_POLICY_DIR` replaces the shipped folder of budget policies."""

    policy_dir: Path | None = None
