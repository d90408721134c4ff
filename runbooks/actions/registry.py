"""The adapters of this installation, by the name that actions carry."""

from __future__ import annotations

from kernel.egress import (
    Egress,
    EgressRefused,
    Resolver,
    own_host,
    parse_hosts,
    resolve_by_system,
)
from kernel.errors import BadInput
from runbooks.actions.flag import FlagAdapter
from runbooks.actions.http import HttpAdapter
from runbooks.actions.manual import ManualAdapter
from runbooks.actions.port import Adapter
from runbooks.settings import RunbookSettings

HOSTS_SETTING = "TILLWATCH_ACTION_HOSTS"


def build_adapters(
    settings: RunbookSettings, resolver: Resolver = resolve_by_system
) -> dict[str, Adapter]:
    """Raises BadInput where a host of the settings cannot be understood."""
    listed = parse_hosts(settings.action_hosts, HOSTS_SETTING)
    flag_hosts = list(listed)
    if settings.flag_url:
        try:
            flag_hosts.insert(0, own_host(settings.flag_url))
        except EgressRefused as error:
            raise BadInput(f"TILLWATCH_FLAG_URL: {error}") from None
    flag_egress = Egress(flag_hosts, resolver, listed_in=HOSTS_SETTING)
    token = settings.flag_token.get_secret_value()
    return {
        "flag": FlagAdapter(settings.flag_url, flag_egress, token),
        "http": HttpAdapter(Egress(listed, resolver, listed_in=HOSTS_SETTING)),
        "manual": ManualAdapter(),
    }
