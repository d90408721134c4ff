"""The one door to a model's service: sends one question, within its time; believes nothing.

No tool is ever offered to the model: a request holds a prompt, a document and the form of answers.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import httpx2
from openai import APIStatusError, APITimeoutError, OpenAI, OpenAIError

from kernel.errors import TillwatchError
from triage.model.outcome import Failed, ModelOutcome, TimedOut
from triage.model.reading import ANSWER_SCHEMA
from triage.model.settings import ModelSettings
from triage.model.wire import Wire

_FAULTS = (OpenAIError, httpx2.HTTPError, httpx2.StreamError, TillwatchError)
_BROKEN = (OSError, ValueError, RuntimeError, TypeError, RecursionError)


@dataclass(frozen=True)
class Exchange:
    """The bytes that were sent and came back; `failure` where no whole response came."""

    sent: bytes
    received: bytes
    tries: int
    failure: ModelOutcome | None = None


class ModelClient:
    """Thread-safe. `ask` never raises for anything that a model or its service does."""

    def __init__(
        self, settings: ModelSettings, transport: httpx2.BaseTransport | None = None
    ) -> None:
        """`transport` replaces the network (proxies, tests)."""
        self._settings = settings
        self._transport = transport

    def ask(self, prompt: str, text: str, within_s: float) -> Exchange:
        """Send in a thread of its own and wait no longer than `within_s`.

        The thread is a daemon: a service that hangs delays neither the brief nor the end of the
        process. It ends by its own read timeout at the latest.
        """
        wire = Wire(self._transport or httpx2.HTTPTransport(retries=0))
        done: Future[None] = Future()

        def send() -> None:
            try:
                self._send(prompt, text, wire, within_s)
            except (*_FAULTS, *_BROKEN) as fault:
                done.set_exception(fault)
            else:
                done.set_result(None)

        threading.Thread(target=send, name="model", daemon=True).start()
        failure: ModelOutcome | None = None
        try:
            done.result(timeout=within_s)
        except (TimeoutError, APITimeoutError):
            wire.stop.set()
            failure = TimedOut(reason=f"no whole answer within {within_s:g} s")
        except APIStatusError as fault:
            failure = Failed(reason=f"the model service answered {fault.status_code}")
        except (*_FAULTS, *_BROKEN) as fault:
            kind = type(fault).__name__
            failure = Failed(reason=f"the model service could not be used: {kind}")
        return Exchange(wire.sent, wire.received, wire.tries, failure)

    def _send(self, prompt: str, text: str, wire: Wire, within_s: float) -> None:
        settings = self._settings
        timeout = httpx2.Timeout(within_s)
        with (
            httpx2.Client(
                transport=wire, timeout=timeout, headers={"accept-encoding": "identity"}
            ) as http,
            OpenAI(
                api_key=settings.openai_api_key.get_secret_value(),
                base_url=settings.openai_base_url or None,
                timeout=timeout,
                max_retries=settings.model_max_retries,
                http_client=http,
            ) as client,
        ):
            if settings.model_api == "chat":
                self._send_chat(client, prompt, text)
            else:
                self._send_responses(client, prompt, text)

    def _send_responses(self, client: OpenAI, prompt: str, text: str) -> None:
        form: Any = {
            "type": "json_schema",
            "name": "brief",
            "strict": True,
            "schema": ANSWER_SCHEMA,
        }
        client.responses.with_raw_response.create(
            model=self._settings.model,
            instructions=prompt,
            input=text,
            text={"format": form},
            max_output_tokens=self._settings.model_max_output_tokens,
            store=False,
        )

    def _send_chat(self, client: OpenAI, prompt: str, text: str) -> None:
        form: Any = {
            "type": "json_schema",
            "json_schema": {"name": "brief", "strict": True, "schema": ANSWER_SCHEMA},
        }
        client.chat.completions.with_raw_response.create(
            model=self._settings.model,
            messages=[{"role": "system", "content": prompt}, {"role": "user", "content": text}],
            response_format=form,
            max_completion_tokens=self._settings.model_max_output_tokens,
        )
