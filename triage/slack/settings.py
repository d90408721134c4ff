"""How Slack is reached. The secrets have Slack's usual names; without a bot token Slack is off."""

from __future__ import annotations

from pydantic import Field, SecretStr

from kernel.settings import Settings


class SlackSettings(Settings):
    """Slack is configured where token, signing secret and channel are set."""

    slack_bot_token: SecretStr = Field(SecretStr(""), validation_alias="SLACK_BOT_TOKEN")
    slack_signing_secret: SecretStr = Field(SecretStr(""), validation_alias="SLACK_SIGNING_SECRET")
    slack_channel: str = ""
    # Pins: where set, clicks and commands of any other workspace, app or organisation are refused.
    slack_team_id: str = ""
    slack_app_id: str = ""
    slack_enterprise_id: str = ""
    # Whom an unanswered approval calls after 2 and 5 minutes: a user's or a user group's id.
    slack_on_call: str = ""
    slack_secondary: str = ""
    slack_api_url: str = "https://slack.com/api/"
    slack_timeout_s: int = 10

    @property
    def configured(self) -> bool:
        """True where messages can be sent."""
        return bool(self.slack_bot_token.get_secret_value() and self.slack_channel)

    @property
    def listening(self) -> bool:
        """True where clicks can be verified."""
        return bool(self.slack_signing_secret.get_secret_value())
