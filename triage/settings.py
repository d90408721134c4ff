"""Settings of triage: what is an emergency, and who else is told."""

from __future__ import annotations

from pydantic import Field, SecretStr

from kernel.settings import Settings
from triage.incident import SeverityScale


class TriageSettings(Settings):
    """Rates are per minute; money in major units of the currency that loses most."""

    # Alertmanager's repeat_interval: an alert silent for max(4 h, twice this) makes its incident
    # stale.
    alert_repeat_interval_s: int = Field(default=4 * 3600, ge=1)
    severity_major_orders: float = 1.0
    severity_critical_orders: float = 10.0
    severity_major_money: float = 100.0
    severity_critical_money: float = 1000.0
    brief_refresh_s: int = Field(default=30, ge=5)
    alertmanager_url: str = ""
    # Beside each incident also each burn alert, as a Prometheus rule would be.
    alertmanager_burn_alerts: bool = True
    second_webhook_url: str = ""
    second_webhook_secret: SecretStr = SecretStr("")
    heartbeat_url: str = ""
    heartbeat_every_s: int = Field(default=30, ge=5)
    heartbeat_max_age_s: int = Field(default=60, ge=10)

    @property
    def scale(self) -> SeverityScale:
        """The severity thresholds."""
        return SeverityScale(
            self.severity_major_orders,
            self.severity_critical_orders,
            self.severity_major_money,
            self.severity_critical_money,
        )
