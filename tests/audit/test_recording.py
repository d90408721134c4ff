"""Writing records, and reading them before anything was sequenced."""

from __future__ import annotations

import pytest

from audit.canonical import parse
from audit.entries import Actor, Entry, Payload
from audit.leaf import commit_digest
from kernel.errors import BadInput, TooLarge
from tests.audit.installation import Installation

PERSON = Actor("human", "person-1", auth="token")


def decision(**changes: object) -> Entry:
    data = {"approval_id": "a1", "action_hash": "h1", "decision": "approve"}
    return Entry("approval.decision", PERSON, "approval", "a1", data=data | changes)


def test_a_record_is_readable_at_once_and_says_that_nothing_covers_it(home: Installation):
    record_id = home.record(decision())
    (found,) = home.log.entries()
    assert (found.id, found.seq, found.checkpointed) == (record_id, None, False)
    assert home.log.proof(record_id) is None


def test_a_record_of_a_change_that_fails_is_not_written(home: Installation):
    def change() -> None:
        with home.database.unit_of_work() as session:
            home.log.record(session, decision())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change()
    assert home.log.entries() == []


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (Entry("approval.invented", PERSON, "x", "y"), "no record type"),
        (Entry("incident.", PERSON, "x", "y"), "no record type"),
        (Entry("approval.decision", PERSON, "x", "y"), r"needs data\.action_hash"),
        (decision(decision="maybe"), "unknown data.decision"),
        (decision(customer_name="Eve"), "no data.customer_name"),
        (decision(latency_ms=1.5), "cannot hold a float"),
        (decision(reason="x" * 1025), "more than 1024 characters"),
        (decision(params={"Bad-Key": 1}), "is not"),
        (Entry("ai.rejected", PERSON, "x" * 201, "y", data={"reason": "r"}), "at most 200"),
        (Entry("ai.rejected", PERSON, "x", "y", parent=("7",), data={"reason": "r"}), "parent"),
    ],
)
def test_the_writer_refuses_what_no_schema_allows(home: Installation, entry: Entry, reason: str):
    with pytest.raises(BadInput, match=reason):
        home.record(entry)


def test_a_record_of_more_than_16_kib_is_refused(home: Installation):
    with pytest.raises(TooLarge):
        home.record(decision(params={f"k{n}": "x" * 1000 for n in range(17)}))


def test_two_payloads_of_the_same_text_have_different_digests(home: Installation):
    text = Payload(b"the customer wrote this", "personal")
    entry = Entry(
        "ai.request", Actor("service", "triage"), "incident", "i", data={"model": "m"},
        payloads={"prompt": text, "answer": text},
    )  # fmt: skip
    record_id = home.record(entry)
    answer, prompt = home.log.entry(record_id).payloads
    assert (answer.name, prompt.name) == ("answer", "prompt")
    assert answer.digest != prompt.digest
    assert home.log.payload(record_id, "prompt") == text.data


def test_the_commitment_is_the_written_formula():
    # Computed with hashlib alone: tag, length as 8 bytes big-endian, salt, payload.
    digest = commit_digest(bytes(range(32)), b"abc").hex()
    assert digest == "9a264de140c3ca0dda943c584bf130f5a5e8030fd03a6526f92a1ed17f8e62e8"


def test_a_record_has_all_fields_of_the_format(home: Installation):
    home.clock.advance_s(1.5)
    home.record(decision())
    body = home.rows("SELECT bytes FROM audit_outbox")[0][0]
    leaf = parse(body)
    assert leaf["v"] == 1
    assert leaf["mono"] == 1_500_000
    assert leaf["log"].startswith("tillwatch/")
    assert leaf["ts"].endswith("Z")
    assert set(leaf) == {
        "v", "log", "id", "ts", "mono", "boot", "type", "outcome", "actor", "origin", "subject",
        "incident", "parent", "trace_id", "sw", "data", "commit",
    }  # fmt: skip
