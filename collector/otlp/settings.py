"""Settings of the OTLP ports."""

from __future__ import annotations

from pydantic import field_validator

from kernel.settings import Settings


class OtlpSettings(Settings):
    """`TILLWATCH_OTLP_CORS_ORIGINS`: origins of pages that may send telemetry, by commas."""

    otlp_cors_origins: str = ""

    @field_validator("otlp_cors_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        for origin in _split(value):
            scheme, _, host = origin.partition("://")
            if scheme not in {"http", "https"} or not host or set("/*?# ") & set(host):
                raise ValueError(
                    f"{origin!r} is no origin: write each as https://shop.example, without a path "
                    "and without wildcards"
                )
        return value

    @property
    def cors_origins(self) -> frozenset[str]:
        """The listed origins; none by default."""
        return frozenset(_split(self.otlp_cors_origins))


def _split(value: str) -> list[str]:
    return [origin.strip() for origin in value.split(",") if origin.strip()]
