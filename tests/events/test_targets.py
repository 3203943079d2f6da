"""Which addresses may be called: by number, by name after it is resolved, and what a URL may hold."""

import asyncio
import ipaddress
import socket

import aiohttp
import pytest
from aiohttp.abc import ResolveResult

from tests.support.receiver import Receiver
from waypost.outgoing.calling import Caller, NotSent
from waypost.outgoing.targets import CheckedResolver, Forbidden, Targets

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)

INSIDE = (
    "10.1.2.3", "172.16.0.1", "192.168.1.1", "127.0.0.1", "127.8.8.8", "0.0.0.0", "169.254.169.254", "100.64.0.1",
    "100.100.100.200", "192.0.0.192", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "168.63.129.16", "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "2002:a00:1::", "64:ff9b::7f00:1", "64:ff9b::a00:1",
    "::127.0.0.1", "::ffff:0:7f00:1", "64:ff9b:1::a00:1", "fec0::1", "5f00::1",
)  # fmt: skip
OUTSIDE = ("8.8.8.8", "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946")


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_not_public_is_refused(address: str) -> None:
    targets = Targets()
    assert not targets.may_call(ipaddress.ip_address(address), secure=True)
    host = f"[{address}]" if ":" in address else address
    assert targets.fault(f"https://{host}/") is not None


@pytest.mark.parametrize("address", OUTSIDE)
def test_what_is_public_may_be_called_over_tls_only(address: str) -> None:
    targets = Targets()
    assert targets.may_call(ipaddress.ip_address(address), secure=True)
    assert not targets.may_call(ipaddress.ip_address(address), secure=False)


def test_an_allowed_network_may_be_called_also_without_tls() -> None:
    targets = Targets(LOOPBACK)
    assert targets.fault("http://127.0.0.1:8080/x") is None
    assert targets.fault("http://[::ffff:127.0.0.1]:8080/x") is None
    assert targets.fault("http://10.0.0.1/") is not None
    assert targets.fault("https://10.0.0.1/") is not None
    assert targets.fault("http://8.8.8.8/") is not None


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://user@example.com/", "user name"),
        ("https://user:secret@example.com/", "user name"),
        ("https://example.com:22/", "port"),
        ("https://example.com:0/", "port"),
        ("https://example.com:70000/", 'not "70000"'),
        ("https://example.com/#x", "fragment"),
        ("http://example.com/", "https"),
        ("gopher://example.com/", "https URL"),
        ("https:///x", "host"),
        ("https://[::1/", 'has the host "[::1": '),
    ],
)
def test_what_a_url_must_not_hold(url: str, words: str) -> None:
    fault = Targets().fault(url)
    assert fault is not None
    assert words in fault


@pytest.mark.parametrize("url", ["https://example.com/x?a=1", "https://example.com:8443/", "https://example.com:443"])
def test_what_it_may(url: str) -> None:
    assert Targets().fault(url) is None


class Names:
    """A resolver whose answers a test decides."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)

    async def resolve(self, host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=one, port=port, family=socket.AF_INET, proto=0, flags=0)
            for one in self.answers
        ]

    async def close(self) -> None:
        pass


def resolver(names: Names, *allowed: str) -> CheckedResolver:
    made = CheckedResolver(Targets(tuple(ipaddress.ip_network(one) for one in allowed)), secure=True)
    made._inner = names  # type: ignore[assignment]
    return made


async def test_a_name_is_judged_by_what_it_resolves_to() -> None:
    assert [one["host"] for one in await resolver(Names("8.8.8.8")).resolve("a.example", 443)] == ["8.8.8.8"]
    for address in ("10.0.0.1", "127.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "fe80::1%eth0"):
        with pytest.raises(Forbidden):
            await resolver(Names(address)).resolve("a.example", 443)
    mixed = await resolver(Names("10.0.0.1", "8.8.8.8")).resolve("a.example", 443)
    assert [one["host"] for one in mixed] == ["8.8.8.8"], "only what may be called is handed on"


async def test_the_connection_goes_to_the_address_that_was_judged(receiver: Receiver) -> None:
    """A name that leads inside at the moment of the call gains nothing, whatever it led to before."""
    names = Names("127.0.0.1")
    caller = Caller(Targets(LOOPBACK))
    session = caller._session(secure=False)
    connector = session.connector
    assert isinstance(connector, aiohttp.TCPConnector)
    connector._resolver._inner = names  # type: ignore[attr-defined]
    url = f"http://rebound.example:{receiver.port}/x"
    answer = await caller.call("POST", url, {}, b"{}", 5, 5, 100)
    assert answer.status == 204
    await caller.close()
    caller = Caller(Targets(LOOPBACK))
    connector = caller._session(secure=False).connector
    names.answers = ["10.0.0.1", "169.254.169.254"]
    connector._resolver._inner = names  # type: ignore[union-attr]
    with pytest.raises(NotSent, match="no address that may be called") as caught:
        await caller.call("POST", url, {}, b"{}", 5, 5, 100)
    assert caught.value.forbidden
    await caller.close()
    assert len(receiver.received) == 1


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "[::ffff:7f00:1]"])
async def test_no_spelling_of_the_loopback_is_called(receiver: Receiver, host: str) -> None:
    caller = Caller(Targets())
    with pytest.raises(NotSent):
        async with asyncio.timeout(10):
            await caller.call("POST", f"https://{host}:{receiver.port}/", {}, b"{}", 5, 5, 100)
    await caller.close()
    assert receiver.received == []
