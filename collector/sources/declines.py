"""From a provider's reason to the class that decides whose failure a declined payment was.

`issuer`: the customer's bank said no. `fraud`: somebody's fraud rules said no. `authentication`:
the customer could not be authenticated. `customer`: what the customer typed or chose. `technical`:
nobody said no, something broke; only this one (and a reason that nobody knows) spends the budget.

Sources: docs.stripe.com/declines/codes, docs.stripe.com/error-codes, the outcome reasons of
docs.stripe.com/api/charges/object, docs.adyen.com/development-resources/refusal-reasons, and
shopify.dev, OrderTransactionErrorCode; read in November 2026.
"""

from __future__ import annotations

from typing import Final

ISSUER: Final = "issuer"
FRAUD: Final = "fraud"
AUTHENTICATION: Final = "authentication"
CUSTOMER: Final = "customer"
TECHNICAL: Final = "technical"

_STRIPE_CODES: Final = {
    ISSUER: """
        approve_with_id call_issuer card_not_supported card_velocity_exceeded
        currency_not_supported do_not_honor do_not_try_again generic_decline insufficient_funds
        invalid_account invalid_amount new_account_information_available no_action_taken
        not_permitted pin_try_exceeded restricted_card revocation_of_all_authorizations
        revocation_of_authorization security_violation service_not_allowed stop_payment_order
        transaction_not_allowed try_again_later withdrawal_count_limit_exceeded
        low_probability_of_authorization previously_declined_do_not_retry
        account_closed bank_account_declined bank_account_restricted bank_account_unusable
        card_declined card_decline_rate_limit_exceeded debit_not_authorized no_account
        payment_method_provider_decline refer_to_customer sepa_unsupported_account
        """,
    FRAUD: """
        fraudulent lost_card merchant_blacklist pickup_card stolen_card
        blocklist elevated_risk_level highest_risk_level requested_block_on_incorrect_cvc
        requested_block_on_incorrect_zip rule anomalous_money_movement_request
        """,
    AUTHENTICATION: """
        authentication_not_handled authentication_required mobile_device_authentication_required
        offline_pin_required online_or_offline_pin_required
        authentication_failure payment_intent_action_required
        payment_intent_authentication_failure setup_intent_authentication_failure
        three_d_secure_authentication_not_supported
        """,
    CUSTOMER: """
        duplicate_transaction expired_card incorrect_address incorrect_cvc incorrect_number
        incorrect_pin incorrect_postal_code incorrect_zip invalid_cvc invalid_expiry_month
        invalid_expiry_year invalid_number invalid_pin testmode_decline
        account_information_mismatch account_number_invalid bank_account_bad_routing_numbers
        email_invalid expired_payment_method invalid_card_type invalid_characters
        payment_intent_payment_attempt_expired payment_method_customer_decline
        payment_method_billing_details_address_missing payment_method_currency_mismatch
        payment_method_restricted postal_code_invalid routing_number_invalid
        india_recurring_payment_mandate_canceled payment_intent_mandate_invalid
        """,
    TECHNICAL: """
        issuer_not_available processing_error reenter_transaction
        api_key_expired capability_not_active idempotency_key_in_use lock_timeout
        amount_too_large amount_too_small parameter_invalid_empty parameter_invalid_integer
        parameter_invalid_string_blank parameter_invalid_string_empty parameter_missing
        parameter_unknown parameters_exclusive payment_intent_incompatible_payment_method
        payment_intent_invalid_parameter payment_intent_payment_attempt_failed
        payment_intent_rate_limit_exceeded payment_intent_unexpected_state
        payment_method_configuration_failures payment_method_invalid_parameter
        payment_method_not_available payment_method_provider_timeout
        payment_method_unexpected_state payment_method_unsupported_type
        platform_api_key_expired rate_limit resource_missing secret_key_required
        three_d_secure_authentication_upstream_error tls_version_unsupported token_already_used
        token_in_use testmode_charges_only livemode_mismatch intent_invalid_state
        """,
}
# Of an error without a code that is known: `error.type` of the API.
_STRIPE_ERROR_TYPES: Final = {
    "card_error": ISSUER,
    "api_error": TECHNICAL,
    "api_connection_error": TECHNICAL,
    "idempotency_error": TECHNICAL,
    "invalid_request_error": TECHNICAL,
    "rate_limit_error": TECHNICAL,
    "authentication_error": TECHNICAL,  # our API key was wrong, not the customer
}
# `outcome.type` of a charge.
_STRIPE_OUTCOME_TYPES: Final = {
    "issuer_declined": ISSUER,
    "blocked": FRAUD,
    "invalid": TECHNICAL,
}
# Refusal reasons by number: (text in the webhook's `reason`, class).
_ADYEN_REASONS: Final = {
    2: ("Refused", ISSUER),
    3: ("Referral", ISSUER),
    4: ("Acquirer Error", TECHNICAL),
    5: ("Blocked Card", ISSUER),
    6: ("Expired Card", CUSTOMER),
    7: ("Invalid Amount", TECHNICAL),
    8: ("Invalid Card Number", CUSTOMER),
    9: ("Issuer Unavailable", TECHNICAL),
    10: ("Not supported", ISSUER),
    11: ("3D Not Authenticated", AUTHENTICATION),
    12: ("Not enough balance", ISSUER),
    14: ("Acquirer Fraud", FRAUD),
    15: ("Cancelled", CUSTOMER),
    16: ("Shopper Cancelled", CUSTOMER),
    17: ("Invalid Pin", CUSTOMER),
    18: ("Pin tries exceeded", CUSTOMER),
    19: ("Pin validation not possible", TECHNICAL),
    20: ("FRAUD", FRAUD),
    21: ("Not Submitted", TECHNICAL),
    22: ("FRAUD-CANCELLED", FRAUD),
    23: ("Transaction Not Permitted", ISSUER),
    24: ("CVC Declined", CUSTOMER),
    25: ("Restricted Card", ISSUER),
    26: ("Revocation Of Auth", ISSUER),
    27: ("Declined Non Generic", ISSUER),
    28: ("Withdrawal amount exceeded", ISSUER),
    29: ("Withdrawal count exceeded", ISSUER),
    31: ("Issuer Suspected Fraud", FRAUD),
    32: ("AVS Declined", CUSTOMER),
    33: ("Card requires online pin", AUTHENTICATION),
    34: ("No checking account available on Card", ISSUER),
    35: ("No savings account available on Card", ISSUER),
    36: ("Mobile pin required", AUTHENTICATION),
    37: ("Contactless fallback", CUSTOMER),
    38: ("Authentication required", AUTHENTICATION),
    39: ("RReq not received from DS", AUTHENTICATION),
    40: ("Current AID is in Penalty Box", ISSUER),
    41: ("CVM Required Restart Payment", AUTHENTICATION),
    42: ("3DS Authentication Error", AUTHENTICATION),
    43: ("Online PIN required", AUTHENTICATION),
    44: ("Try another interface", CUSTOMER),
    45: ("Chip downgrade mode", CUSTOMER),
    46: ("Transaction blocked by Adyen to prevent excessive retry fees", ISSUER),
}
_SHOPIFY_CODES: Final = {
    ISSUER: "call_issuer card_declined payment_method_unavailable pick_up_card",
    CUSTOMER: """
        amazon_payments_invalid_payment_method amazon_payments_order_reference_canceled
        amazon_payments_stale expired_card incorrect_address incorrect_cvc incorrect_number
        incorrect_pin incorrect_zip invalid_country invalid_cvc invalid_expiry_date invalid_number
        test_mode_live_card
        """,
    TECHNICAL: """
        amazon_payments_max_amount_charged amazon_payments_max_amount_refunded
        amazon_payments_max_authorizations_captured amazon_payments_max_refunds_processed
        config_error generic_error invalid_amount processing_error unsupported_feature
        """,
}


def _by_code(table: dict[str, str]) -> dict[str, str]:
    return {code: name for name, codes in table.items() for code in codes.split()}


STRIPE: Final = _by_code(_STRIPE_CODES)
SHOPIFY: Final = _by_code(_SHOPIFY_CODES)
ADYEN: Final = {text.lower(): name for text, name in _ADYEN_REASONS.values()}
ADYEN_BY_NUMBER: Final = {str(number): text for number, (text, _) in _ADYEN_REASONS.items()}


def stripe_class(codes: tuple[str, ...], error_type: str = "", outcome_type: str = "") -> str:
    """The class of the first code that is known, else of the error's or the outcome's type.

    "" where nothing is known: that counts as bad, so that no failure hides behind a new word.
    `codes`: from the most telling to the least (`decline_code`, then `code`).
    """
    known = next((STRIPE[code] for code in codes if code in STRIPE), "")
    by_outcome = _STRIPE_OUTCOME_TYPES.get(outcome_type, "")
    return known or by_outcome or _STRIPE_ERROR_TYPES.get(error_type, "")


def adyen_class(reason: str) -> str:
    """The class of a refusal reason, by its text or its number; "" where it is not known."""
    text = reason.strip()
    return ADYEN.get(ADYEN_BY_NUMBER.get(text, text).lower(), "")


def shopify_class(code: str) -> str:
    """The class of a transaction's `error_code`; "" where it is not known."""
    return SHOPIFY.get(code.strip().lower(), "")
