"""Finding bank account numbers (IBAN, ISO 13616) in text: country, its length, and check digits."""

from __future__ import annotations

import re
from typing import Final

# Lengths after the SWIFT registry of IBAN formats.
_LENGTHS = {
    15: "NO",
    16: "BE",
    18: "DK FI FO GL NL",
    19: "MK SI",
    20: "AT BA EE KZ LT LU XK",
    21: "CH CR HR LI LV",
    22: "BG BH DE GB GE IE ME RS VA",
    23: "AE GI IL IQ OM TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HU LB NI PL SV",
    29: "BR EG PS QA UA",
    30: "JO KW MU",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
_LENGTH_OF = {country: size for size, names in _LENGTHS.items() for country in names.split()}
# For the sieve: how each of them begins, in one piece or in groups of four.
SIGN: Final = r"[A-Z]{2}[0-9]{2}[ \-]?[A-Z0-9]{4}[ \-]?[A-Z0-9]{4}"
_CANDIDATE = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?:[ \-]?[A-Z0-9]){11,29}(?![A-Za-z0-9])")


def mask_ibans(text: str) -> str:
    """`text` with `[iban]` for each account number."""
    return _CANDIDATE.sub(_masked, text)


def _masked(match: re.Match[str]) -> str:
    """The number itself may be followed by words in capitals: its country tells its length."""
    written = match[0]
    size = _LENGTH_OF.get(written[:2], 0)
    end = _end_of(written, size)
    if not size or end is None or (end < len(written) and written[end].isalnum()):
        return written
    return f"[iban]{written[end:]}" if _is_valid(written[:end]) else written


def _end_of(written: str, size: int) -> int | None:
    """Index behind the character with which `size` of them are reached."""
    seen = 0
    for index, char in enumerate(written):
        seen += char.isalnum()
        if seen == size:
            return index + 1
    return None


def _is_valid(written: str) -> bool:
    """ISO 7064 MOD 97-10 over the number with its first four characters at the end."""
    plain = "".join(char for char in written if char.isalnum())
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1
