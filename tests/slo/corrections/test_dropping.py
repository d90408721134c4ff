"""Which units are left out, whatever number of corrections say so."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kernel.clock import MINUTE_US
from slo.corrections.dropping import Drop, Drops, carries, labels_of

NAMES = ("provider", "country")
KEYS = [(provider, country) for provider in ("adyen", "stripe") for country in ("DE", "FR")]
LABELS = [
    {},
    {"provider": "adyen"},
    {"country": "DE"},
    {"provider": "stripe", "country": "FR"},
    {"release": "7"},
]

drops = st.builds(
    lambda begin, length, labels: Drop(
        begin * MINUTE_US, (begin + length) * MINUTE_US, labels_of(labels)
    ),
    st.integers(0, 40),
    st.integers(0, 15),
    st.sampled_from(LABELS),
)
spans = st.tuples(st.integers(0, 500), st.integers(0, 100)).map(
    lambda pair: (pair[0] * 5_000_000, (pair[0] + pair[1]) * 5_000_000)
)


@given(st.lists(drops, max_size=8), spans)
def test_a_unit_is_left_out_exactly_where_some_drop_says_so(given_drops, span):
    stretches = Drops(given_drops).within(*span)
    for at_us in range(span[0], span[1], 5_000_000):
        for key in KEYS:
            wanted = any(
                one.from_us <= at_us < one.to_us and carries(NAMES, key, one.labels)
                for one in given_drops
            )
            found = [
                one
                for one in stretches
                if one.from_us <= at_us < one.to_us and one.takes(NAMES, key)
            ]
            assert len(found) == int(wanted)


@given(st.lists(drops, max_size=8), spans)
def test_what_is_kept_and_what_is_left_out_tile_the_span(given_drops, span):
    all_drops = Drops(given_drops)
    pieces = sorted([*all_drops.kept(*span), *all_drops.whole(*span)])
    assert sum(end - begin for begin, end in pieces) == span[1] - span[0]
    assert all(before[1] == after[0] for before, after in pairwise(pieces))


def test_the_whole_swallows_its_parts_and_neighbours_are_one():
    minute = MINUTE_US
    found = Drops(
        [
            Drop(0, 10 * minute),
            Drop(2 * minute, 5 * minute, labels_of({"provider": "adyen"})),
            Drop(10 * minute, 12 * minute),
        ]
    ).within(0, 60 * minute)
    assert [(one.from_us, one.to_us, one.whole) for one in found] == [(0, 12 * minute, True)]


def test_a_field_that_is_not_counted_by_takes_nothing():
    found = Drops([Drop(0, 10 * MINUTE_US, labels_of({"release": "7"}))]).within(0, MINUTE_US)
    assert not any(one.takes(NAMES, key) for one in found for key in KEYS)


def test_labels_meet_unless_they_name_different_values():
    adyen = Drops([Drop(0, 10 * MINUTE_US, labels_of({"provider": "adyen"}))])
    assert adyen.touch({}, 0, MINUTE_US) == MINUTE_US
    assert adyen.touch({"country": "DE"}, 0, MINUTE_US)
    assert not adyen.touch({"provider": "stripe"}, 0, MINUTE_US)
    assert not adyen.touch({}, 10 * MINUTE_US, 11 * MINUTE_US)
