"""The one door to slack_sdk, against a server with state."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.fakes.slack_server import CHANNEL_ID, FakeSlack, Fault, SlackUser
from kernel.outbox import PermanentFailure, RetryLater
from tests.triage.slack.test_modals import form
from tests.triage.slack.views import VIEW
from triage.slack.card import incident_card
from triage.slack.client import MessageGone, SlackClient
from triage.slack.modals import modal
from triage.slack.settings import SlackSettings


@pytest.fixture(scope="module")
def server() -> Iterator[FakeSlack]:
    with FakeSlack() as slack:
        yield slack


@pytest.fixture
def slack(server: FakeSlack) -> FakeSlack:
    server.workspace.__init__()  # type: ignore[misc]
    return server


@pytest.fixture
def client(slack: FakeSlack) -> SlackClient:
    settings = SlackSettings(
        SLACK_BOT_TOKEN="xoxb-test",  # type: ignore[call-arg, arg-type]
        slack_channel=CHANNEL_ID,
        slack_api_url=slack.url,
        slack_timeout_s=1,
    )
    return SlackClient(settings)


def test_a_card_is_posted_and_written_anew_without_unfurling(
    slack: FakeSlack, client: SlackClient
) -> None:
    channel, ts = client.post(CHANNEL_ID, incident_card(VIEW))
    client.update(channel, ts, incident_card(VIEW))
    (card,) = slack.cards()
    assert (card.updates, card.ts) == (1, ts)


def test_an_account_is_told_as_slack_knows_it_or_not_at_all(
    slack: FakeSlack, client: SlackClient
) -> None:
    slack.add_user(SlackUser("U1", guest=True))
    account = client.account("U1")
    assert account is not None
    assert account["is_restricted"] is True
    assert client.account("U2") is None


def test_a_form_opens_once_per_trigger(slack: FakeSlack, client: SlackClient) -> None:
    view = modal(form("reject"))
    assert view is not None
    trigger = slack.workspace.new_trigger("U1", "T0SHOP")
    client.open_form(trigger, view)
    assert [one.view for one in slack.forms("U1")] == [view]
    with pytest.raises((RetryLater, PermanentFailure), match="exchanged_trigger_id"):
        client.open_form(trigger, view)
    with pytest.raises((RetryLater, PermanentFailure), match="invalid_trigger_id"):
        client.open_form("1.2.nobody", view)


def test_a_hanging_slack_is_waited_for_no_longer_than_the_trigger_lives(
    slack: FakeSlack, client: SlackClient
) -> None:
    slack.faults.append(Fault(hang_s=1.4, method="views.open"))
    view = modal(form("reject"))
    assert view is not None
    with pytest.raises(RetryLater, match="cannot be reached"):
        client.open_form(slack.workspace.new_trigger("U1", "T0SHOP"), view)


@pytest.mark.parametrize("code", ["token_revoked", "missing_scope", "is_archived", "msg_too_long"])
def test_what_no_retry_mends_is_a_permanent_failure(
    slack: FakeSlack, client: SlackClient, code: str
) -> None:
    slack.faults.append(Fault(error=code))
    with pytest.raises(PermanentFailure, match=code):
        client.post(CHANNEL_ID, incident_card(VIEW))


def test_a_channel_that_is_not_there_is_a_permanent_failure(client: SlackClient) -> None:
    with pytest.raises(PermanentFailure, match="channel_not_found"):
        client.post("C-none", incident_card(VIEW))


@pytest.mark.parametrize(("status", "error"), [(500, ""), (503, ""), (429, "ratelimited")])
def test_what_passes_is_tried_again_as_late_as_slack_says(
    slack: FakeSlack, client: SlackClient, status: int, error: str
) -> None:
    slack.faults.append(Fault(status, error, {"Retry-After": "7"}))
    with pytest.raises(RetryLater) as caught:
        client.tell(CHANNEL_ID, "U1", "late")
    assert caught.value.after_s == 7


def test_a_message_that_is_gone_is_told_apart(client: SlackClient) -> None:
    with pytest.raises(MessageGone):
        client.update(CHANNEL_ID, "1.1", incident_card(VIEW))
