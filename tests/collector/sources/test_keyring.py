"""The setting of the secrets: what it accepts, and what it says where it is wrong."""

from __future__ import annotations

import json

import pytest

from collector.sources.keyring import Keyring
from collector.sources.registry import KINDS
from kernel.errors import NotConfigured
from tests.collector.sources.signing import ADYEN_KEY, SECRETS, STANDARD_KEY, STRIPE_SECRET, whsec


def test_no_setting_is_no_source():
    assert Keyring.parse("", KINDS).all() == []
    assert Keyring.parse("{}", KINDS).all() == []


def test_keys_are_what_each_provider_means_by_its_secret():
    keyring = Keyring.parse(SECRETS, KINDS)
    assert keyring.source("stripe", "eu").keys[1] == STRIPE_SECRET.encode()
    assert keyring.source("adyen", "main").keys[1] == bytes.fromhex(ADYEN_KEY)
    assert keyring.source("standard", "psp").keys[1] == STANDARD_KEY


def test_white_space_around_a_pasted_secret_is_not_part_of_it():
    keyring = Keyring.parse(json.dumps({"stripe/eu": [f" {STRIPE_SECRET}\n"]}), KINDS)
    assert keyring.source("stripe", "eu").keys == [STRIPE_SECRET.encode()]


WRONG = {
    "no json": ("whsec_secretvalue", "not JSON"),
    "a list": ('["whsec_secretvalue"]', "JSON object"),
    "an unknown kind": ('{"strpe/eu": ["whsec_secretvalue"]}', "stripe"),
    "no source": ('{"stripe": ["whsec_secretvalue"]}', "1-64"),
    "an odd source": ('{"stripe/E U": ["whsec_secretvalue"]}', "1-64"),
    "one text": ('{"stripe/eu": "whsec_secretvalue"}', "list"),
    "a number": ('{"stripe/eu": [7]}', "list"),
    "too many": (json.dumps({"stripe/eu": ["whsec_secretvalue"] * 6}), "more than 5"),
    "another provider's": ('{"stripe/eu": ["sk_live_secretvalue"]}', "whsec_"),
    "no hex": ('{"adyen/main": ["secretvalue"]}', "64 hex"),
    "no base64": ('{"standard/x": ["whsec_secret*value"]}', "base64"),
    "a public key": ('{"standard/x": ["whpk_secretvalue"]}', "whsec_"),
    "a short key": (json.dumps({"standard/x": [whsec(b"secretvalue")]}), "16 bytes"),
    "an empty one": ('{"shopify/x": [""]}', "16-200"),
    "the same source twice": ('{"stripe/eu": [], "stripe/eu": []}', "twice"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_setting_says_which_entry_is_wrong_and_never_shows_a_secret(name):
    text, expected = WRONG[name]
    with pytest.raises(NotConfigured) as caught:
        Keyring.parse(text, KINDS)
    said = f"{caught.value.message} {caught.value.hint}"
    assert said.startswith("TILLWATCH_WEBHOOK_SECRETS")
    assert expected in said
    assert caught.value.hint
    assert "secretvalue" not in said
