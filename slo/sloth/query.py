"""A query with `{{.window}}`: checked by its shape, and filled with a window. Pure.

No parser of PromQL stands here: brackets and quotes must close and the window must occur;
`promtool check rules` has the last word on the rules that come out.
"""

from __future__ import annotations

import re

_TEMPLATE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_WINDOW = re.compile(r"-?\s*\.window\s*-?\Z")
_PAIRS = {")": "(", "]": "[", "}": "{"}
_LONGEST = 16_384


def query_fault(query: str) -> str:
    """Why the query cannot stand; "" where nothing is wrong."""
    if not query.strip():
        return "a query is wanted"
    if len(query) > _LONGEST:
        return f"longer than {_LONGEST} characters"
    inserted = [found.strip() for found in _TEMPLATE.findall(query)]
    strange = next((one for one in inserted if not _WINDOW.match(one)), None)
    if strange is not None:
        return f"only {{{{.window}}}} can be filled in, not {{{{{strange}}}}}"
    if not inserted:
        return "{{.window}} must occur, or every window would give the same number"
    return _unclosed(filled(query, "5m"))


def filled(query: str, window: str) -> str:
    """The query over one window."""
    return _TEMPLATE.sub(lambda _: window, query)


def _unclosed(text: str) -> str:
    waiting: list[str] = []
    quote = ""
    skip = comment = False
    for char in text:
        if comment:
            comment = char != "\n"
        elif quote:
            if skip:
                skip = False
            elif char == "\\" and quote != "`":
                skip = True
            elif char == quote:
                quote = ""
        elif char in "\"'`":
            quote = char
        elif char == "#":
            comment = True
        elif char in _PAIRS.values():
            waiting.append(char)
        elif char in _PAIRS and (not waiting or waiting.pop() != _PAIRS[char]):
            return f"not PromQL: {char!r} closes nothing"
    if quote:
        return f"not PromQL: the quote {quote} is never closed"
    return f"not PromQL: {waiting[-1]!r} is never closed" if waiting else ""
