"""Shares of the burn are exact and add up, whatever the partition; what is named is the cause."""

import random
from fractions import Fraction
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from slo.ledger.sums import OTHER, MoneySums, SegmentKey, Sums
from slo.money.attribution import Attribution, Part
from slo.money.words import burned_sentence, label_words, share_words

NAMES = ("provider", "country", "method")
RATIO = Fraction(5, 1000)
CURRENCIES = ("EUR", "JPY")

amounts = st.integers(0, 10**9)
keys = st.tuples(
    st.sampled_from(["a", "b", ""]), st.sampled_from(["DE", "FR"]), st.sampled_from(["card", OTHER])
)
sums = st.builds(
    lambda good, bad, money: Sums(good, bad, 0, money={c: MoneySums(g, b) for c, (g, b) in money}),
    st.integers(0, 10**6),
    st.integers(0, 10**4),
    st.lists(st.tuples(st.sampled_from(CURRENCIES), st.tuples(amounts, amounts)), max_size=2),
)
windows = st.dictionaries(keys, sums, max_size=12)
partitions = st.sampled_from([c for size in range(4) for c in combinations(NAMES, size)])


def of(window: dict[SegmentKey, Sums]) -> Attribution:
    return Attribution(NAMES, window, RATIO)


def added(parts: list[Part], currency: str) -> Fraction:
    return sum((part.money_share.get(currency, Fraction(0)) for part in parts), Fraction(0))


@given(windows, partitions)
def test_shares_of_any_partition_add_up_to_the_whole(
    window: dict[SegmentKey, Sums], fields: tuple[str, ...]
) -> None:
    found = of(window)
    parts = found.by(fields)
    whole = found.whole
    assert sum(part.bad for part in parts) == whole.bad
    assert sum(part.share for part in parts) == (1 if whole.bad else 0)
    spent = sum((part.spent for part in parts), Fraction(0))
    assert spent == (Fraction(whole.bad) / (RATIO * whole.total) if whole.total else 0)
    for currency, money in whole.money.items():
        assert sum(part.bad_minor.get(currency, 0) for part in parts) == money.bad_minor
        assert added(parts, currency) == (1 if money.bad_minor else 0)


@given(windows, st.integers(1, 5))
def test_what_is_beyond_the_listed_parts_is_one_last_part_and_nothing_is_lost(
    window: dict[SegmentKey, Sums], at_most: int
) -> None:
    found = of(window)
    parts = found.by_segment(at_most)
    assert len(parts) <= at_most
    assert sum(part.bad for part in parts) == found.whole.bad
    assert sum(part.share for part in parts) == (1 if found.whole.bad else 0)


@given(windows)
def test_a_named_part_holds_only_what_no_earlier_one_holds(window: dict[SegmentKey, Sums]) -> None:
    left = dict(window)
    for part in of(window).named():
        carried = {
            key: one
            for key, one in left.items()
            if set(part.labels) <= set(zip(NAMES, key, strict=True))
        }
        assert sum(one.bad for one in carried.values()) == part.bad
        left = {key: one for key, one in left.items() if key not in carried}


def shop(fails: dict[SegmentKey, float], attempts: int = 20_000) -> dict[SegmentKey, Sums]:
    """Attempts over all segments; a key of `fails` with "" fits every value of that field."""
    chance = random.Random(4)
    found: dict[SegmentKey, Sums] = {}
    for provider in ("adyen", "stripe"):
        for country in ("DE", "FR", "AT", "US"):
            for method in ("card", "3ds", "wallet"):
                key = provider, country, method
                ratio = max(
                    rate
                    for pattern, rate in fails.items()
                    if all(not p or p == value for p, value in zip(pattern, key, strict=True))
                )
                total = attempts // 24
                bad = sum(chance.random() < ratio for _ in range(total))
                found[key] = Sums(total - bad, bad, 0)
    return found


ORDINARY: dict[SegmentKey, float] = {("", "", ""): 0.003}


def test_the_narrowest_segment_that_explains_most_is_named() -> None:
    [part] = of(shop({**ORDINARY, ("adyen", "DE", "3ds"): 0.4})).named()
    assert dict(part.labels) == {"provider": "adyen", "country": "DE", "method": "3ds"}
    assert Fraction(4, 5) < part.share < 1


def test_a_provider_that_fails_everywhere_is_not_cut_down_to_one_country() -> None:
    [part] = of(shop({**ORDINARY, ("adyen", "", ""): 0.3})).named()
    assert dict(part.labels) == {"provider": "adyen"}


def test_two_causes_are_both_named() -> None:
    named = of(shop({**ORDINARY, ("adyen", "", ""): 0.2, ("stripe", "FR", "card"): 0.5})).named()
    assert [dict(part.labels) for part in named] == [
        {"provider": "adyen"},
        {"provider": "stripe", "country": "FR", "method": "card"},
    ]


def test_failures_spread_like_the_attempts_name_nothing() -> None:
    assert of(shop(ORDINARY)).named() == []


def test_a_handful_of_failures_names_nothing() -> None:
    few = {("a", "DE", "card"): Sums(100, 4, 0), ("b", "DE", "card"): Sums(10_000, 0, 0)}
    assert of(few).named() == []


def test_the_only_segment_of_all_is_no_cause() -> None:
    assert of({("a", "DE", "card"): Sums(100, 50, 0)}).named() == []


def test_the_sentence_never_rounds_up_to_all_of_it() -> None:
    window = {("b", "DE", "3ds"): Sums(0, 9_999, 0), ("a", "DE", "3ds"): Sums(99_999, 1, 0)}
    found = of(window)
    text = burned_sentence(found.whole.bad, found.whole.total, found.named())
    assert text == "99 % of the burn is provider b, with 9 % of the attempts."
    assert share_words(Fraction(1)) == "100 %"
    assert share_words(Fraction(4, 1000)) == "less than 1 %"


def test_nothing_failed_and_nothing_counted_are_two_sentences() -> None:
    assert burned_sentence(0, 5, []) == "Nothing has failed."
    assert burned_sentence(0, 0, []).startswith("Nothing was counted")


def test_labels_are_told_in_words() -> None:
    assert label_words({"provider": "x", "country": "", "method": OTHER}) == (
        "provider x, no country told, any other method"
    )
