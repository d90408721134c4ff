"""What the service's envelope holds, for both APIs. Pure; strict JSON only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kernel import strict_json
from kernel.errors import BadInput

_MAX_TOKENS = 1 << 31  # a service that tells more has made it up


@dataclass(frozen=True)
class Reply:
    """What the service's envelope holds. `text` is the answer, `refusal` the model's no."""

    text: str = ""
    refusal: str = ""
    finish: str = ""
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0


def read_reply(body: bytes, api: str) -> Reply:
    """Read the envelope. Raises BadInput where it is none."""
    value = strict_json.loads(body)
    if not isinstance(value, dict):
        raise BadInput("the response is not an object")
    reply = _read_chat(value) if api == "chat" else _read_responses(value)
    usage = value.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    spent = [
        next((usage[key] for key in keys if type(usage.get(key)) is int and usage[key] >= 0), 0)
        for keys in (("input_tokens", "prompt_tokens"), ("output_tokens", "completion_tokens"))
    ]
    model = value.get("model")
    return Reply(
        text=reply.text,
        refusal=reply.refusal,
        finish=reply.finish,
        model=model[:100] if isinstance(model, str) else "",
        input_tokens=min(spent[0], _MAX_TOKENS),
        output_tokens=min(spent[1], _MAX_TOKENS),
    )


def _read_responses(value: dict[str, Any]) -> Reply:
    texts, refusals = [], []
    output = value.get("output")
    for item in output if isinstance(output, list) else []:
        if not isinstance(item, dict) or item.get("type") != "message":
            continue
        content = item.get("content")
        for part in content if isinstance(content, list) else []:
            if not isinstance(part, dict):
                continue
            if part.get("type") == "output_text" and isinstance(part.get("text"), str):
                texts.append(part["text"])
            if part.get("type") == "refusal":
                refusals.append(str(part.get("refusal", "")))
    status = value.get("status")
    return Reply(
        text="".join(texts),
        refusal=" ".join(refusals)[:500] or ("refused" if refusals else ""),
        finish=status[:40] if isinstance(status, str) else "",
    )


def _read_chat(value: dict[str, Any]) -> Reply:
    choices = value.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    if not isinstance(message, dict):
        raise BadInput("the response holds no message")
    content, refusal = message.get("content"), message.get("refusal")
    finish = first.get("finish_reason") if isinstance(first, dict) else ""
    filtered = finish == "content_filter"
    return Reply(
        text=content if isinstance(content, str) else "",
        refusal=refusal[:500] if isinstance(refusal, str) else "filtered" if filtered else "",
        finish=finish[:40] if isinstance(finish, str) else "",
    )
