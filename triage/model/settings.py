"""Settings of the model client. Without a key the deterministic brief is all there is."""

from __future__ import annotations

from typing import Literal

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from kernel.settings import Settings


class ModelSettings(Settings):
    """`OPENAI_API_KEY` and `OPENAI_BASE_URL` go by their usual names, the rest by ours."""

    model_config = SettingsConfigDict(
        env_prefix="TILLWATCH_", extra="ignore", frozen=True, populate_by_name=True
    )

    openai_api_key: SecretStr = Field(
        default=SecretStr(""), validation_alias=AliasChoices("OPENAI_API_KEY", "openai_api_key")
    )
    openai_base_url: str = Field(
        default="", validation_alias=AliasChoices("OPENAI_BASE_URL", "openai_base_url")
    )
    model: str = "gpt-5.4-mini"
    model_api: Literal["responses", "chat"] = "responses"
    # Wall time of one explanation: all rounds, tries and look-ups included.
    model_timeout_s: float = Field(default=20.0, gt=0, le=300)
    model_max_retries: int = Field(default=1, ge=0, le=3)
    model_max_output_tokens: int = Field(default=4_000, ge=100, le=20_000)
    # How often the model may ask for more evidence; 0: never.
    model_max_rounds: int = Field(default=2, ge=0, le=4)
    model_max_queries: int = Field(default=4, ge=0, le=12)
    model_tokens_per_incident: int = Field(default=80_000, ge=0)
    model_tokens_per_day: int = Field(default=800_000, ge=0)
    model_seconds_per_incident: float = Field(default=300.0, ge=0)
    model_seconds_per_day: float = Field(default=3_600.0, ge=0)
    # Prices per million tokens, and caps in the same currency; a cap of 0 is none.
    model_price_input: float = Field(default=0.0, ge=0)
    model_price_output: float = Field(default=0.0, ge=0)
    model_cost_per_incident: float = Field(default=0.0, ge=0)
    model_cost_per_day: float = Field(default=0.0, ge=0)
    # The part of a day's budget that is kept for incidents in which the shop loses money.
    model_share_for_money: float = Field(default=0.3, ge=0, lt=1)
    # True: nobody is asked, whatever else is set.
    model_stop: bool = False
    # After this many failures in a row nobody is asked for a while.
    model_circuit_failures: int = Field(default=3, ge=1)
    model_circuit_open_s: float = Field(default=60.0, ge=0)
