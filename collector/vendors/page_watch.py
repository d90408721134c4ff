"""Reads the status pages of `TILLWATCH_STATUS_PAGES`: slowly by itself, at once after a hint.

Addresses come from our settings alone, never from what a webhook says. Over https, or http to this
very machine; a redirect is a fault, and a public name that leads to an inner address is not called.
"""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx2
import msgspec

from collector.acknowledge import durable_now
from collector.changes.memory import ChangeMemory, Watched
from collector.redaction import Redactor
from collector.vendors.summary import FORMAT, Summary, summary_of
from kernel import strict_json
from kernel.clock import SECOND_US, Clock
from kernel.egress import Egress, EgressRefused, MaybeSent, NotSent, parse_hosts
from kernel.errors import BadInput, NotConfigured, TillwatchError
from kernel.journal import Append, Item, JournalWriter, Stream
from kernel.observability import get_logger

SETTING: Final = "TILLWATCH_STATUS_PAGES"
PATH: Final = "/api/v2/summary.json"
MAX_ANSWER_BYTES: Final = 2 * 1024**2
_AGAIN_AFTER_HINT_US = 10 * SECOND_US
_AGAIN_AFTER_FAULT_US = 60 * SECOND_US
# Uncompressed: what is bounded is what is read.
_ASKED: Final = {"Accept": "application/json", "Accept-Encoding": "identity"}
_LOOPBACK = "127.0.0.0/8+::1/128"
_log = get_logger(__name__)


@dataclass
class _Page:
    """One vendor's page, and when it is read next."""

    vendor: str
    url: str
    egress: Egress
    due_us: int = 0
    tried_us: int = 0
    newest: bytes = b""
    problem: str = ""


class PageWatch:
    """Due pages are read one after the other; each within the bounds of the way out."""

    def __init__(
        self,
        pages: Mapping[str, str],
        writer: JournalWriter,
        memory: ChangeMemory,
        redactor: Redactor,
        clock: Clock,
        *,
        poll_s: float,
    ) -> None:
        """`pages`: vendor -> base address. Raises NotConfigured for an address that is no such."""
        self._pages = {name: _page(name, base) for name, base in pages.items()}
        self._writer = writer
        self._memory = memory
        self._redactor = redactor
        self._clock = clock
        self._poll_us = round(poll_s * SECOND_US)
        self._lock = threading.Lock()

    def hint(self, vendor: str) -> None:
        """Read this page soon, but never in a flood: somebody says that it has news."""
        with self._lock:
            page = self._pages.get(vendor)
            if page is not None:
                page.due_us = min(page.due_us, page.tried_us + _AGAIN_AFTER_HINT_US)

    def look(self) -> None:
        """Read every page that is due."""
        for page in self._pages.values():
            if self._is_due(page):
                self._read(page)

    def _is_due(self, page: _Page) -> bool:
        """Marked as read before it is: a hint that comes meanwhile counts for the next reading."""
        now_us = self._clock.now_us()
        with self._lock:
            if page.due_us > now_us:
                return False
            page.tried_us, page.due_us = now_us, now_us + self._poll_us
            return True

    def _read(self, page: _Page) -> None:
        what = name_of(page.vendor)
        try:
            seen = self._seen(page)
        except (BadInput, EgressRefused, NotSent, MaybeSent) as fault:
            problem = self._redactor.text(str(fault))[:300]
            self._memory.note(Watched(what, page.url, page.tried_us, problem=problem))
            with self._lock:
                page.due_us = min(page.due_us, page.tried_us + _AGAIN_AFTER_FAULT_US)
            if problem != page.problem:
                _log.warning("vendors.page_unreadable", vendor=page.vendor, problem=problem)
            page.problem = problem
            return
        page.problem = ""
        self._keep(page, what, seen)
        self._memory.note(Watched(what, page.url, page.tried_us, page.tried_us, seen.state))

    def _seen(self, page: _Page) -> Summary:
        answer = page.egress.send("GET", page.url, _ASKED)
        if answer.status != 200:
            raise BadInput(f"the page answers {answer.status}")
        if not answer.whole:
            raise BadInput(f"the page is larger than {MAX_ANSWER_BYTES} bytes")
        document = self._redactor.document(strict_json.loads(answer.body))
        return summary_of(document, page.vendor)

    def _keep(self, page: _Page, what: str, seen: Summary) -> None:
        """A page that says what it said before is no record."""
        said = msgspec.json.encode(msgspec.structs.replace(seen, updated_us=0))
        if said == page.newest:
            return
        data = msgspec.json.encode(seen)
        append = Append(stream=Stream.RAW, source=what, format=FORMAT, items=[Item(data)])
        durable_now(self._writer.append(append))
        page.newest = said


def name_of(vendor: str) -> str:
    """How the page is called where people see it; its webhook source has the same name."""
    return f"statuspage/{vendor}"


def check(vendor: str, base: str) -> None:
    """Raise NotConfigured where this address is not read."""
    _page(vendor, base)


def _page(vendor: str, base: str) -> _Page:
    try:
        url = httpx2.URL(base)
    except (httpx2.InvalidURL, ValueError):
        url = httpx2.URL("")
    is_local = url.host == "localhost" or _is_loopback(url.host)
    if url.scheme != "https" and not (url.scheme == "http" and is_local):
        raise NotConfigured(
            f"{SETTING}: the page of {vendor} needs https (http only on this machine)",
            hint=f"{SETTING}=github=https://www.githubstatus.com",
        )
    if url.userinfo or url.query or url.fragment:
        raise NotConfigured(f"{SETTING}: the page of {vendor} is a plain address without query")
    place = f"{url.scheme}://{url.netloc.decode('ascii')}"
    try:
        hosts = parse_hosts(f"{place}@{_LOOPBACK}" if is_local else place, SETTING)
    except TillwatchError as error:
        raise NotConfigured(error.message) from None
    egress = Egress(hosts, listed_in=SETTING, max_answer_bytes=MAX_ANSWER_BYTES)
    return _Page(vendor, base.rstrip("/") + PATH, egress)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
