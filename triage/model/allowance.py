"""How much may be spent on the model: tokens, money and time, per incident and per day. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from triage.model.settings import ModelSettings

_MICROS = 1_000_000


@dataclass(frozen=True)
class Spend:
    """What was or will be spent. Money in millionths of the currency of the prices."""

    tokens: int = 0
    cost_micros: int = 0
    wall_ms: int = 0
    calls: int = 0

    def __add__(self, other: Spend) -> Spend:
        return Spend(
            self.tokens + other.tokens,
            self.cost_micros + other.cost_micros,
            self.wall_ms + other.wall_ms,
            self.calls + other.calls,
        )

    def __sub__(self, other: Spend) -> Spend:
        return Spend(
            self.tokens - other.tokens,
            self.cost_micros - other.cost_micros,
            self.wall_ms - other.wall_ms,
            self.calls - other.calls,
        )


@dataclass(frozen=True)
class Caps:
    """Upper bounds of one scope; a cost of 0 is no bound."""

    tokens: int
    cost_micros: int
    wall_ms: int

    def share(self, part: float) -> Caps:
        """The part of it that may be spent."""
        return Caps(int(self.tokens * part), int(self.cost_micros * part), int(self.wall_ms * part))


def cost_micros(settings: ModelSettings, input_tokens: int, output_tokens: int) -> int:
    """What these tokens cost, rounded up; 0 where no price is set."""
    exact = input_tokens * settings.model_price_input + output_tokens * settings.model_price_output
    return -int(-exact // 1)


def caps_of_incident(settings: ModelSettings) -> Caps:
    """What one incident may cost."""
    return Caps(
        settings.model_tokens_per_incident,
        round(settings.model_cost_per_incident * _MICROS),
        round(settings.model_seconds_per_incident * 1000),
    )


def caps_of_day(settings: ModelSettings, *, moneyed: bool) -> Caps:
    """What a day may cost. A part is kept for incidents in which the shop loses money."""
    whole = Caps(
        settings.model_tokens_per_day,
        round(settings.model_cost_per_day * _MICROS),
        round(settings.model_seconds_per_day * 1000),
    )
    return whole if moneyed else whole.share(1 - settings.model_share_for_money)


def refusal(spent: Spend, need: Spend, caps: Caps, whose: str) -> str:
    """Why `need` more may not be spent; "" where it may. `whose`: "the incident's"."""
    after = spent + need
    if after.tokens > caps.tokens:
        return f"{whose} token budget is spent"
    if caps.cost_micros and after.cost_micros > caps.cost_micros:
        return f"{whose} cost budget is spent"
    if after.wall_ms > caps.wall_ms:
        return f"{whose} time budget is spent"
    return ""
