"""Money is integer minor units plus an ISO 4217 code. Floats never hold money."""

from __future__ import annotations

from decimal import Decimal

# Currencies whose minor unit is not 1/100 (ISO 4217, 2024 amendment list).
_EXPONENTS = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
}


def is_currency(code: str) -> bool:
    """True for something shaped like an ISO 4217 alphabetic code."""
    return len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()


def exponent(currency: str) -> int:
    """Digits behind the decimal point of one major unit."""
    return _EXPONENTS.get(currency, 2)


def format_money(amount_minor: int, currency: str) -> str:
    """`1234567, "EUR"` becomes `12,345.67 EUR`."""
    digits = exponent(currency)
    return f"{Decimal(amount_minor).scaleb(-digits):,.{digits}f} {currency}"
