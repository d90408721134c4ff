"""The way out: requests to hosts that the operator named, and to no inner address by accident."""

from kernel.egress.client import (
    Answer,
    Egress,
    EgressRefused,
    MaybeSent,
    NotSent,
    Resolver,
    own_host,
    parse_hosts,
    resolve_by_system,
)

__all__ = [
    "Answer",
    "Egress",
    "EgressRefused",
    "MaybeSent",
    "NotSent",
    "Resolver",
    "own_host",
    "parse_hosts",
    "resolve_by_system",
]
