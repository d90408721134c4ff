r"""What may be stored of a post that is no JSON: a page must not be lost, nor tell a secret.

Nobody can say what such a body means, but people and programs write the same few forms into it:
texts in quotes, `"name": "value"`, `name=value`. What looks like one is judged like one, each by
itself, so that a text without an end takes nothing behind it along.
"""

from __future__ import annotations

import json
import re

from collector.redaction import Redactor
from collector.redaction.redactor import DROPPED
from kernel.strict_json import unescaped

_PAIR = re.compile(
    r"""(?P<head>(?P<q>["'])(?P<key>(?:(?!(?P=q))[^\\]|\\.){1,256})(?P=q)\s{0,8}:\s{0,8})"""
    r"""(?:(?P<v>["'])(?P<text>(?:(?!(?P=v))[^\\]|\\.)*)(?:(?P=v)|\Z)|(?P<number>[0-9]+))"""
    r"""|(?<![\w.\-])(?P<name>[\w.\-]{1,128})=(?P<plain>[^&;,\s"']+"""
    # Further words belong to it: `authorization=Basic aGk=`.
    r"""(?: [^&;,\s"'=]+={0,2}(?=[&;,\s"']|\Z))*)""",
    re.DOTALL,
)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\Z)', re.DOTALL)


def mask(body: bytes, redactor: Redactor) -> bytes:
    """The body as it came where nothing is to mask and it is UTF-8.

    Of other encodings what reads as UTF-8 is kept: zeros between letters would hide words.
    """
    text = body.decode("utf-8", "replace").replace("\0", "")
    masked = _PAIR.sub(lambda match: _pair(match, redactor), text)
    masked = _strings(masked, redactor)
    return masked.encode()


def _pair(match: re.Match[str], redactor: Redactor) -> str:
    """The pair with a value that may be stored; as it was where nothing is to mask."""
    if match["name"]:
        judged = redactor.value(match["name"], match["plain"])
        return match[0] if judged == match["plain"] else f"{match['name']}={_said(judged)}"
    key = unescaped(match["key"])
    value = match["number"] if match["text"] is None else unescaped(match["text"])
    judged = redactor.value(key, value)
    if judged == value:
        return match[0]
    return match["head"] + json.dumps(_said(judged), ensure_ascii=False)


def _said(judged: object) -> str:
    return "[dropped]" if judged is DROPPED else str(judged)


def _strings(text: str, redactor: Redactor) -> str:
    """Each text in quotes by itself, and what stands between them."""
    found: list[str] = []
    at = 0
    for string in _STRING.finditer(text):
        found.append(redactor.text(text[at : string.start()]))
        plain = unescaped(string[0].strip('"'))
        masked = redactor.text(plain)
        found.append(string[0] if masked == plain else json.dumps(masked, ensure_ascii=False))
        at = string.end()
    return "".join([*found, redactor.text(text[at:])])
