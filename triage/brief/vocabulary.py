"""Word lists of the claim checks: which words are names, and which only look like names."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Capitals that name nothing.
EVERYDAY = _words("UTC SLO HTTP API OK I")

# Names that must not slip in as ordinary words at the start of a sentence or in lower case.
VENDORS = _words(
    "stripe adyen mollie paypal klarna braintree worldpay square sofort giropay ideal visa "
    "mastercard amex twint apple google amazon aws azure cloudflare fastly shopify kubernetes "
    "postgres postgresql redis kafka nginx"
)

# Ordinary language that may also be a value of a field somewhere in the evidence.
COMMON = _words(
    "card cards payment payments checkout checkouts shop deploy flag config dependency other "
    "provider region country method release channel step technical unrelated service before after "
    "expired failed unknown web app mobile in at on by is it no an as or"
)

# Joined words that are no identifiers.
COMPOUNDS = _words(
    "critical-path self-time non-zero near-zero time-out time-outs well-known most-affected "
    "long-running short-lived high-confidence low-confidence error-free and/or pre-onset "
    "post-onset"
)
