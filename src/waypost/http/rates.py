"""Rate pools (contract section 1.2): one per token, and one per client address for calls without a good token."""

import ipaddress
import re
from collections import OrderedDict
from typing import NamedTuple


class Rate(NamedTuple):
    """A pool's size in requests, and how many it regains per second."""

    size: int
    per_second: float


class Drawn(NamedTuple):
    """The pool after a request was drawn, or refused. `retry_after_s` is whole seconds until the next fits."""

    allowed: bool
    used: int
    left: int
    retry_after_s: int


class Pools:
    """Pools by name, each full when first seen. Forgets full ones first when there are too many."""

    def __init__(self, rate: Rate, at_most: int) -> None:
        self.rate = rate
        self._at_most = at_most
        self._pools: OrderedDict[object, tuple[float, float]] = OrderedDict()  # left, seconds when that was so

    def _left(self, name: object, now_s: float) -> float:
        size, per_second = self.rate
        left, was_s = self._pools.get(name, (float(size), now_s))
        return min(float(size), left + (now_s - was_s) * per_second)

    def draw(self, name: object, now_s: float) -> Drawn:
        """Take one request from the pool of `name`."""
        left = self._left(name, now_s)
        allowed = left >= 1.0
        if allowed:
            left -= 1.0
        self._pools[name] = (left, now_s)
        self._pools.move_to_end(name)
        if len(self._pools) > self._at_most:
            self._pools.popitem(last=False)
        whole = int(left)
        wait_s = 0 if left >= 1.0 else max(1, -int(-(1.0 - left) // self.rate.per_second))
        return Drawn(allowed, self.rate.size - whole, whole, wait_s)

    def is_empty(self, name: object, now_s: float) -> bool:
        """Whether nothing can be drawn now."""
        return self._left(name, now_s) < 1.0


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


# `192.0.2.1:4711`, `[2001:db8::1]:4711`, each also without a port, and `2001:db8::1`.
_HOP = re.compile(r"(?:([0-9.]+)|\[([0-9A-Fa-f:.]+)\])(?::[0-9]{1,5})?|([0-9A-Fa-f:.]+)")


def client_name(peer: str, forwarded: str | None, trusted: tuple[Network, ...]) -> str:
    """The address a caller is counted under: an IPv6 caller's /64; forwarded ones only from a trusted proxy.

    `forwarded`: every `X-Forwarded-For` line of the call, as one list. Each proxy has written down, at its right end,
    who called it. So it is read from the right, as long as a trusted proxy has written, and up to the first hop that
    cannot be read: what stands left of that may be anybody's.
    """
    address = _address(peer.partition("%")[0])
    if address is None:
        return peer
    hops = [] if forwarded is None else forwarded.split(",")
    while hops and _is_in(address, trusted):
        hop = _HOP.fullmatch(hops.pop().strip(" \t"))
        before = None if hop is None else _address(hop[1] or hop[2] or hop[3])
        if before is None:
            break
        address = before
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((address, 64), strict=False))
    return str(address)


def is_in(peer: str, networks: tuple[Network, ...]) -> bool:
    """Whether the address of a caller is in one of these networks."""
    address = _address(peer.partition("%")[0])
    return address is not None and _is_in(address, networks)


def _is_in(address: ipaddress.IPv4Address | ipaddress.IPv6Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
