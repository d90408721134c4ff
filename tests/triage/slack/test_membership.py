"""Which accounts and senders count."""

from __future__ import annotations

from typing import Any

import pytest

from app.fakes.slack_workspace import SlackUser
from triage.slack.membership import account_refusal

WRONG: dict[str, dict[str, Any]] = {
    "guests": {"guest": True},
    "bots": {"bot": True},
    "deactivated": {"deleted": True},
    "another workspace": {"stranger": True},
}


def test_a_full_member_may_act() -> None:
    assert account_refusal(SlackUser("U1", "T1").document(), "T1") == ""


@pytest.mark.parametrize("word", sorted(WRONG))
def test_any_other_account_may_not_and_it_is_said_why(word: str) -> None:
    assert word in account_refusal(SlackUser("U1", "T1", **WRONG[word]).document(), "T1")


def test_a_member_of_another_workspace_is_none_of_ours() -> None:
    assert "another workspace" in account_refusal(SlackUser("U1", "T2").document(), "T1")
