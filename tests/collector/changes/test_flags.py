"""Laws of finding a flag's changes in its evaluations.

Those about mixes hold by chance, with certainties that the module names: they are asked of the same
samples in every run.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.changes.evaluations import Evaluation, FlagKey
from collector.changes.flags import (
    MAX_BLOCK,
    MIN_BLOCK,
    OTHER,
    FlagChange,
    FlagState,
    advance,
    served,
    unlikely,
)
from kernel.clock import MINUTE_US, SECOND_US

BEGIN_US = 1_795_000_000 * SECOND_US
STEP_US = SECOND_US // 4
KEY = FlagKey("payments", "production", "", "new-checkout")
VARIANTS = st.sampled_from(["on", "off", "blue", "10%"])


def evaluations(
    variants: Sequence[str], from_us: int = BEGIN_US, reason: str = "static"
) -> list[Evaluation]:
    """One context each, four a second."""
    return [
        Evaluation(from_us + n * STEP_US, KEY, variant, f"c{from_us}-{n}", reason, "")
        for n, variant in enumerate(variants)
    ]


def run(state: FlagState, given: Sequence[Evaluation], size: int) -> list[FlagChange]:
    """As exports of `size` evaluations."""
    found: list[FlagChange] = []
    for start in range(0, len(given), size):
        found += advance(state, given[start : start + size])
    return found


def mixed(chance: random.Random, count: int, share: float) -> list[str]:
    return ["on" if chance.random() < share else "off" for _ in range(count)]


def facts(changes: Sequence[FlagChange]) -> list[tuple[int, str, str]]:
    return [(one.at_us, served(one.before), served(one.after)) for one in changes]


@given(variant=VARIANTS, count=st.integers(1, 400), size=st.integers(1, 300))
def test_a_baseline_is_no_change(variant: str, count: int, size: int) -> None:
    assert run(FlagState(), evaluations([variant] * count), size) == []


@settings(derandomize=True)
@given(seed=st.integers(0, 1 << 32), share=st.floats(0, 1), size=st.integers(1, 300))
def test_a_mix_that_stays_is_no_change(seed: int, share: float, size: int) -> None:
    variants = mixed(random.Random(seed), 1_000, share)
    assert run(FlagState(), evaluations(variants, reason="split"), size) == []


@given(
    runs=st.lists(VARIANTS, min_size=1, max_size=4).filter(
        lambda found: all(a != b for a, b in itertools.pairwise(found))
    ),
    # Four blocks: the one with the change in it, two that prove it, and one under way.
    length=st.integers(4 * MIN_BLOCK, 200),
)
def test_the_same_evaluations_twice_change_nothing_more(runs: list[str], length: int) -> None:
    given_ = evaluations([variant for variant in runs for _ in range(length)])
    state = FlagState()
    first = advance(state, given_)
    assert len(first) == len(runs) - 1
    assert advance(state, given_) == []


@given(length=st.integers(60, 300), size=st.integers(1, 300))
def test_a_change_and_back_are_two_changes_at_their_onsets(length: int, size: int) -> None:
    given_ = evaluations(["off"] * length + ["on"] * length + ["off"] * length)
    there, back = run(FlagState(), given_, size)
    for change, onset in ((there, given_[length]), (back, given_[2 * length])):
        assert 0 <= change.at_us - onset.at_us <= MIN_BLOCK * STEP_US
    assert facts([there, back]) == [(there.at_us, "off", "on"), (back.at_us, "on", "off")]


@given(
    variants=st.lists(st.tuples(VARIANTS, st.integers(1, 80)), min_size=1, max_size=6),
    shuffle=st.randoms(use_true_random=False),
)
def test_the_order_within_a_batch_does_not_matter(
    variants: list[tuple[str, int]], shuffle: random.Random
) -> None:
    in_order = evaluations([name for name, count in variants for _ in range(count)])
    shuffled = list(in_order)
    shuffle.shuffle(shuffled)
    one, other = FlagState(), FlagState()
    assert advance(one, in_order) == advance(other, shuffled)
    assert msgspec.json.encode(one) == msgspec.json.encode(other)


@settings(max_examples=40, derandomize=True)
@given(seed=st.integers(0, 1 << 32), middle=st.floats(0.2, 0.8), size=st.integers(20, 300))
@example(seed=52, middle=0.5, size=20)  # 35 of 40 contexts by chance
def test_a_targeted_flag_does_not_flap_with_those_who_come(
    seed: int, middle: float, size: int
) -> None:
    """Shares that wander by ten per cent on both sides of their middle, hour by hour."""
    chance = random.Random(seed)
    shares = [middle + chance.uniform(-0.1, 0.1) for _ in range(12)]
    variants = [name for share in shares for name in mixed(chance, 200, share)]
    assert run(FlagState(), evaluations(variants, reason="targeting_match"), size) == []


@settings(max_examples=60, derandomize=True)
@given(seed=st.integers(0, 1 << 32), before=st.integers(200, 800), size=st.integers(1, 300))
def test_a_roll_out_from_10_to_50_per_cent_is_one_change_near_its_onset(
    seed: int, before: int, size: int
) -> None:
    chance = random.Random(seed)
    variants = mixed(chance, before, 0.1) + mixed(chance, 800, 0.5)
    given_ = evaluations(variants, reason="split")
    [change] = run(FlagState(), given_, size)
    assert abs(change.at_us - given_[before].at_us) <= 5 * MIN_BLOCK * STEP_US
    shares = [mix["on"] / sum(mix.values()) for mix in (change.before, change.after)]
    assert shares[1] - shares[0] >= 0.1


def test_one_busy_context_is_one_context() -> None:
    state = FlagState()
    advance(state, evaluations(["off"] * 100))
    later_us = BEGIN_US + MINUTE_US
    busy = [
        Evaluation(later_us + n * STEP_US, KEY, "on", "the-same", "static", "") for n in range(500)
    ]
    assert advance(state, busy) == []
    assert state.block.counts == {"on": 1}


def test_a_backlog_of_another_sender_says_nothing_about_now() -> None:
    state = FlagState()
    advance(state, evaluations(["off"] * 100))
    advance(state, evaluations(["off"] * 100, BEGIN_US + 60 * MINUTE_US))
    assert advance(state, evaluations(["on"] * 500, BEGIN_US + 30 * MINUTE_US)) == []


def test_replicas_that_lag_behind_a_change_do_not_undo_it() -> None:
    state = FlagState()
    advance(state, evaluations(["off"] * 100))
    onset_us = BEGIN_US + MINUTE_US
    [change] = advance(state, evaluations(["on"] * 100, onset_us))
    assert change.at_us == onset_us
    assert advance(state, evaluations(["off"] * 100, onset_us - 100 * STEP_US)) == []


def test_a_burst_within_a_moment_waits_for_a_block_of_time() -> None:
    burst = [Evaluation(BEGIN_US, KEY, "on", f"c{n}", "static", "") for n in range(5_000)]
    state = FlagState()
    assert advance(state, burst) == []
    assert state.block.size == MAX_BLOCK


def test_an_error_is_served_instead_of_a_variant() -> None:
    state = FlagState()
    given_ = evaluations(["off"] * 80 + ["(error)"] * 80)
    assert facts(advance(state, given_)) == [(given_[80].at_us, "off", "(error)")]


@settings(max_examples=30)
@given(
    seed=st.integers(0, 1 << 32),
    names=st.integers(1, 5_000),
    apart_us=st.sampled_from([0, 1, STEP_US, MINUTE_US]),
)
def test_what_is_remembered_of_a_flag_is_bounded(seed: int, names: int, apart_us: int) -> None:
    chance = random.Random(seed)
    state = FlagState()
    at_us = BEGIN_US
    for _ in range(5):
        batch = []
        for _ in range(1_000):
            at_us += apart_us
            variant = f"{chance.randrange(names):080d}"
            batch.append(Evaluation(at_us, KEY, variant, chance.randbytes(6).hex(), "", ""))
        advance(state, batch)
        mixes = [state.known, state.block.counts, state.last]
        mixes += [state.doubt.counts] if state.doubt else []
        assert all(len(mix) <= 17 for mix in mixes)
        assert sum(state.known.values()) <= 2_000
        assert len(msgspec.json.encode(state)) <= 32 * 1024


def test_values_that_have_no_names_are_one_variant_beyond_a_bound() -> None:
    state = FlagState()
    advance(state, evaluations([f"value-{n}" for n in range(35)]))
    assert (len(state.last), state.last[OTHER]) == (16 + 1, 20 - 16)
    assert state.block.counts == {OTHER: 15}


@given(
    mix=st.dictionaries(st.sampled_from("abcd"), st.integers(1, 500), min_size=1),
    other=st.dictionaries(st.sampled_from("abcd"), st.integers(1, 500), min_size=1),
)
def test_what_is_called_unlikely_is_a_chance(mix: dict[str, int], other: dict[str, int]) -> None:
    assert 0 <= unlikely(mix, other) <= 1
    assert unlikely(mix, mix) == 1


def test_the_chance_is_that_of_fishers_exact_test() -> None:
    """Fisher's tea: 3 of 4 guessed right by chance, P(X >= 3) = 17/70."""
    assert unlikely({"a": 1, "b": 3}, {"a": 3, "b": 1}) == pytest.approx(17 / 70)


@pytest.mark.parametrize(
    ("mix", "said"),
    [
        ({}, "nothing"),
        ({"on": 100}, "on"),
        ({"on": 96, "off": 4}, "on"),
        ({"on": 10, "off": 90}, "off 90 %, on 10 %"),
    ],
)
def test_a_mix_is_said_in_words(mix: dict[str, int], said: str) -> None:
    assert served(mix) == said
