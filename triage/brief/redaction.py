"""What of the evidence a model may see: code's own words and figures; all else as tokens.

Telemetry is written by strangers (a user agent, a search term, a commit message) and by senders who
may be led by them. So no text of theirs leaves, whatever it looks like: a value stays as it is only
if it is made of a few words of a closed list, or is a name from this installation's own files.
Everything else is a token, `SERVICE_2`, `VALUE_1`, `TEXT_3`, which code turns back where people
read. Nothing is deleted silently: what cannot be shown is marked with a hash of the raw text.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from slo.objective import Objective
from triage.brief.vocabulary import COUNTRIES, CURRENCIES, VALUE_WORDS
from triage.evidence.changes import Relation
from triage.evidence.evidence import Evidence, EvidenceBundle, Number, Verdict

MAX_PLAIN = 40
MAX_SHOWN = 60
_MAX_RAW = 2_000
_MAX_WORDS = 3
# What code says in several words; by the enumerations that say it.
_PHRASES = frozenset(
    {*map(str, Relation), *map(str, Verdict), "missing parent", "duplicate span id"}
)
_SLUG = re.compile(r"[A-Za-z0-9]+(?:[-_.][A-Za-z0-9]+)*\Z")
_JOINT = re.compile(r"[-_.]")
_SMALL_FLOAT = re.compile(r"\d\.\de[-+]\d{2,3}\Z")
# A name that code gives to a number; names that senders give have a dot (`attributes.promo`).
_KEY = re.compile(r"[a-z][a-z0-9]{0,19}(?:_[a-z0-9]{1,15}){0,5}(?:_[A-Z]{3})?\Z")
_GIVEN = re.compile(r"(?P<also>also_)?(?P<name>.+?)(?P<place>_\d{1,3})?(?P<what>_count|_share)?\Z")
_LEFT_OUT = re.compile(r"(?:trace_\d+|score|tested)\Z")
_LISTS = frozenset({"segment", "best"})
_ONE_WORD = re.compile(r"[^\s\"'<>`@]{1,48}\Z")
_TOKEN = re.compile(r"\b[A-Z]{2,12}_\d{1,4}\b")
_ADDRESS = re.compile(
    r"://|\bwww\.|\]\(|\b[a-z0-9-]+\.(?:com|net|org|io|dev|app|xyz|ru|cn|co|de|eu|ly|me)\b(?!\.\w)",
    re.IGNORECASE,
)
# What gives a text a form, calls somebody or makes a picture in a chat.
_FORMS = str.maketrans({"<": "\u2039", ">": "\u203a", "`": "'", "*": "\u2217", "~": "-", "|": "/"})
_EMOJI = re.compile(r":(?=[\w+-]+:)")
_NO_SORT = frozenset({"TEXT", "KIND", "ID", "NAME"})


def is_plain(value: str, known: frozenset[str] = frozenset()) -> bool:
    """True for what may leave as it is: words of the closed list, or a name of our own files."""
    if value in known or value in _PHRASES or value in COUNTRIES or value in CURRENCIES:
        return True
    if _SMALL_FLOAT.match(value):
        return True
    if len(value) > MAX_PLAIN or _SLUG.match(value) is None:
        return False
    words = _JOINT.split(value)
    figures = [word for word in words if word.isdigit()]
    if len(figures) > 1 or any(len(word) > 2 for word in figures):
        return False
    named = [word for word in words if not word.isdigit()]
    return 0 < len(named) <= _MAX_WORDS and all(word.lower() in VALUE_WORDS for word in named)


def names_of(objectives: Iterable[Objective]) -> frozenset[str]:
    """Names that this installation's own files use: objectives, services, values they count by."""
    names: set[str] = set()
    for one in objectives:
        names |= {one.id, one.service}
        for values in one.indicator.total.where.values():
            names |= values
    return frozenset(name for name in names if _SLUG.match(name) and len(name) <= MAX_PLAIN)


@dataclass
class Redacted:
    """The evidence table for the model, and the way back from tokens to words.

    `pieces` carry the ids of this one question; `origin` leads from them to the stored ids.
    """

    known: frozenset[str] = frozenset()
    pieces: list[Evidence] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)
    origin: dict[str, str] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)

    def token(self, value: str, sort: str = "TEXT") -> str:
        """The token that stands for this text, the same for the same text."""
        if (found := self._tokens.get(value)) is not None:
            return found
        number = 1 + sum(known.startswith(f"{sort}_") for known in self.words)
        token = f"{sort}_{number}"
        self.words[token] = value
        self._tokens[value] = token
        return token

    def safe(self, value: str, key: str = "") -> str:
        """The value itself where it is plain, else its token; `key` tells the sort of thing."""
        return value if is_plain(value, self.known) else self.token(value, _sort(key, value))

    def restore(self, text: str) -> str:
        """Put the words back, in a form that people can be shown."""
        known: dict[str, str] = {}

        def word(match: re.Match[str]) -> str:
            token = match.group()
            if token not in known:
                known[token] = shown(self.words[token]) if token in self.words else token
            return known[token]

        return _TOKEN.sub(word, text)

    def by_id(self, evidence_id: str) -> Evidence | None:
        """The redacted piece with this id."""
        return next((piece for piece in self.pieces if piece.id == evidence_id), None)

    def digests(self) -> dict[str, str]:
        """Token -> SHA-256 of the raw text: what the audit keeps of the way back."""
        return {token: _sha256(raw) for token, raw in self.words.items()}


def shown(raw: str) -> str:
    """A stranger's text where people read: short, without form, call or address.

    One word stands as it is, more stand in quotes; whatever was changed is marked with its hash.
    """
    one_line = " ".join(raw[:_MAX_RAW].split())
    folded = unicodedata.normalize("NFKC", one_line)
    clean = "".join(char for char in folded if char.isprintable() and not _is_hidden(char))
    if _ADDRESS.search(clean):
        return f"[text withheld, sha256 {_sha256(raw)[:12]}]"
    clean = _EMOJI.sub(" ", clean.translate(_FORMS)).replace("@", "(at)")
    mark = "" if clean == one_line else f" (cleaned, sha256 {_sha256(raw)[:12]})"
    if not mark and _ONE_WORD.match(clean):
        return clean
    cut = clean if len(clean) <= MAX_SHOWN else f"{clean[:MAX_SHOWN]}..."
    return f'"{cut}"{mark}'


def redact(
    bundle: EvidenceBundle,
    known: frozenset[str] = frozenset(),
    alias: Callable[[str], str] = lambda evidence_id: evidence_id,
) -> Redacted:
    """The table that is sent; claims are checked against it, so a token is a name like any other.

    `known`: names from this installation's own files. `alias` gives each piece its id for this
    question.
    """
    found = Redacted(known)
    add(found, bundle.evidence, alias)
    return found


def add(found: Redacted, pieces: Iterable[Evidence], alias: Callable[[str], str]) -> None:
    """Put more pieces into a table; what has a token already keeps it."""
    for piece in pieces:
        name = alias(piece.id)
        found.origin[name] = piece.id
        found.pieces.append(
            Evidence(
                id=name,
                kind=piece.kind if _KEY.match(piece.kind) else found.token(piece.kind),
                summary="",
                numbers=_numbers(piece.numbers, found),
                query="",
                from_us=piece.from_us,
                to_us=piece.to_us,
                sha256=piece.sha256,
            )
        )


def _numbers(numbers: Mapping[str, Number], found: Redacted) -> dict[str, Number]:
    safe: dict[str, Number] = {}
    for name, value in numbers.items():
        if _LEFT_OUT.match(name):
            continue
        key = _key(name, found)
        if not isinstance(value, str):
            safe[key] = value
        elif name in _LISTS:
            safe[key] = ", ".join(_part(part, found) for part in value.split(", "))
        elif value:
            safe[key] = found.safe(value, name)
    return safe


def _key(name: str, found: Redacted) -> str:
    if _KEY.match(name):
        return name
    match = _GIVEN.match(name)
    if match is None:
        return found.token(name, "FIELD")
    return (
        f"{match['also'] or ''}{found.token(match['name'], 'FIELD')}"
        f"{match['place'] or ''}{match['what'] or ''}"
    )


def _part(part: str, found: Redacted) -> str:
    name, equals, value = part.partition("=")
    if not equals:
        return found.safe(part)
    return f"{_key(name, found)}={found.safe(value, name)}"


def _sort(key: str, value: str) -> str:
    """`SERVICE` for a name under `error_service` or `service_2`; `TEXT` for anything longer."""
    if not _SLUG.match(value) or len(value) > MAX_PLAIN:
        return "TEXT"
    if "." in key or not _KEY.match(key):
        return "VALUE"
    words = [word for word in key.split("_") if word.isalpha()]
    sort = words[-1].upper()[:12] if words else "VALUE"
    return "VALUE" if sort in _NO_SORT or len(sort) < 2 else sort


def _is_hidden(char: str) -> bool:
    """Without width, or turning the direction of a text."""
    return unicodedata.category(char) in {"Cf", "Cc", "Cs", "Co"}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
