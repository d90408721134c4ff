"""The signing secrets of webhook sources."""

from __future__ import annotations

from pydantic import SecretStr

from kernel.settings import Settings


class WebhookSettings(Settings):
    """One JSON object: `{"<kind>/<source>": ["<secret>", "<the one before>"], ...}`.

    Several secrets of a source all count, so that one can be replaced without losing a delivery.
    """

    webhook_secrets: SecretStr = SecretStr("")
