"""Which addresses the hub may call on behalf of a setting: public ones over https, and what the operator allows.

A name is judged by what it resolves to at the moment of the call, and the connection goes to exactly that address:
a name that resolves to something else a moment later gains nothing.
"""

import ipaddress
import socket

from aiohttp import AddrInfoType, SocketFactoryType
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from waypost.outgoing.urls import BadUrl, bad_port, client_url

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Public by number, but what a cloud machine asks about itself.
_METADATA = (ipaddress.ip_network("168.63.129.16/32"), ipaddress.ip_network("192.0.0.0/24"))
# Bytes. What comes in one piece is read in one go, and the event loop waits: an answer in chunks of a byte costs most.
RECEIVED_AT_ONCE = 16 * 1024
_LOW_PORTS = (80, 443)  # of those below 1024: what else listens there speaks no HTTP

_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # IPv6 addresses that lead to IPv4 ones
_UNICAST = ipaddress.ip_network("2000::/3")  # of IPv6, all that is public; ranges outside have had many uses
_ISATAP = (0x00005EFE, 0x02005EFE)  # bits 64 to 95 of an IPv6 address that ends in an IPv4 one (RFC 5214)
_MAY_NOT = "names an address that may not be called from here"


class Forbidden(OSError):
    """The address may not be called; the message is for a person. An OSError, so that a connection just fails."""


def embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for; any other address is itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    teredo = address.teredo
    inner = address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)
    if inner is None and (address in _TRANSLATED or int(address) >> 32 & 0xFFFFFFFF in _ISATAP):
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address


class Targets:
    """`allowed`: networks that may be called although they are not public, and without TLS."""

    def __init__(self, allowed: tuple[Network, ...] = ()) -> None:
        self._allowed = allowed

    def is_allowed(self, address: Address) -> bool:
        """Whether the operator has allowed it."""
        return any(address in network for network in self._allowed if network.version == address.version)

    def may_call(self, address: Address, secure: bool) -> bool:
        """Whether this address may be called: a public one over TLS, or an allowed one."""
        inner = embedded(address)
        if self.is_allowed(address) or self.is_allowed(inner):
            return True
        if any(inner in network for network in _METADATA):
            return False
        if inner.version == 6 and inner not in _UNICAST:
            return False
        return secure and address.is_global and inner.is_global and not inner.is_multicast

    def fault(self, url: str) -> str | None:
        """Why this URL can never be called, as far as can be told without resolving its name; None: it may be."""
        try:
            self._judged(url)
        except BadUrl as error:
            return str(error)
        return None

    def guard(self, url: str) -> URL:
        """The URL to call; its name is judged when it is resolved. Raises `Forbidden` for one that is never called."""
        try:
            return self._judged(url)
        except BadUrl as error:
            raise Forbidden(f"The URL {error}.") from None

    def _judged(self, text: str) -> URL:
        url = client_url(text)
        if url.port is not None and url.port < 1024 and url.port not in _LOW_PORTS:
            raise bad_port(str(url.port))
        secure = url.scheme == "https"
        if not secure and not self._allowed:
            raise BadUrl("must be an https URL")
        try:
            address = ipaddress.ip_address(url.raw_host or "")
        except ValueError:
            return url
        if not self.may_call(address, secure):
            raise BadUrl(_MAY_NOT)
        return url

    def sockets(self, secure: bool) -> SocketFactoryType:
        """Makes the sockets of a connector. The last check: only addresses that may be called are connected to.

        A literal address meets no resolver, and the client decides what it takes for one.
        """

        def made(info: AddrInfoType) -> socket.socket:
            family, kind, protocol, _, place = info
            try:
                may = self.may_call(_address(str(place[0])), secure)
            except ValueError:  # a name or a number that the system would still have to read
                may = False
            if not may:
                raise Forbidden(f"The URL {_MAY_NOT}.")
            opened = socket.socket(family, kind, protocol)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED_AT_ONCE)
            return opened

        return made


class CheckedResolver(AbstractResolver):
    """Resolves names to addresses that may be called; what the client takes for a literal address never comes here."""

    def __init__(self, targets: Targets, secure: bool) -> None:
        self._targets = targets
        self._secure = secure
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Those of its addresses that may be called; `Forbidden` where there are none."""
        found = await self._inner.resolve(host, port, family)
        good = [one for one in found if self._targets.may_call(_address(one["host"]), self._secure)]
        if not good:
            raise Forbidden(f"{host} resolves to no address that may be called from here.")
        return good

    async def close(self) -> None:
        """Nothing is held."""
        await self._inner.close()


def _address(host: str) -> Address:
    return ipaddress.ip_address(host.partition("%")[0])
