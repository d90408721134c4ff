"""The way out: only listed hosts, only checked addresses, no second thoughts."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Sequence

import pytest

from kernel.egress import (
    Egress,
    EgressRefused,
    MaybeSent,
    NotSent,
    Resolver,
    own_host,
    parse_hosts,
    resolve_by_system,
)
from kernel.egress.addresses import refusal
from kernel.egress.client import MAX_ANSWER_BYTES
from kernel.errors import BadInput
from runbooks.actions.http import HttpAdapter
from runbooks.actions.port import PreconditionFailed
from runbooks.actions.registry import HOSTS_SETTING
from tests.runbooks.loopback import Loopback


def egress(hosts: str, resolver: Resolver = resolve_by_system, **more: float) -> Egress:
    return Egress(parse_hosts(hosts, HOSTS_SETTING), resolver, listed_in=HOSTS_SETTING, **more)


def test_a_host_that_is_not_listed_is_never_called(canary: Loopback) -> None:
    out = egress("https://api.example.com,localhost:1")
    for url in (
        f"http://127.0.0.1:{canary.port}/",
        f"http://2130706433:{canary.port}/",
        f"http://0x7f000001:{canary.port}/",
        f"http://017700000001:{canary.port}/",
        f"http://127.1:{canary.port}/",
        f"http://[::1]:{canary.port}/",
        f"http://[::ffff:127.0.0.1]:{canary.port}/",
        f"http://localhost:{canary.port}/",
        f"http://api.example.com@127.0.0.1:{canary.port}/",
        f"http://api.example.com:{canary.port}@127.0.0.1/",
        f"http://127.0.0.1:{canary.port}#api.example.com",
        f"http://127.0.0.1:{canary.port}\\@api.example.com/",
        f"http://①②⑦.0.0.1:{canary.port}/",
        "https://api.example.com.evil.org/",
        "https://api.example.com:444/",
        "http://api.example.com/",
        "file:///etc/passwd",
        "https:///x",
    ):
        with pytest.raises(EgressRefused):
            out.send("GET", url)
    assert canary.seen == []


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f000001", "127.1"])
def test_a_listed_name_for_an_inner_address_is_refused(canary: Loopback, host: str) -> None:
    out = egress(f"http://{host}:{canary.port}")
    with pytest.raises((EgressRefused, NotSent)):
        out.send("GET", f"http://{host}:{canary.port}/")
    assert canary.seen == []


def test_one_bad_address_among_good_ones_is_enough_to_refuse(canary: Loopback) -> None:
    def resolver(host: str, port: int) -> Sequence[str]:
        return ["93.184.216.34", "127.0.0.1"]

    with pytest.raises(EgressRefused, match="inner address"):
        egress(f"http://good.example:{canary.port}", resolver).send(
            "GET", f"http://good.example:{canary.port}/"
        )
    assert canary.seen == []


def test_a_second_answer_of_the_name_server_changes_nothing(canary: Loopback) -> None:
    """Rebinding: the checked address is the one that is connected to."""
    allowed = Loopback("127.0.0.2", canary.port)
    answers = iter([["127.0.0.2"], ["127.0.0.1"], ["127.0.0.1"]])

    def resolver(host: str, port: int) -> Sequence[str]:
        return next(answers)

    out = egress(f"http://shop.example:{canary.port}@127.0.0.2/32", resolver)
    try:
        assert out.send("GET", f"http://shop.example:{canary.port}/x").status == 200
        ((_, path, headers, _),) = allowed.seen
        assert (path, headers["host"]) == ("/x", f"shop.example:{canary.port}")
        with pytest.raises(EgressRefused):
            out.send("GET", f"http://shop.example:{canary.port}/x")
    finally:
        allowed.close()
    assert canary.seen == []


def test_redirects_are_not_followed(canary: Loopback) -> None:
    shop = Loopback()
    for target in (f"http://127.0.0.1:{canary.port}/", "http://169.254.169.254/latest/meta-data/"):
        shop.answers["/x"] = (302, {"Location": target}, b"")
        answer = egress(f"http://127.0.0.1:{shop.port}").send("GET", f"{shop.url}/x")
        assert answer.status == 302
    shop.close()
    assert canary.seen == []


def test_proxies_of_the_environment_are_not_used(
    canary: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Loopback()
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, canary.url)
    assert egress(f"http://127.0.0.1:{shop.port}").send("GET", f"{shop.url}/").status == 200
    shop.close()
    assert canary.seen == []


def test_a_large_answer_is_cut() -> None:
    shop = Loopback()
    shop.answers["/"] = (200, {}, b"x" * (MAX_ANSWER_BYTES * 3))
    answer = egress(f"http://127.0.0.1:{shop.port}").send("GET", f"{shop.url}/")
    shop.close()
    assert len(answer.body) == MAX_ANSWER_BYTES
    assert not answer.whole


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "168.63.129.16",
        "100.100.100.200", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "240.0.0.1",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "fe80::1",
        "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "64:ff9b::a00:1", "64:ff9b:1::a00:1",
        "2002:7f00:1::", "2002:a00:1::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "nonsense",
        "fec0::1", "192.88.99.1",
    ],
)  # fmt: skip
def test_inner_addresses_are_known_in_every_form(address: str) -> None:
    assert refusal(address, [])


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_public_addresses_are_fine(address: str) -> None:
    assert refusal(address, []) == ""


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "168.63.129.16"]
)
def test_metadata_services_stay_closed_even_where_listed(address: str) -> None:
    import ipaddress

    everything = [ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")]
    assert refusal(address, everything, any_private=True)


def test_the_flag_services_own_host_may_be_an_inner_one() -> None:
    assert refusal("172.18.0.4", [], any_private=True) == ""
    assert own_host("http://flags:8090/base").any_private
    with pytest.raises(EgressRefused):
        own_host("ftp://flags")


@pytest.mark.parametrize("entry", ["ftp://x", "a b", "x/path", "x@nonsense", "://x", "u:p@x:1"])
def test_a_bad_entry_of_the_list_is_named(entry: str) -> None:
    with pytest.raises(BadInput, match="TILLWATCH_ACTION_HOSTS"):
        parse_hosts(f"good.example, {entry}", HOSTS_SETTING)


def http_action(url: str, **more: object) -> dict[str, object]:
    return {"adapter": "http", "method": "POST", "url": url, "success": [200], **more}


def test_the_http_adapter_sends_what_the_dry_run_said() -> None:
    shop = Loopback()
    adapter = HttpAdapter(egress(f"http://127.0.0.1:{shop.port}"))
    action = http_action(f"{shop.url}/pause", body={"shop": "é"})
    lines = adapter.dry_run(action, "id-1")
    outcome = adapter.run(action, "id-1")
    ((method, path, headers, body),) = shop.seen
    shop.close()
    assert outcome.state == "succeeded"
    assert lines == [
        f"{method} {shop.url}{path}",
        f"Idempotency-Key: {headers['idempotency-key']}",
        body.decode(),
    ]
    assert json.loads(body) == {"shop": "é"}


@pytest.mark.parametrize(
    ("status", "state"), [(200, "succeeded"), (302, "failed"), (404, "failed"), (503, "unknown")]
)
def test_what_an_answer_means(status: int, state: str) -> None:
    shop = Loopback()
    shop.answers["/"] = (status, {}, b"")
    outcome = HttpAdapter(egress(f"http://127.0.0.1:{shop.port}")).run(
        http_action(f"{shop.url}/"), "id-1"
    )
    assert outcome.state == state
    assert len(shop.seen) == 1
    shop.close()


def test_nobody_listening_means_that_nothing_was_sent() -> None:
    shop = Loopback()
    shop.close()
    out = egress(f"http://127.0.0.1:{shop.port}")
    assert HttpAdapter(out).run(http_action(f"{shop.url}/"), "id-1").state == "failed"


def test_hanging_up_leaves_it_unknown() -> None:
    class Mute(Loopback):
        def answer(self, *args: object) -> None:
            return None

    shop = Mute()
    out = egress(f"http://127.0.0.1:{shop.port}")
    assert HttpAdapter(out).run(http_action(f"{shop.url}/"), "id-1").state == "unknown"
    with pytest.raises(MaybeSent):
        out.send("GET", f"{shop.url}/")
    shop.close()


def test_a_precondition_that_does_not_hold_stops_the_request() -> None:
    shop = Loopback()
    shop.answers["/health"] = (500, {}, b"")
    adapter = HttpAdapter(egress(f"http://127.0.0.1:{shop.port}"))
    precondition = {"url": f"{shop.url}/health", "status": 200}
    with pytest.raises(PreconditionFailed, match="answers 500"):
        adapter.observe(http_action(f"{shop.url}/pause", precondition=precondition))
    with pytest.raises(PreconditionFailed, match="TILLWATCH_ACTION_HOSTS"):
        adapter.observe(http_action("http://elsewhere.example/"))
    shop.close()


def test_a_peer_that_answers_byte_by_byte_is_not_waited_for() -> None:
    ended = threading.Event()

    def drip(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer:
            peer.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
            while not ended.wait(0.02):
                peer.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        out = egress(f"http://127.0.0.1:{port}", total_s=0.3)
        with pytest.raises(MaybeSent, match="no whole answer"):
            out.send("GET", f"http://127.0.0.1:{port}/")
        ended.set()
        thread.join()


def test_a_name_that_cannot_be_written_means_that_nothing_was_sent() -> None:
    host = f"{'a' * 64}.example.com"
    with pytest.raises(NotSent, match="no address"):
        egress(host).send("GET", f"https://{host}/")
