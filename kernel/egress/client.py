"""One request to one of the allowed hosts: checked addresses, no redirects, small answers.

A name is resolved once; every address it has must be allowed; the connection goes to one of those
very addresses, so a second answer of the name server changes nothing. Proxies of the environment
are not used.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import httpx2

from kernel.egress.addresses import Network, refusal
from kernel.errors import BadInput

CONNECT_S = 3.0
READ_S = 5.0
TOTAL_S = 10.0
MAX_ANSWER_BYTES = 64 * 1024
_PORTS = {"http": 80, "https": 443}

Resolver = Callable[[str, int], Sequence[str]]


class EgressRefused(Exception):
    """Our own rules forbid it: nothing was sent."""


class NotSent(Exception):
    """The other side could not be reached: nothing was sent."""


class MaybeSent(Exception):
    """It was sent, at least in part, and the answer is missing."""


@dataclass(frozen=True)
class AllowedHost:
    """One entry: `[scheme://]host[:port][@network[+network]]`; without a port, https on 443."""

    host: str
    port: int
    scheme: str = ""
    networks: tuple[Network, ...] = ()
    any_private: bool = False


@dataclass(frozen=True)
class Answer:
    """Status and body of the answer; `whole` is false where the body was cut at its bound."""

    status: int
    body: bytes
    whole: bool = True


def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """Every address of a name, as the machine's resolver gives them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


def parse_hosts(text: str, setting: str) -> list[AllowedHost]:
    """Read a setting that lists hosts. Raises BadInput that names the setting and the entry."""
    return [_parse_host(entry.strip(), setting) for entry in text.split(",") if entry.strip()]


def own_host(url: str) -> AllowedHost:
    """The host of an address that the operator configured: its inner addresses are meant."""
    parsed = _parsed(url)
    port = parsed.port or _PORTS[parsed.scheme]
    return AllowedHost(parsed.host, port, parsed.scheme, any_private=True)


class Egress:
    """Sends one request and gives the answer, or says why not."""

    def __init__(
        self,
        hosts: Sequence[AllowedHost],
        resolver: Resolver = resolve_by_system,
        *,
        listed_in: str,
        total_s: float = TOTAL_S,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        """`listed_in`: the setting that lists the hosts, for the refusal of another one."""
        self._hosts = list(hosts)
        self._resolver = resolver
        self._listed_in = listed_in
        self._total_s = total_s
        self._max_answer_bytes = max_answer_bytes

    def check(self, url: str) -> None:
        """Raise EgressRefused where the address is not on the list. Touches no network."""
        self._entry(_parsed(url))

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """One request, never repeated. Raises EgressRefused, NotSent or MaybeSent.

        It runs in a thread of its own, because a peer that sends one byte every few seconds keeps
        within all the limits of single reads: after `total_s` we stop waiting for it.
        """
        parsed = _parsed(url)
        entry = self._entry(parsed)
        answer: Future[Answer] = Future()

        def work() -> None:
            try:
                answer.set_result(self._request(method, parsed, entry, (headers or {}, content)))
            except (EgressRefused, NotSent, MaybeSent) as error:
                answer.set_exception(error)

        threading.Thread(target=work, name="egress", daemon=True).start()
        try:
            return answer.result(self._total_s)
        except TimeoutError:
            raise MaybeSent(f"no whole answer within {self._total_s:g} s") from None

    def _request(
        self,
        method: str,
        parsed: httpx2.URL,
        entry: AllowedHost,
        what: tuple[Mapping[str, str], bytes | None],
    ) -> Answer:
        headers, content = what
        address = self._address(parsed, entry)
        sent = {"Host": parsed.netloc.decode("ascii"), "User-Agent": "tillwatch"}
        sent.update(headers)
        timeout = httpx2.Timeout(READ_S, connect=CONNECT_S)
        with httpx2.Client(trust_env=False, follow_redirects=False, timeout=timeout) as client:
            request = client.build_request(
                method,
                parsed.copy_with(host=address),
                headers=sent,
                content=content,
                extensions={"sni_hostname": parsed.host},
            )
            return self._exchange(client, request)

    def _exchange(self, client: httpx2.Client, request: httpx2.Request) -> Answer:
        body, limit = b"", self._max_answer_bytes
        try:
            response = client.send(request, stream=True)
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > limit:
                    break
            response.close()
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise NotSent(f"no connection: {error or type(error).__name__}") from None
        except httpx2.HTTPError as error:
            raise MaybeSent(f"no answer: {type(error).__name__}") from None
        return Answer(response.status_code, body[:limit], whole=len(body) <= limit)

    def _entry(self, parsed: httpx2.URL) -> AllowedHost:
        port = parsed.port or _PORTS[parsed.scheme]
        for entry in self._hosts:
            same_scheme = entry.scheme in {"", parsed.scheme}
            if entry.host == parsed.host and entry.port == port and same_scheme:
                return entry
        raise EgressRefused(
            f"{parsed.scheme}://{parsed.host}:{port} is not among {self._listed_in}"
        )

    def _address(self, parsed: httpx2.URL, entry: AllowedHost) -> str:
        try:
            addresses = list(self._resolver(parsed.host, entry.port))
        except (OSError, UnicodeError) as error:  # the second: a name that IDNA cannot write
            raise NotSent(f"{parsed.host} has no address: {error}") from None
        if not addresses:
            raise NotSent(f"{parsed.host} has no address")
        for address in addresses:
            why_not = refusal(address, entry.networks, any_private=entry.any_private)
            if why_not:
                raise EgressRefused(f"{parsed.host}: {why_not}")
        return addresses[0]


def _parsed(url: str) -> httpx2.URL:
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError):
        raise EgressRefused("not a usable address") from None
    if parsed.scheme not in _PORTS or not parsed.host or parsed.userinfo:
        raise EgressRefused("an address needs http(s) and a host, and no user name")
    return parsed


def _parse_host(entry: str, setting: str) -> AllowedHost:
    before, _, networks_text = entry.partition("@")
    scheme, found, rest = before.rpartition("://")
    if scheme not in {"", "http", "https"} or (found and not scheme):
        raise BadInput(f"{setting}: {entry!r} has a scheme that is not http or https")
    try:
        place = rest if re.fullmatch(r"[A-Za-z0-9._:\[\]-]+", rest) else ""
        parsed = _parsed(f"{scheme or 'https'}://{place}/")
        networks = [ipaddress.ip_network(text) for text in networks_text.split("+") if text]
    except (EgressRefused, ValueError):
        raise BadInput(
            f"{setting}: {entry!r} is not [scheme://]host[:port][@network[+network]]"
        ) from None
    try:
        literal: list[Network] = [ipaddress.ip_network(parsed.host)]
    except ValueError:
        literal = []  # a name: only what @network opens
    port = parsed.port or _PORTS[scheme or "https"]
    return AllowedHost(parsed.host, port, scheme, (*networks, *literal))
