"""The last look at what would leave: anything that should not be there means that nobody is asked.

By construction the table holds code's words, figures and tokens only. This gate does not know how
it was made: it reads every text of the document as a stranger would, also behind other scripts,
characters without width and base64, and joined with its neighbours. It fails closed.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from collector.redaction.lookalikes import folded
from collector.redaction.redactor import Redactor

MAX_LEAF = 160
_FAULTS = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z\Z")
_LONG_NUMBER = re.compile(r"\d(?:[ .-]?\d){8,}")
_ADDRESS = re.compile(r"://|\bwww\.|@", re.IGNORECASE)
# Looks only: what it would mask must not leave. The key makes tokens that nobody sees.
_DETECTOR = Redactor(b"only looks, keeps nothing")


def suspicion(document: Any, withheld: Mapping[str, str]) -> str:
    """Why the document must not be sent; "" where nothing speaks against it.

    `withheld`: token -> raw text that must not be in it.
    """
    try:
        leaves = [leaf for leaf in _leaves(document) if not _TIME.match(leaf)]
        for leaf in leaves:
            if why := _fault_of(leaf):
                return why
        if why := _secret_in(" ".join(leaves)) or _secret_in("".join(_short(leaves))):
            return f"{why} over several fields"
        return _leak(leaves, withheld)
    except _FAULTS as fault:
        return f"the check itself failed ({type(fault).__name__})"


def _leaves(document: Any) -> Iterator[str]:
    """Every text of a JSON document, names of fields included."""
    waiting = [document]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            yield node
        elif isinstance(node, Mapping):
            waiting.extend(reversed([*node, *node.values()]))
        elif isinstance(node, list | tuple):
            waiting.extend(reversed(node))
        elif isinstance(node, int) and abs(node) >= 10**12:
            yield str(node)


def _short(leaves: list[str]) -> Iterator[str]:
    """Texts in which part of a number could hide: few characters, some of them digits."""
    return (leaf for leaf in leaves if len(leaf) <= 12 and any(char.isdigit() for char in leaf))


def _fault_of(leaf: str) -> str:
    if len(leaf) > MAX_LEAF:
        return "a text is too long"
    if not leaf.isascii() or not leaf.isprintable():
        return "a text holds characters that no word of ours has"
    if _ADDRESS.search(leaf):
        return "a text holds an address"
    if _LONG_NUMBER.search(leaf):
        return "a text holds a long number"
    if why := _secret_in(leaf):
        return why
    for run in _BASE64.findall(leaf):
        if why := _secret_in(_decoded(run)):
            return f"{why} in base64"
    return ""


def _secret_in(text: str) -> str:
    plain = folded(unicodedata.normalize("NFKC", text))
    return "a text looks personal or secret" if _DETECTOR.text(plain) != plain else ""


def _decoded(run: str) -> str:
    padded = run.rstrip("=").replace("-", "+").replace("_", "/")
    padded += "=" * (-len(padded) % 4)
    try:
        return base64.b64decode(padded).decode("utf-8", "ignore")
    except (binascii.Error, ValueError):
        return ""


def _leak(leaves: list[str], withheld: Mapping[str, str]) -> str:
    """A withheld text that is there in plain. Plain words are passed over: code uses them too."""
    joined = "\n".join(leaves).casefold()
    for token, raw in withheld.items():
        low = raw.casefold()
        if len(low) < 6 or low.replace("_", "").isalpha():
            continue
        if re.search(rf"(?<![\w.-]){re.escape(low)}(?![\w.-])", joined):
            return f"the text withheld as {token} is there in plain"
    return ""
