"""Which addresses a request of ours may connect to. Pure.

The standard library's `is_global` calls several ways of writing an inner address global (NAT64,
6to4, IPv4-compatible, a cloud's own services), so the classification here is our own.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Metadata and platform services of clouds: no list of an operator may open these.
_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "169.254.0.0/16",
        "fe80::/10",
        "168.63.129.16/32",
        "100.100.100.200/32",
        "192.0.0.192/32",
        "fd00:ec2::254/128",
        "0.0.0.0/8",
        "::/128",
    )
)
# IPv6 forms that carry an IPv4 address which another machine would connect to.
_CARRIERS = tuple(
    ipaddress.ip_network(text)
    for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")
)
# Inner addresses that the standard library calls global: site-local, 6to4 relays.
_INNER = tuple(ipaddress.ip_network(text) for text in ("fec0::/10", "192.88.99.0/24"))
_LOOPBACK_6 = ipaddress.ip_address("::1")


def refusal(text: str, listed: Sequence[Network], *, any_private: bool = False) -> str:
    """Why this address is not connected to; "" where it may be.

    `listed` are the networks that the operator opened by name; `any_private` opens all inner
    addresses (the host itself was named by the operator) but never metadata services.
    """
    if "%" in text:
        return f"{text} names a network interface"
    try:
        address: Address = ipaddress.ip_address(text)
    except ValueError:
        return f"{text[:60]} is no address"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if _within(address, _NEVER) or address.is_multicast:
        return f"{text} belongs to the network or the cloud itself"
    if _within(address, listed):
        return ""
    if _within(address, _CARRIERS) and address != _LOOPBACK_6:
        return f"{text} carries another address inside"
    if address.is_global and not address.is_reserved and not _within(address, _INNER):
        return ""
    return "" if any_private else f"{text} is an inner address"


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == net.version and address in net for net in networks)
