r"""Secrets that stand in free text: tokens known by their shape, and values behind a telling name.

Shapes after the vendors' documentation and the public rule sets of gitleaks and TruffleHog. What
is looked for in whole bodies by the sieve is built from the same constants, without what only
makes a pattern exact (boundaries, what a value looks like), so that it cannot miss what is masked
here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from collector.redaction.pan import is_pan

# A word begins here, or an escape that JSON wrote (`\n`) ends.
_START = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"


@dataclass(frozen=True)
class Shape:
    """`pattern` is read by `re` and by the sieve's engine alike; `start`: a word begins with it."""

    kind: str
    pattern: str
    start: bool = False

    @property
    def sign(self) -> str:
        """How it begins: up to the first part without an end."""
        head, more, _ = self.pattern.partition(",}")
        return f"{head}}}" if more else head


TOKENS: Final = (
    Shape("aws", r"A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16}"),
    Shape("github", r"gh[pousr]_[A-Za-z0-9]{20,}"),
    Shape("github", r"github_pat_[A-Za-z0-9_]{20,}"),
    Shape("gitlab", r"gl(?:pat|dt|rt|cbt|ptt|ft|soat|imt|agent)-[A-Za-z0-9_.\-]{20,}"),
    Shape("slack", r"xox[abeprs]-[A-Za-z0-9\-]{10,}"),
    Shape("slack", r"xapp-[A-Za-z0-9\-]{10,}"),
    Shape("slack", r"hooks\.slack\.com/[a-z]{4,12}/[A-Za-z0-9/_\-]{20,}"),
    Shape("stripe", r"[sr]k_(?:live|test)_[A-Za-z0-9]{10,}"),
    Shape("webhook", r"whsec_[A-Za-z0-9+/=_\-]{16,}"),
    Shape("google", r"AIza[A-Za-z0-9_\-]{30,}"),
    Shape("google", r"ya29\.[A-Za-z0-9_\-]{20,}"),
    Shape("azure", r"[?&;]sig=[A-Za-z0-9%+/=_\-]{20,}"),
    Shape("jwt", r"eyJ[A-Za-z0-9_\-]{10,}(?:\.[A-Za-z0-9_\-]{1,})*"),
    Shape("npm", r"npm_[A-Za-z0-9]{20,}"),
    Shape("pypi", r"pypi-[A-Za-z0-9_\-]{30,}"),
    Shape("docker", r"dckr_[po]at_[A-Za-z0-9_\-]{20,}"),
    Shape("twilio", r"SK[0-9a-f]{32}", start=True),
    Shape("sendgrid", r"SG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}"),
    Shape("model", r"sk-[A-Za-z0-9_\-]{20,}", start=True),
    Shape("telegram", r"[0-9]{8,10}:AA[A-Za-z0-9_\-]{30,}"),
    Shape("square", r"EAAA[A-Za-z0-9_\-]{40,}"),
    Shape("square", r"sq0[a-z]{3}-[A-Za-z0-9_\-]{20,}"),
    Shape("shopify", r"shp(?:at|ss|ca|pa|ua)_[0-9A-Fa-f]{20,}"),
    Shape("newrelic", r"NRAK-[A-Z0-9]{20,}"),
    Shape("newrelic", r"[0-9a-f]{30,40}NRAL"),
    Shape("huggingface", r"hf_[A-Za-z0-9]{30,}", start=True),
    Shape("digitalocean", r"dop_v1_[0-9a-f]{40,}"),
    Shape("tillwatch", r"tw_[A-Za-z0-9]{40,}", start=True),
)
KEY_BLOCK: Final = r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY"
_STRONG = (
    r"pass(?:word|wd|phrase)|pwd|secret|(?:api|access|account|signing|private)[ _\-]?key"
    r"|sharedaccesskey|credential"
)
_WEAK = r"token|sessionid|sessid|session|sid|auth"
_BETWEEN = r"[\"'\\\s]{0,8}[=:][\"'\\\s]{0,8}"
_VALUE = r"[^\s\"'\\&;,<>()\[\]{}]"
# Behind a card number on a magnetic stripe: name, expiry, service code, discretionary data.
_TRACK_1 = r"B[0-9]{13,19}\^"
_USERINFO = r"://[^/\x00-\x20:@\"'<>]{0,128}:[^/\x00-\x20@\"'<>]{1,256}@"
# For the sieve, in any case: a name and what assigns to it, and what may hold more. In JSON a
# quote, a slash or a line's end may have a backslash before it, and stands as a letter.
_WRITTEN = r"[\"'\\\s nrtbf]{0,32}[=:]"
SIGNS: Final = (
    f"(?:{_STRONG}|{_WEAK}){_WRITTEN}",
    r"(?:basic|bearer) {1,4}[A-Za-z0-9._~+/=\\\-]{8}",
    r"cookie[\"'\\ ]{0,16}[:=]",
    r":\\{0,2}/\\{0,2}/[^\x00-\x20@]{1,800}@",
    _TRACK_1,
)
# And exactly so; a class with a slash in it may be interrupted by backslashes in JSON.
TOKEN_SIGNS: Final = (
    *(shape.sign for shape in TOKENS if "/" not in shape.pattern),
    r"hooks\.slack\.com",
    r"whsec_",
    r"[?&;]sig=",
    KEY_BLOCK,
)

_IS_TOKEN = re.compile(
    "|".join(
        f"(?P<k{place}>{_START if shape.start else ''}(?:{shape.pattern}))"
        for place, shape in enumerate(TOKENS)
    )
)
# It ends at its last line, or where the text was cut off.
_IS_KEY = re.compile(KEY_BLOCK + r".*?(?:-----END [A-Z ]{0,40}PRIVATE KEY(?:-----)?|\Z)", re.DOTALL)
_IS_USERINFO = re.compile(_USERINFO)
_IS_SCHEME = re.compile(
    r"(?<![A-Za-z0-9])((?:basic|bearer) {1,4})([A-Za-z0-9._~+/=\-]{8,})", re.IGNORECASE
)
_IS_COOKIE = re.compile(
    r"(cookie[\"'\\]{0,6} {0,2}[:=][ \"'\\]{0,8})([^\r\n\"'\\\[]{4,})", re.IGNORECASE
)
_IS_NAMED = re.compile(
    f"((?:(?P<strong>{_STRONG})|{_WEAK}){_BETWEEN})({_VALUE}{{4,}})", re.IGNORECASE
)
_IS_TRACK = re.compile(
    rf"%?{_TRACK_1}[^\^]{{2,40}}\^[0-9]{{4,}}[^?\s]*\??"
    r"|;?(?<![0-9A-Za-z])([0-9]{13,19})[=D][0-9]{7,}\??"
)
_DIGIT = re.compile(r"[0-9]")


def mask_secrets(text: str) -> str:
    """`text` with `[masked:<kind>]` in the place of each secret. Masking twice changes nothing."""
    if "-----BEGIN" in text:
        text = _IS_KEY.sub("[masked:key]", text)
    text = _IS_TOKEN.sub(_token, text)
    if "://" in text:
        text = _IS_USERINFO.sub("://[masked:userinfo]@", text)
    text = _IS_SCHEME.sub(_scheme, text)
    text = _IS_COOKIE.sub(r"\1[masked:cookie]", text)
    text = _IS_NAMED.sub(_named, text)
    return _IS_TRACK.sub(_track, text)


def _token(match: re.Match[str]) -> str:
    place = int(str(match.lastgroup)[1:])
    return f"[masked:{TOKENS[place].kind}]"


def _scheme(match: re.Match[str]) -> str:
    """A word behind `basic` or `bearer` is a word: credentials hold digits or mixed case."""
    value = match[2]
    is_word = value.isalpha() and (value.islower() or value[1:].islower() or value.isupper())
    return match[0] if is_word else f"{match[1]}[masked:authorization]"


def _named(match: re.Match[str]) -> str:
    """`password=` says enough; behind `token=` a secret is long and holds a digit."""
    value = match[match.lastindex or 0]
    if not match["strong"] and (len(value) < 16 or not _DIGIT.search(value)):
        return match[0]
    return f"{match[1]}[masked:named]"


def _track(match: re.Match[str]) -> str:
    return match[0] if match[1] and not is_pan(match[1]) else "[masked:track]"
