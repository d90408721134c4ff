"""Who may ask the model now: the switch, the circuit, and what may still be spent."""

from __future__ import annotations

import threading

from kernel.clock import Clock
from triage.evidence.evidence import EvidenceBundle
from triage.model import circuit
from triage.model.allowance import (
    Spend,
    caps_of_day,
    caps_of_incident,
    cost_micros,
)
from triage.model.circuit import Circuit, Event
from triage.model.outcome import BudgetSpent, LeftAlone, ModelOutcome, Stopped
from triage.model.settings import ModelSettings
from triage.model.spending import Spending
from triage.model.tally import Tally


class Permits:
    """Thread-safe. A permit is taken before each call and given back with what it really cost."""

    def __init__(
        self, settings: ModelSettings, clock: Clock, spending: Spending, tally: Tally
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._spending = spending
        self._tally = tally
        self._rule = circuit.Rule(settings.model_circuit_failures, settings.model_circuit_open_s)
        self._circuit = Circuit()
        self._lock = threading.Lock()

    def need(self, input_tokens: int, within_s: float) -> Spend:
        """The most that one call can cost."""
        output = self._settings.model_max_output_tokens
        cost = cost_micros(self._settings, input_tokens, output)
        return Spend(input_tokens + output, cost, round(within_s * 1000), 1)

    def take(self, bundle: EvidenceBundle, need: Spend) -> ModelOutcome | None:
        """Book the call; or the outcome that says why it must not be made."""
        settings = self._settings
        if settings.model_stop:
            return Stopped(reason="the model is switched off (TILLWATCH_MODEL_STOP)")
        capped = settings.model_cost_per_day or settings.model_cost_per_incident
        if capped and not (settings.model_price_input or settings.model_price_output):
            reason = "a cost cap cannot be kept without TILLWATCH_MODEL_PRICE_INPUT and _OUTPUT"
            return BudgetSpent(reason=reason)
        with self._lock:
            if not circuit.allows(self._circuit, self._clock.monotonic_s()):
                reason = "the model failed repeatedly and is left alone for a while"
                return LeftAlone(reason=reason)
            of_day = caps_of_day(settings, moneyed=loses_money(bundle))
            incident_id = bundle.context.incident_id
            why = self._spending.reserve(incident_id, need, caps_of_incident(settings), of_day)
            if why:
                return BudgetSpent(reason=why)
            self._move(Event.TRIED)
        return None

    def give_back(self, bundle: EvidenceBundle, need: Spend, real: Spend, *, worked: bool) -> None:
        """The call is over: `real` is what it cost, `worked` whether a whole response came."""
        self._spending.settle(bundle.context.incident_id, need, real)
        with self._lock:
            self._move(Event.WORKED if worked else Event.FAILED)

    def _move(self, event: Event) -> None:
        self._circuit = circuit.step(self._circuit, event, self._clock.monotonic_s(), self._rule)
        self._tally.circuit = self._circuit.state


def loses_money(bundle: EvidenceBundle) -> bool:
    """True where the account says that the shop loses money in this incident."""
    return any(
        "lost_minor_" in name and isinstance(value, int) and value > 0
        for piece in bundle.evidence
        for name, value in piece.numbers.items()
    )
