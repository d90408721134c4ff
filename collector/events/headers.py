"""CloudEvents in binary mode: attributes stand in `ce-` headers (HTTP binding section 3.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from kernel.errors import BadInput

PREFIX = "ce-"
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
_BENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def is_binary(headers: Mapping[str, str]) -> bool:
    """True where any attribute stands in a header. `headers` have lower-case names."""
    return any(name.startswith(PREFIX) for name in headers)


def attributes_of(headers: Mapping[str, str]) -> dict[str, str]:
    """The attributes that the headers hold. Raises BadInput with the header's name as path."""
    for name, why in (
        ("ce-datacontenttype", "the type of the data belongs into Content-Type"),
        ("ce-data", "data belongs into the body"),
        ("ce-data_base64", "data belongs into the body"),
    ):
        if name in headers:
            raise BadInput(why, path=name)
    return {
        name.removeprefix(PREFIX): header_value(value, name)
        for name, value in headers.items()
        if name.startswith(PREFIX)
    }


def header_value(value: str, name: str) -> str:
    """What a header says: unquoted, then percent-decoded exactly once, strictly as UTF-8.

    `value` holds one character for each byte that came (Latin-1, as HTTP hands it over).
    """
    plain = _QUOTED.sub(lambda part: _ESCAPED.sub(r"\1", part[1]), value.strip())
    if _BENT.search(plain):
        raise BadInput("a % is not followed by two hex digits", path=name, hint="write it as %25")
    try:
        return unquote_to_bytes(plain.encode("latin-1")).decode("utf-8")
    except UnicodeError:
        raise BadInput("a header is not percent-encoded UTF-8", path=name) from None
