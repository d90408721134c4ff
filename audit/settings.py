"""Settings of the audit log."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from kernel.settings import Settings


class AuditSettings(Settings):
    """Where key, public key and newest checkpoint lie: outside of the database."""

    data_dir: Path = Path("tillwatch-data")
    # Used at the first start only: afterwards the key file says which log this is.
    audit_origin: str = ""
    audit_heartbeat_s: int = Field(default=900, ge=1)

    @property
    def key_path(self) -> Path:
        """The signing key (0600)."""
        return self.data_dir / "audit.key"

    @property
    def vkey_path(self) -> Path:
        """The public key, for auditors."""
        return self.data_dir / "audit.vkey"

    @property
    def checkpoint_path(self) -> Path:
        """The newest signed checkpoint."""
        return self.data_dir / "audit.checkpoint"
