"""A provider's integers become minor units of ISO 4217, exactly or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from kernel.money import exponent, is_currency

_MAX_AMOUNT = 1 << 53
_MAX_DIGITS = 30

Money = tuple[int | None, str]
NOTHING: Money = (None, "")


def from_integer(value: Any, currency: Any, own_exponents: Mapping[str, int]) -> Money:
    """An amount in the provider's smallest unit; `own_exponents` where these are not ISO's.

    The amount is None where it is no such number, or no whole number of ISO's minor units.
    """
    code = _code(currency)
    if not code:
        return NOTHING
    if isinstance(value, bool) or not isinstance(value, int):
        return None, code
    shift = exponent(code) - own_exponents.get(code, exponent(code))
    if shift >= 0:
        return _bounded(value * 10**shift), code
    whole, rest = divmod(value, 10**-shift)
    return (None if rest else _bounded(whole)), code


def from_decimal(value: Any, currency: Any) -> Money:
    """An amount in major units as a decimal text (`"403.00"`)."""
    code = _code(currency)
    if not code:
        return NOTHING
    try:
        amount = Decimal(value) if isinstance(value, str) and len(value) <= _MAX_DIGITS else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite() or abs(amount.adjusted()) > _MAX_DIGITS:
        return None, code
    minor = amount.scaleb(exponent(code))
    whole = minor.to_integral_value()
    return (_bounded(int(whole)) if whole == minor else None), code


def _code(currency: Any) -> str:
    code = currency.upper() if isinstance(currency, str) else ""
    return code if is_currency(code) else ""


def _bounded(amount: int) -> int | None:
    return amount if 0 <= amount < _MAX_AMOUNT else None
