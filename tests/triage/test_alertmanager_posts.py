"""Reading posts of Alertmanager."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shared_data import shared
from tests.triage.desk import alert, post
from triage.alertmanager import parse

GOLDENS = Path(__file__).parent / "goldens"
T = 1_795_000_000_000_000


@pytest.mark.parametrize("name", ["firing", "resolved"])
def test_golden_posts_of_a_real_alertmanager(name):
    found = asdict(parse(shared(f"vectors/alertmanager/{name}.json").read_bytes()))
    text = json.dumps(found, indent=2, sort_keys=True) + "\n"
    golden = GOLDENS / f"alertmanager_{name}.json"
    if os.environ.get("TILLWATCH_WRITE_GOLDENS"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()


def test_one_unreadable_alert_of_five_takes_none_of_the_others():
    alerts = [alert(f"f{n}", T) for n in range(5)]
    del alerts[2]["startsAt"]
    found = parse(post(*alerts))
    assert [one.fingerprint for one in found.deliveries] == ["f0", "f1", "f3", "f4"]
    assert [(one.index, one.reason) for one in found.broken] == [
        (2, "$.startsAt: there is no start")
    ]


@pytest.mark.parametrize(
    "poison",
    [
        "7",
        '{"status": "firing", "status": "firing"}',
        '{"status": "firing", "fingerprint": "x", "startsAt": "never"}',
        '{"status": "pending", "fingerprint": "x", "startsAt": "2026-11-22T08:00:00Z"}',
        '{"status": "firing", "fingerprint": "", "startsAt": "2026-11-22T08:00:00Z"}',
        (
            '{"status": "firing", "fingerprint": "x", "startsAt": "2026-11-22T08:00:00Z",'
            ' "labels": {"a": 1}}'
        ),
        '{"n": 1234567890123456789012345678901234567890}',
    ],
)
def test_what_only_one_alert_gets_wrong_stays_with_that_alert(poison):
    good = json.dumps(alert("good", T))
    found = parse(f'{{"groupKey": "g", "alerts": [{poison}, {good}]}}'.encode())
    assert [one.fingerprint for one in found.deliveries] == ["good"]
    assert found.deliveries[0].group_key == "g"
    assert [one.index for one in found.broken] == [0]
    assert found.broken[0].reason


@pytest.mark.parametrize("letter", [b"\\ud800", b"\\udc00\\ud800", b"\xff"])
def test_a_broken_letter_costs_no_alert(letter):
    found = parse(post(alert("f1", T, a="LETTER"), alert("f2", T)).replace(b"LETTER", letter))
    assert [one.fingerprint for one in found.deliveries] == ["f1", "f2"]
    assert "\ufffd" in found.deliveries[0].labels["a"]


def test_our_own_alerts_that_come_back_are_counted_and_left_out():
    found = parse(post(alert("f1", T, tillwatch_alert_id="x"), alert("f2", T)))
    assert found.echoes == 1
    assert [one.fingerprint for one in found.deliveries] == ["f2"]


def test_what_the_sender_left_out_is_known():
    body = json.loads(post(alert("f1", T)))
    body["truncatedAlerts"] = 12
    assert parse(json.dumps(body).encode()).truncated == 12


@given(st.binary(max_size=300))
def test_any_bytes_can_be_read(body):
    batch = parse(body)
    assert batch.truncated >= 0


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["status", "labels", "startsAt", "fingerprint", "alerts", "x"]),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_any_document_can_be_read(value):
    found = parse(json.dumps({"alerts": [value, alert("good", T)]}).encode())
    assert "good" in [one.fingerprint for one in found.deliveries]
