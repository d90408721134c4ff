"""Characters that stand for others: digits of other scripts, wide letters, dashes.

Those without width stand for nothing. `FOLDING` are UTF-8 patterns of every character that
unfolding turns into something with ASCII in it, or takes away; a test derives the same set from
the Unicode tables.
"""

from __future__ import annotations

import unicodedata
from typing import Final

# Dashes that NFKC leaves alone, and characters without width that could split a number.
_MORE = {
    **dict.fromkeys([0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2212], "-"),
    **dict.fromkeys([0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x00AD], None),
}
# Lead byte, then the second bytes; a few characters more than needed share these two bytes.
FOLDING: Final = (
    rb"\xc2[\xa0\xa8\xaa\xad\xaf\xb2-\xb4\xb8-\xba\xbc-\xbe]",
    rb"\xc4[\xb2\xb3\xbf]",
    rb"\xc5[\x80\x89\xbf]",
    rb"\xc7[\x84-\x8c\xb1-\xb3]",
    rb"\xca[\xb0\xb2\xb3\xb7\xb8]",
    rb"\xcb[\x98-\x9d\xa1-\xa3]",
    rb"\xcd[\xba\xbe]",
    rb"\xce[\x84\x85]",
    rb"\xd9[\xa0-\xa9]",
    rb"\xdb[\xb0-\xb9]",
    rb"\xdf[\x80-\x89]",
    rb"\xe0[\xa5\xa7\xa9\xab\xad\xaf\xb1\xb3\xb5\xb7\xb9\xbb\xbc][\x80-\xbf]",
    rb"\xe1[\x81\x82\x8d\x9f\xa0\xa5\xa7\xaa\xad\xae\xb1\xb4-\xb6\xba\xbe\xbf][\x80-\xbf]",
    rb"\xe2[\x80-\x82\x84-\x86\x88\x91-\x93\x9d\x9e\xa9\xb1][\x80-\xbf]",
    rb"\xe3[\x80\x82\x88-\x8b\x8d-\x8f][\x80-\xbf]",
    rb"\xea[\x98\x9f\xa3\xa4\xa7\xa9\xaf][\x80-\xbf]",
    rb"\xef[\xac\xb1\xb7-\xb9\xbb-\xbd\xbf][\x80-\xbf]",
    rb"\xf0[\x90\x91\x96\x9d-\x9f][\x80-\xbf][\x80-\xbf]",
)


def folded(text: str) -> str:
    """`text` with compatibility forms, look-alike dashes and digits of all scripts made plain."""
    text = unicodedata.normalize("NFKC", text).translate(_MORE)
    return "".join(
        str(unicodedata.digit(char)) if char.isdigit() and not char.isascii() else char
        for char in text
    )
