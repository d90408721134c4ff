"""The words that a text or a piece of code speaks of. Pure."""

from __future__ import annotations

import re

_SPLIT = re.compile(r"[A-Z]?[a-z]{2,}|[A-Z]{2,}(?![a-z])|\d{3}")
# Words of every program and every commit: they tell nothing about what is spoken of.
_COMMON_WORDS = """
the and for with from into this that not nil null none err error errors failed return func
function if else string int ctx context http https get set new add use make feat fix chore
refactor docs test tests service services server client request requests response handler
internal pkg src main code rpc desc type struct var const let bool true false public private
static final void import package file line lines value values name names data item items object
key per after before above below under over sec ratio total count rate percent pct seconds
milliseconds class def self async await export default
"""
_COMMON = frozenset(_COMMON_WORDS.split())


def words_of(text: str) -> set[str]:
    """The meaningful words of a text: identifiers split, lower case, common ones left out."""
    return {low for word in _SPLIT.findall(text) if (low := word.lower()) not in _COMMON}
