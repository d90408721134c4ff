"""What a judgement of a recorded incident is worth, and that nothing can be gained by form."""

from __future__ import annotations

import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.bench.rca.dataset import Answer
from app.bench.rca.scoring import NOBODY, Said, score
from triage.evidence.evidence import Evidence, Finding, mint

TRUTH = Answer("c0ffee", frozenset({"decade"}))


def piece(number: int, **numbers: str) -> Evidence:
    return mint(f"E{number}", Finding("cause", "said", numbers, "q", 0, 1))


PIECES = [piece(1), piece(2, ref="c0ffee"), piece(3, ref="decade"), piece(4, ref="beef")]
IDS = ("E1", "E2", "E3", "E4")


def test_the_right_one_alone_is_worth_one() -> None:
    assert score(Said("c0ffee", ("c0ffee",), ("E1", "E2")), TRUTH, PIECES) == 1.0


def test_the_right_one_of_two_is_worth_less() -> None:
    assert score(Said(None, ("decade", "c0ffee"), IDS), TRUTH, PIECES) == 0.7


def test_saying_nothing_is_worth_a_little_and_a_wrong_word_nothing() -> None:
    assert score(Said(None, (), ()), TRUTH, PIECES) == 0.2
    assert score(Said("beef", ("beef",), IDS), TRUTH, PIECES) == 0.0


def test_blaming_a_decoy_alone_costs() -> None:
    assert score(Said("decade", ("decade", "c0ffee"), IDS), TRUTH, PIECES) == -0.5


def test_no_commit_of_ours_is_an_answer_like_others() -> None:
    outside = [piece(1), piece(2, outside="provider")]

    assert score(Said(NOBODY, (NOBODY,), ("E2",)), Answer("", frozenset()), outside) == 1.0
    assert score(Said(NOBODY, (NOBODY,), ("E1",)), Answer("", frozenset()), outside) == 0.0


def test_the_right_name_with_evidence_that_does_not_speak_of_it_is_worth_nothing() -> None:
    assert score(Said("c0ffee", ("c0ffee",), ("E1", "E4")), TRUTH, PIECES) == 0.0


def test_evidence_that_was_written_to_fit_is_none() -> None:
    forged = [*PIECES[:3], replace(PIECES[3], numbers={"ref": "c0ffee"})]

    assert score(Said("c0ffee", ("c0ffee",), ("E4",)), TRUTH, forged) == 0.0


@given(
    st.sampled_from([None, "c0ffee", "decade", "beef", NOBODY]),
    st.lists(st.sampled_from(["c0ffee", "decade", "beef", NOBODY]), min_size=1, max_size=2),
    st.lists(st.sampled_from(["E7", "E8", "", "made up"]), max_size=4),
)
def test_an_answer_made_up_without_evidence_never_gains(
    blamed: str | None, candidates: list[str], ids: list[str]
) -> None:
    assert score(Said(blamed, tuple(candidates), tuple(ids)), TRUTH, PIECES) <= 0


def test_naming_two_always_is_worth_less_than_knowing() -> None:
    pairs = itertools.combinations(["c0ffee", "decade", "beef"], 2)

    assert all(score(Said(None, pair, IDS), TRUTH, PIECES) < 1 for pair in pairs)
