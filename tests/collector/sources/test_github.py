"""GitHub's deliveries: GitHub's own constants, forgeries, repeats, and what each event means."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.sources.github import GitHubKind
from collector.sources.port import Delivery
from kernel.clock import MINUTE_US, rfc3339
from kernel.errors import BadInput, NotAuthenticated
from tests.collector.sources.signing import NOW_US
from tests.collector.world import World

SECRET = "It's a Secret to Everybody"
NEXT = "the-next-secret-of-32-characters"
# docs.github.com, "Validating webhook deliveries": the values to test an implementation with.
HELLO = b"Hello, World!"
HELLO_SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
ADDRESS = "/webhooks/github/acme"
SHA = "b1f5c0de" * 5
BEGAN, ENDED = rfc3339(NOW_US - 9 * MINUTE_US), rfc3339(NOW_US - 5 * MINUTE_US)
REPOSITORY = {
    "id": 1,
    "name": "payments",
    "full_name": "acme/payments",
    "html_url": "https://github.example/acme/payments",
    "default_branch": "main",
}


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, webhook_secrets=json.dumps({"github/acme": [NEXT, SECRET]}))
    yield made
    made.close()


def signature(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def post(world: World, event: str, payload: Any, guid: str = "guid-1", secret: str = SECRET) -> Any:
    body = json.dumps(payload).encode()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": guid,
        "X-Hub-Signature-256": signature(body, secret),
    }
    return world.client("").post(ADDRESS, content=body, headers=headers)


def deployment(**more: Any) -> dict[str, Any]:
    thing = {
        "id": 42,
        "ref": "v1.4.2",
        "sha": SHA,
        "task": "deploy",
        "environment": "production",
        "description": "",
        "created_at": BEGAN,
        "creator": {"login": "ada", "email": "ada@example.com"},
        "payload": {},
        **more,
    }
    return {"action": "created", "deployment": thing, "repository": REPOSITORY}


def status(state: str, number: int = 7, **more: Any) -> dict[str, Any]:
    thing = {
        "id": number,
        "state": state,
        "environment": "production",
        "created_at": ENDED,
        "log_url": "https://ci.example/run/7",
    }
    return {**deployment(**more), "deployment_status": thing}


def release(action: str = "published", **more: Any) -> dict[str, Any]:
    thing = {
        "id": 9,
        "tag_name": "v1.4.2",
        "published_at": ENDED,
        "html_url": "https://github.example/acme/payments/releases/v1.4.2",
        "prerelease": False,
        "author": {"login": "ada"},
        **more,
    }
    return {"action": action, "release": thing, "repository": REPOSITORY}


def shown(world: World) -> list[dict[str, Any]]:
    world.project()
    found: list[dict[str, Any]] = world.client("viewer-token").get("/api/changes").json()["changes"]
    return found


def verified(body: bytes, header: str, *secrets: str) -> None:
    kind = GitHubKind()
    headers = {
        "x-hub-signature-256": header,
        "x-github-event": "ping",
        "x-github-delivery": "guid-1",
    }
    kind.verify(Delivery(body, headers, NOW_US), [kind.secret(one) for one in secrets])


def test_the_constants_of_githubs_documentation_verify() -> None:
    verified(HELLO, HELLO_SIGNATURE, SECRET)


@given(bit=st.integers(0, 8 * len(HELLO) - 1))
def test_one_other_bit_of_the_body_is_a_forgery(bit: int) -> None:
    body = bytearray(HELLO)
    body[bit // 8] ^= 1 << bit % 8
    with pytest.raises(NotAuthenticated):
        verified(bytes(body), HELLO_SIGNATURE, SECRET)


@given(bit=st.integers(0, 7 * len(HELLO_SIGNATURE) - 1))
def test_one_other_bit_of_the_signature_is_a_forgery(bit: int) -> None:
    header = bytearray(HELLO_SIGNATURE.encode())
    header[bit // 7] ^= 1 << bit % 7
    with pytest.raises(NotAuthenticated):
        verified(HELLO, header.decode(), SECRET)


@given(bit=st.integers(0, 7 * len(SECRET) - 1))
def test_one_other_bit_of_the_secret_is_a_forgery(bit: int) -> None:
    secret = bytearray(SECRET.encode())
    secret[bit // 7] ^= 1 << bit % 7
    with pytest.raises(NotAuthenticated):
        verified(HELLO, HELLO_SIGNATURE, secret.decode())


@given(header=st.text(max_size=80))
def test_whatever_stands_in_the_header_is_a_forgery_and_no_fault(header: str) -> None:
    with pytest.raises(NotAuthenticated):
        verified(HELLO, header, SECRET)


@given(
    body=st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["action", "deployment", "deployment_status", "state", "id"]),
                    inner,
                    max_size=4,
                )
            ),
        ).map(lambda document: json.dumps(document).encode()),
    )
)
def test_whatever_was_signed_is_taken_refused_or_ignored_and_never_a_fault(body: bytes) -> None:
    headers = {
        "x-hub-signature-256": signature(body),
        "x-github-event": "deployment_status",
        "x-github-delivery": "guid-1",
    }
    kind = GitHubKind()
    with contextlib.suppress(BadInput):
        found = kind.verify(Delivery(body, headers, NOW_US), [kind.secret(SECRET)])
        assert found.notes or found.ignored


def test_a_forgery_is_401_and_nothing_of_it_is_kept(acme: World) -> None:
    forged = status("success", task="nobody-may-keep-this")
    answer = post(acme, "deployment_status", forged, secret="another secret of a stranger")
    assert answer.status_code == 401
    assert b"nobody-may-keep-this" not in acme.journal_bytes()
    assert shown(acme) == []


def test_each_of_several_secrets_counts(acme: World) -> None:
    assert post(acme, "ping", {}, secret=SECRET).status_code == 202
    assert post(acme, "ping", {}, secret=NEXT).status_code == 202


def test_a_ping_is_answered_and_leaves_nothing(acme: World) -> None:
    document = post(acme, "ping", {"zen": "Keep it logically awesome."}).json()
    assert (document["accepted"], document["receipt"]) == (0, None)
    assert document["ignored"] == [
        {"index": 0, "reason": "pong: the secret fits, deliveries count"}
    ]
    assert acme.webhooks.tally.of("github/acme")["ignored"] == 1


def test_a_deployment_is_two_changes_its_beginning_and_its_end(acme: World) -> None:
    assert post(acme, "deployment", deployment(), "guid-1").json()["accepted"] == 1
    assert post(acme, "deployment_status", status("success"), "guid-2").json()["accepted"] == 1
    done, began = shown(acme)
    assert (began["at"], began["summary"]) == (BEGAN, "payments: deployment of v1.4.2 began")
    assert (done["at"], done["summary"]) == (ENDED, "payments: deployment of v1.4.2 done")
    for one in (began, done):
        assert (one["kind"], one["service"], one["source"]) == ("deploy", "payments", "github/acme")
        assert (one["version"], one["environment"], one["author"]) == (
            "v1.4.2",
            "production",
            "ada",
        )
        assert one["attributes"]["deployment"] == "42"
        assert one["attributes"]["sha"] == SHA
        assert one["rollback"] is False
    assert done["url"] == "https://ci.example/run/7"
    assert b"ada@example.com" not in acme.journal_bytes()


@pytest.mark.parametrize(
    ("state", "word"), [("success", "done"), ("failure", "failed"), ("error", "failed")]
)
def test_every_end_of_a_deployment_is_a_change(acme: World, state: str, word: str) -> None:
    post(acme, "deployment_status", status(state))
    [found] = shown(acme)
    assert found["summary"] == f"payments: deployment of v1.4.2 {word}"
    assert found["attributes"]["state"] == state


@pytest.mark.parametrize("state", ["pending", "queued", "in_progress", "inactive", "waiting"])
def test_what_is_no_end_is_ignored_and_the_answer_says_so(acme: World, state: str) -> None:
    document = post(acme, "deployment_status", status(state)).json()
    assert document["ignored"][0]["reason"] == f"a deployment that is {state} has no end"
    assert shown(acme) == []


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("push", {"ref": "refs/heads/main"}),
        ("workflow_job", {"action": "completed"}),
        ("release", release("edited")),
        ("deployment", {**deployment(), "action": "deleted"}),
    ],
)
def test_events_of_no_use_are_taken_ignored_and_visible(
    acme: World, event: str, payload: dict[str, Any]
) -> None:
    answer = post(acme, event, payload)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 0)
    assert answer.json()["ignored"][0]["reason"]
    [source] = acme.client("viewer-token").get("/api/webhooks").json()["sources"]
    assert source["notifications"]["ignored"] == 1


def test_a_published_release_is_a_change_of_no_running_thing(acme: World) -> None:
    post(acme, "release", release(prerelease=True))
    [found] = shown(acme)
    assert (found["kind"], found["version"]) == ("other", "v1.4.2")
    assert found["summary"] == "payments: release v1.4.2 published"
    assert found["attributes"]["prerelease"] is True
    assert found["at"] == ENDED


def test_a_delivery_that_comes_again_is_a_duplicate_under_any_guid(acme: World) -> None:
    post(acme, "deployment_status", status("success"), "guid-1")
    for guid in ("guid-1", "guid-of-a-second-webhook"):
        again = post(acme, "deployment_status", status("success"), guid).json()
        assert (again["accepted"], again["duplicates"]) == (0, 1)
    other = post(acme, "deployment_status", status("failure", number=8), "guid-2").json()
    assert (other["accepted"], other["duplicates"]) == (1, 0)
    assert len(shown(acme)) == 2


def test_without_a_number_of_its_own_the_guid_is_the_identity(acme: World) -> None:
    nameless = deployment()
    del nameless["deployment"]["id"]
    assert post(acme, "deployment", nameless, "guid-1").json()["accepted"] == 1
    assert post(acme, "deployment", nameless, "guid-1").json()["duplicates"] == 1
    assert post(acme, "deployment", nameless, "guid-2").json()["accepted"] == 1


def test_a_header_that_does_not_fit_its_body_is_refused(acme: World) -> None:
    answer = post(acme, "deployment", status("success"))
    assert (answer.status_code, answer.json()["path"]) == (400, "x-github-event")
    assert post(acme, "release", deployment() | {"action": "published"}).status_code == 400


@pytest.mark.parametrize("text", [{"task": "rollback"}, {"description": "Revert to v1.4.1"}])
def test_a_deployment_that_takes_something_back_is_a_rollback(
    acme: World, text: dict[str, str]
) -> None:
    post(acme, "deployment_status", status("success", **text))
    [found] = shown(acme)
    assert found["rollback"] is True
    assert found["summary"] == "payments: rollback of v1.4.2 done"


@pytest.mark.parametrize("payload", [{"service": "checkout"}, '{"service": "checkout"}'])
def test_the_deployments_payload_may_name_the_service(acme: World, payload: Any) -> None:
    post(acme, "deployment", deployment(payload=payload))
    assert shown(acme)[0]["service"] == "checkout"


def test_of_the_default_branch_the_version_is_the_commit(acme: World) -> None:
    post(acme, "deployment", deployment(ref="refs/heads/main"))
    assert shown(acme)[0]["version"] == SHA[:12]


def test_a_form_is_refused_with_the_setting_that_mends_it(acme: World) -> None:
    body = b"payload=%7B%7D"
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-GitHub-Event": "deployment",
        "X-GitHub-Delivery": "guid-1",
        "X-Hub-Signature-256": signature(body),
    }
    answer = acme.client("").post(ADDRESS, content=body, headers=headers)
    assert answer.status_code == 400
    assert "application/json" in answer.json()["hint"]


def test_a_short_secret_is_no_secret() -> None:
    with pytest.raises(BadInput, match="at least 16"):
        GitHubKind().secret("hunter2")
