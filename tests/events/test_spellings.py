"""Forbidden addresses in every spelling: none is called, with and without an `--allow-targets` of something else."""

import ipaddress
import json
import socket

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.events.conftest import Sending
from tests.support.spellings import FORBIDDEN, hosts, is_compatible, spellings, tricks
from waypost.delivery.sources.http.settings import read
from waypost.outgoing import calling, urls
from waypost.outgoing.calling import Caller, NotSent
from waypost.outgoing.targets import CheckedResolver, Targets
from waypost.outgoing.urls import client_url
from waypost.wire.faults import BadInput

HOSTS = hosts()
ELSEWHERE = Targets((ipaddress.ip_network("192.0.2.0/24"), ipaddress.ip_network("2001:db8::/32")))
RULES = {"none": Targets(), "elsewhere": ELSEWHERE}

# Names and addresses as the client may use them, and the host that it then connects to.
GOOD = {
    "https://example.com/": "example.com",
    "https://EXAMPLE.com/x?a=1": "example.com",
    "https://example.com./": "example.com.",
    "https://example.com:8443/a b": "example.com",
    "https://a-b.c_d.example/%2e%2e/": "a-b.c_d.example",
    "https://1e100.net/": "1e100.net",
    "https://4.example/": "4.example",
    "https://127.0.0.1.example.com/": "127.0.0.1.example.com",
    "https://bücher.example/": "xn--bcher-kva.example",
    "https://BÜCHER.example/": "xn--bcher-kva.example",
    "https://bu\u0308cher.example/": "xn--bcher-kva.example",
    "https://xn--bcher-kva.example/": "xn--bcher-kva.example",
    "https://straße.example/": "xn--strae-oqa.example",
    "https://пример.example:8443/": "xn--e1afmkfd.example",
    "https://例え.テスト/": "xn--r8jz45g.xn--zckzah",
    "https://مثال.example/": "xn--mgbh0fb.example",
    "https://8.8.8.8/": "8.8.8.8",
    "https://[2606:2800:220:1:248:1893:25C8:1946]:8443/": "2606:2800:220:1:248:1893:25c8:1946",
    "HTTPS://8.8.8.8/": "8.8.8.8",
}


class Inside(AbstractResolver):
    """A resolver to which every name is one of the forbidden addresses; it remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        address = FORBIDDEN[len(self.asked) % len(FORBIDDEN)]
        return [ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        pass


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> Inside:
    """Every resolver of a caller asks this one, and judges its answers as ever; no socket may be connected."""
    names = Inside()

    class Resolver(CheckedResolver):
        def __init__(self, targets: Targets, secure: bool) -> None:
            super().__init__(targets, secure)
            self._inner = names  # type: ignore[assignment]

    async def connected(*given: object, **more: object) -> None:
        raise AssertionError(f"something is connected to: {given}")

    monkeypatch.setattr(calling, "CheckedResolver", Resolver)
    monkeypatch.setattr("asyncio.base_events.BaseEventLoop.sock_connect", connected, raising=False)
    monkeypatch.setattr("asyncio.selector_events.BaseSelectorEventLoop.sock_connect", connected)
    return names


async def refused(caller: Caller, url: str) -> str:
    """The words with which the call is refused."""
    with pytest.raises(NotSent) as caught:
        await caller.call("POST", url, {}, b"{}", 5, 5, 100)
    return caught.value.message


def leaks(message: str, typed: str) -> list[str]:
    """Forbidden addresses, and words of libraries and of the system, that a message shows."""
    words = ("errno", "aiohttp", "cannot connect", "ssl:", "getaddrinfo", "traceback", "('", "idna", "yarl")
    shown = [address for address in FORBIDDEN if address in message and address not in typed]
    return shown + [word for word in words if word in message.lower()]


def test_there_are_spellings_enough_and_of_every_kind() -> None:
    assert len(HOSTS) == len(set(HOSTS)) >= 500
    assert sum(not host.isascii() for host in HOSTS) >= 200
    assert sum(is_compatible(host) for host in HOSTS) >= 100
    assert sum(host.startswith("[") for host in HOSTS) >= 100
    assert sum("%" in host for host in HOSTS) >= 50
    for seen in ("１27.0.0.1", "127。0。0。1", "①②⑦.0.0.1", "𝟏𝟐𝟕.0.0.1", "１69.254.169.254", "127.1", "0x7f.1"):
        assert seen in HOSTS


@pytest.mark.parametrize("targets", RULES.values(), ids=RULES)
async def test_no_spelling_is_called(inside: Inside, targets: Targets) -> None:
    """Refused when the setting is made; and again at the call, for settings of an older release."""
    caller = Caller(targets)
    passed = []
    for host in HOSTS:
        for scheme, port in (("https", ""), ("https", ":8443"), ("http", "")):
            url = f"{scheme}://{host}{port}/x"
            if targets.fault(url) is None:
                passed.append(url)
            message = await refused(caller, url)
            assert not leaks(message, url), (url, message)
    await caller.close()
    assert passed == []
    assert inside.asked == []


@pytest.mark.parametrize("targets", RULES.values(), ids=RULES)
@pytest.mark.parametrize("address", FORBIDDEN)
async def test_no_trick_with_the_rest_of_a_url_passes(inside: Inside, targets: Targets, address: str) -> None:
    caller = Caller(targets)
    for url in tricks(address):
        assert targets.fault(url) is not None, url
        assert not leaks(await refused(caller, url), url), url
    await caller.close()
    assert inside.asked == []


@pytest.mark.parametrize("targets", RULES.values(), ids=RULES)
async def test_a_name_that_resolves_there_is_refused_at_the_call(inside: Inside, targets: Targets) -> None:
    caller = Caller(targets)
    names = [url for url, host in GOOD.items() if not host.replace(".", "").isdigit() and ":" not in host]
    names += ["https://localhost/", "https://localhost.localdomain/", "https://127.0.0.1.nip.example/"]
    for url in names:
        assert targets.fault(url) is None, url
        message = await refused(caller, url)
        assert "resolves to no address that may be called" in message
        assert not leaks(message, url), message
    await caller.close()
    assert inside.asked == [client_url(url).raw_host for url in names], "what was judged is what is resolved"


@pytest.mark.parametrize(("url", "host"), GOOD.items())
def test_a_good_one_passes_as_the_client_uses_it(url: str, host: str) -> None:
    assert Targets().fault(url) is None
    assert Targets().guard(url).raw_host == host
    assert client_url(str(client_url(url))) == client_url(url), "reading it again changes nothing"


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/\n", "https://exam\tple.com/", "https://example.com/a\\b", "https://example.com\\.x.example/",
        "https://example.com/?a=\r", "https://example.com/\x00", "https://example.com/\x85", "https://example.com/\u2028",
        "https://[2606:2800:220:1:248:1893:25c8:1946%25eth0]/", "https://[2606:2800:220:1:248:1893:25c8:1946%1]/",
        "https://8.8.8.8./", "https://08.8.8.8/", "https://8.8.2056/", "https://134744072/", "https://8.8.8.٨/",
        "https://８.8.8.8/", "https://ｂücher.example/", "https://8%2e8.8.8/", "https://example。com/", "https://ｅxample.com/", "https://ex\u00adample.com/",
        "https://exam\u200bple.com/", "https://\u212aube.example/", "https://x..example/", "https://.example/", "https://./",
        "https://" + "a" * 64 + ".example/", "https://" + "a." * 127 + "example/", "https://exa mple.com/",
    ],
)  # fmt: skip
def test_an_odd_spelling_of_a_good_host_is_refused_as_well(url: str) -> None:
    """What is odd is refused for that, not for what it leads to today."""
    assert Targets().fault(url) is not None


PORTS = "must use port 80, 443 or one from 1024 to 65535, not"
HOSTS_ARE = 'it must be a name of letters, digits, "-" and "_" with single dots between, an IPv4 address, or an IPv6 address in brackets'
FOUR = "write an IPv4 address as four decimal numbers without a dot at the end, such as 192.0.2.1"
OTHERS = "some of its characters stand for others; write plain digits, dots and letters (ü is fine)"


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("a.example:99999", f'{PORTS} "99999"'), ("a.example:abc", f'{PORTS} "abc"'), ("a.example:22", f'{PORTS} "22"'),
        ("a.example:0", f'{PORTS} "0"'), ("a.example:443:80", f'{PORTS} "443:80"'), ("8.8.8.8:４４３", f'{PORTS} "４４３"'),
        ("a.example:1234567", f'{PORTS} "1234567"'), ("[2606:2800::1]:x", f'{PORTS} "x"'),
        ("[fe80::1%eth0]", 'has the host "[fe80::1%eth0]": it must not have a zone (%eth0)'),
        ("[fe80::g]", 'has the host "[fe80::g]": an address in brackets must be an IPv6 address, such as [2001:db8::1]'),
        ("[8.8.8.8]", 'has the host "[8.8.8.8]": '), ("2606:2800::1", f'has the host "2606:2800::1": {HOSTS_ARE}'),
        ("a..example", f'has the host "a..example": {HOSTS_ARE}'), ("a b.example", f'has the host "a b.example": {HOSTS_ARE}'),
        ("[2606:2800::1]x", f'has the host "[2606:2800::1]x": {HOSTS_ARE}'),
        ("192.0.2.1.", f'has the host "192.0.2.1.": {FOUR}'), ("127.1", f'has the host "127.1": {FOUR}'),
        ("１27.0.0.1", f'has the host "１27.0.0.1": {OTHERS}'), ("ex\u200bample.com", 'has the host "ex<U+200B>ample.com": '),
        ("a." * 130 + "example", "a name has at most 253 characters"),
    ],
)  # fmt: skip
def test_a_message_quotes_the_host_or_the_port_and_says_what_is_allowed(place: str, says: str) -> None:
    for tail in ("", "/x?a=1"):
        assert says in (Targets().fault(f"https://{place}{tail}") or "")


@pytest.mark.parametrize(("written", "used"), [("a.example", "b.example"), ("a.example", "a.example.b"), ("[::1]", "::2")])
def test_a_client_that_reads_another_host_than_is_written_is_not_trusted(written: str, used: str) -> None:
    with pytest.raises(urls.BadUrl):
        urls._judge_host(written, used)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "10.0.0.1", "::1", "fe80::1%1", "localhost"])
def test_a_socket_goes_to_addresses_that_may_be_called_only(host: str) -> None:
    """Whatever the client takes for an address: the last check stands where it connects."""
    make = Targets((ipaddress.ip_network("192.0.2.0/24"),)).sockets(secure=True)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with pytest.raises(OSError, match=r"^The URL names an address that may not be called from here\.$"):
        make((family, socket.SOCK_STREAM, 0, "", (host, 443)))
    with make((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("192.0.2.7", 443))) as made:
        assert made.family == socket.AF_INET


async def test_the_client_asks_that_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """A judge that lets everything pass is not enough to reach the loopback."""
    caller = Caller(Targets())
    monkeypatch.setattr(caller.targets, "guard", client_url)
    assert await refused(caller, "https://127.0.0.1:8443/") == "The URL names an address that may not be called from here."
    await caller.close()


async def test_what_the_system_says_is_put_in_own_words() -> None:
    error = OSError(113, "Connect call failed ('10.0.0.1', 443)")
    key = aiohttp.client_reqrep.ConnectionKey("a.example", 443, True, True, None, None, None)
    message = calling._words(aiohttp.ClientConnectorError(key, error))
    assert message == "The host cannot be reached: there is no route to it."
    several = OSError(None, "Multiple exceptions: [Errno 111] Connect call failed ('10.0.0.1', 443)")
    message = calling._words(aiohttp.ClientConnectorError(key, several))
    assert message == "The host cannot be reached: no connection can be made."


@pytest.mark.parametrize("url", ["https://１27.0.0.1/", "https://127.1/x", "https://x.example@10.0.0.1/"])
def test_the_settings_of_a_source_say_which_url_is_wrong(url: str) -> None:
    with pytest.raises(BadInput) as caught:
        read({"url": url, "lookUp": {"url": url}}, {}, {}, Targets())
    assert [fault.name for fault in caught.value.faults] == ["/settings/url", "/settings/lookUp/url"]


async def test_settings_in_disguise_are_refused(sending: Sending) -> None:
    """Over the API: a webhook, and the delivery of a source."""
    world, ours = sending.world, sending.world.ours
    for host in spellings("169.254.169.254")[::10]:
        url = f"https://{host}/x"
        hook = {"configurationName": "x", "webhookUrl": url, "subscribedEvents": ["OrderImportedEvent"]}
        reply = await world.client().post("/webhook/configurations", json=hook)
        assert (reply.status, reply.json()["code"]) == (400, "invalid_input"), (url, reply.body)
        assert reply.json()["errors"][0]["code"] == "bad_url", url
        delivery = {"kind": "http", "settings": {"url": url}}
        reply = await world.client().call("PUT", f"/source/{ours.sources[0]}/delivery", json=delivery)
        assert (reply.status, reply.json()["errors"][0]["pointer"]) == (400, "/settings/url"), url
    assert json.loads((await world.client().get("/webhook/configurations")).body) == []
