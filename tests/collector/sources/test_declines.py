"""The decline tables: complete, without contradictions, and careful with what nobody knows."""

from __future__ import annotations

import re

import pytest

from collector.sources import declines
from kernel.shop_event import DECLINE_CLASSES

# docs.stripe.com/declines/codes, the table of card decline codes.
STRIPE_CARD_CODES = """
    authentication_required approve_with_id call_issuer card_not_supported
    card_velocity_exceeded currency_not_supported do_not_honor do_not_try_again
    duplicate_transaction expired_card fraudulent generic_decline incorrect_number incorrect_cvc
    incorrect_pin incorrect_zip insufficient_funds invalid_account invalid_amount invalid_cvc
    invalid_expiry_month invalid_expiry_year invalid_number invalid_pin issuer_not_available
    lost_card merchant_blacklist new_account_information_available no_action_taken not_permitted
    offline_pin_required online_or_offline_pin_required pickup_card pin_try_exceeded
    processing_error reenter_transaction restricted_card revocation_of_all_authorizations
    revocation_of_authorization security_violation service_not_allowed stolen_card
    stop_payment_order testmode_decline transaction_not_allowed try_again_later
    withdrawal_count_limit_exceeded
"""
# docs.adyen.com, refusal reasons: the numbers that are given out.
ADYEN_NUMBERS = [*range(2, 13), *range(14, 30), *range(31, 47)]


@pytest.mark.parametrize("code", STRIPE_CARD_CODES.split())
def test_every_card_decline_code_of_stripe_has_a_class(code):
    assert declines.stripe_class((code,)) in DECLINE_CLASSES


@pytest.mark.parametrize("number", ADYEN_NUMBERS)
def test_every_refusal_reason_of_adyen_has_a_class_by_text_and_by_number(number):
    text = declines.ADYEN_BY_NUMBER[str(number)]
    assert declines.adyen_class(str(number)) == declines.adyen_class(text) != ""
    assert declines.adyen_class(f" {text.upper()} ") == declines.adyen_class(text)


def test_no_code_stands_in_two_classes():
    for table in (declines._STRIPE_CODES, declines._SHOPIFY_CODES):
        codes = [code for codes in table.values() for code in codes.split()]
        assert sorted(codes) == sorted(set(codes))
        assert set(table) <= set(DECLINE_CLASSES)


def test_all_words_are_codes():
    for code in (*declines.STRIPE, *declines.SHOPIFY):
        assert re.fullmatch(r"[a-z0-9_]+", code)


def test_the_most_telling_code_decides():
    assert declines.stripe_class(("stolen_card", "card_declined")) == "fraud"
    assert declines.stripe_class(("unheard_of", "expired_card")) == "customer"
    assert declines.stripe_class(("", ""), error_type="api_error") == "technical"
    assert declines.stripe_class(("processing_error", "card_declined"), "card_error") == "technical"


def test_what_nobody_knows_has_no_class():
    assert declines.stripe_class(("unheard_of",)) == ""
    assert declines.adyen_class("Unheard Of") == declines.adyen_class("") == ""
    assert declines.shopify_class("unheard_of") == ""
