"""A model's answer, read: strict JSON of exactly the form that was asked for, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kernel import strict_json
from kernel.errors import BadInput
from triage.brief.claims import KINDS, Claim, Ref

MAX_ANSWER_BYTES = 32_768
MAX_CLAIMS = 8
MAX_IDS = 6
MAX_REFS = 12
MAX_QUERIES = 3
# All that a model may ask for: each reads, none takes a text of the model's.
QUERIES = ("breakdown_by", "traffic_of", "logs_of", "changes_of", "traces_of")

_TEXT: dict[str, Any] = {"type": "string"}


def _closed(**properties: Any) -> dict[str, Any]:
    """An object with exactly these properties."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


ANSWER_SCHEMA: dict[str, Any] = _closed(
    claims=_list(
        _closed(
            kind={"type": "string", "enum": list(KINDS)},
            text=_TEXT,
            evidence_ids=_list(_TEXT),
            refs=_list(_closed(said=_TEXT, evidence_id=_TEXT, field=_TEXT)),
        )
    ),
    queries=_list(
        _closed(
            query={"type": "string", "enum": list(QUERIES)},
            evidence_id=_TEXT,
            field=_TEXT,
        )
    ),
    suggestion={"anyOf": [{"type": "null"}, _closed(runbook_id=_TEXT, step_id=_TEXT)]},
)


@dataclass(frozen=True)
class Query:
    """A wish for more evidence: a query of the list, and where its parameter stands."""

    query: str
    evidence_id: str
    field: str


@dataclass(frozen=True)
class Answer:
    """A model's answer whose form is right; nothing in it is believed yet."""

    claims: tuple[Claim, ...]
    queries: tuple[Query, ...] = ()
    runbook_id: str = ""
    step_id: str = ""


def parse_answer(text: str) -> Answer:
    """Read the JSON that was asked for. Raises BadInput for anything else, extra keys included."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_ANSWER_BYTES:
        raise BadInput("the answer is too long")
    body = _object(strict_json.loads(text, max_depth=8), "claims queries suggestion", "$")
    claims = tuple(
        _claim(one, f"$.claims[{n}]")
        for n, one in enumerate(_items(body["claims"], MAX_CLAIMS, "$.claims"))
    )
    queries = tuple(
        _query(one, f"$.queries[{n}]")
        for n, one in enumerate(_items(body["queries"], MAX_QUERIES, "$.queries"))
    )
    if body["suggestion"] is None:
        return Answer(claims, queries)
    step = _texts(body["suggestion"], "runbook_id step_id", "$.suggestion")
    return Answer(claims, queries, step["runbook_id"], step["step_id"])


def _claim(value: Any, path: str) -> Claim:
    body = _object(value, "kind text evidence_ids refs", path)
    ids = _items(body["evidence_ids"], MAX_IDS, f"{path}.evidence_ids")
    if not all(isinstance(one, str) for one in [*ids, body["text"], body["kind"]]):
        raise BadInput("kind, text and evidence ids must be strings", path=path)
    if body["kind"] not in KINDS:
        raise BadInput(f"kind must be one of {', '.join(KINDS)}", path=f"{path}.kind")
    refs = tuple(
        Ref(**_texts(one, "said evidence_id field", f"{path}.refs[{n}]"))
        for n, one in enumerate(_items(body["refs"], MAX_REFS, f"{path}.refs"))
    )
    return Claim(body["text"], tuple(ids), body["kind"], refs)


def _query(value: Any, path: str) -> Query:
    body = _texts(value, "query evidence_id field", path)
    if body["query"] not in QUERIES:
        raise BadInput(f"query must be one of {', '.join(QUERIES)}", path=f"{path}.query")
    return Query(**body)


def _items(value: Any, most: int, path: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise BadInput(f"must be a list of at most {most}", path=path)
    return value


def _texts(value: Any, keys: str, path: str) -> dict[str, str]:
    body = _object(value, keys, path)
    if not all(isinstance(one, str) for one in body.values()):
        raise BadInput("all values must be strings", path=path)
    return body


def _object(value: Any, keys: str, path: str) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != set(keys.split()):
        raise BadInput(f"must be an object with exactly {', '.join(keys.split())}", path=path)
    return value
