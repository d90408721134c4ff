"""Settings of runbooks: the library's folder and where actions may reach."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from kernel.settings import Settings

SHIPPED_LIBRARY = Path(__file__).resolve().parent / "library"


class RunbookSettings(Settings):
    """Read once at start. See docs/runbooks.md for the form of `action_hosts`."""

    runbook_dir: Path | None = None
    action_hosts: str = ""
    flag_url: str = ""
    flag_token: SecretStr = SecretStr("")
    simulation: bool = False
    proof_wait_s: int = 60
    manual_wait_s: int = 3600

    @property
    def library_dir(self) -> Path:
        """The folder whose `*.md` files are the catalogue."""
        return self.runbook_dir or SHIPPED_LIBRARY
