"""Settings that every package shares, and the base class of each package's own."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Base of all settings classes: read once from the environment at start, then passed in."""

    model_config = SettingsConfigDict(env_prefix="TILLWATCH_", extra="ignore", frozen=True)


class KernelSettings(Settings):
    """Where the stores are and how people reach us."""

    data_dir: Path = Path("tillwatch-data")
    public_url: str = "http://127.0.0.1:8080"
    journal_url: str = ""
    database_url: str = ""
    telemetry_url: str = ""
    journal_max_bytes: int = Field(default=8 * 1024**3, gt=0)
    # Free disk below which only what counts most is still taken.
    journal_reserve_bytes: int = Field(default=256 * 1024**2, ge=0)
    telemetry_retention_d: int = 7

    @property
    def journal_path(self) -> Path:
        """The journal's file; written by the door only."""
        return self.data_dir / "journal.db"

    @property
    def derived_path(self) -> Path:
        """The derived stream's file; written by the engine only."""
        return self.data_dir / "derived.db"

    @property
    def ledger_path(self) -> Path:
        """The ledger's file."""
        return self.data_dir / "ledger.db"

    @property
    def control_url(self) -> str:
        """SQLAlchemy address of the control database."""
        return self.database_url or f"sqlite:///{self.data_dir / 'control.db'}"

    @property
    def telemetry_dir(self) -> Path:
        """Folder of the telemetry store's daily files."""
        return self.data_dir / "telemetry"
