"""Requests as they were rendered, kept while their version stands.

The version is raised by every change of a request, its lines or its roll-up (contract section 1.4), and what is
shown depends on nothing else but the type of the caller: so bytes of the same version are the same bytes.
"""

import itertools
from collections import OrderedDict
from collections.abc import Callable, Sequence

from waypost.domain.fulfillment import FulfillmentRequest
from waypost.wire.pieces import Pieces
from waypost.wire.requests import render

SHORT = 256 * 1024  # bytes of an array that are joined in one go
KEPT_AT_MOST = 32 * 2**20  # bytes; a request has about 2.5 KiB


class Rendered:
    """The most recently shown requests, by id and type of caller."""

    def __init__(self, show: Callable[[FulfillmentRequest, str], bytes] = render) -> None:
        self._show = show
        self._kept: OrderedDict[tuple[int, str], tuple[int, bytes]] = OrderedDict()
        self._bytes = 0

    def latest(self, request_id: int, who: str) -> tuple[int, bytes] | None:
        """The version that was shown last, and its bytes; whether it still stands is for the caller to find out."""
        kept = self._kept.get((request_id, who))
        if kept is not None:
            self._kept.move_to_end((request_id, who))
        return kept

    def find(self, request_id: int, version: int, who: str) -> bytes | None:
        """The bytes of this very version, if they are still here."""
        kept = self.latest(request_id, who)
        return kept[1] if kept is not None and kept[0] == version else None

    def render(self, image: FulfillmentRequest, who: str) -> bytes:
        """Render, and keep."""
        body = self._show(image, who)
        name = (image.state.id, who)
        was = self._kept.pop(name, None)
        self._kept[name] = (image.state.version, body)
        self._bytes += len(body) - (len(was[1]) if was else 0)
        while self._bytes > KEPT_AT_MOST:
            self._bytes -= len(self._kept.popitem(last=False)[1][1])
        return body


def as_list(bodies: Sequence[bytes]) -> Pieces:
    """Bodies as one bare array, which is one piece where it is short."""
    if sum(map(len, bodies)) < SHORT:
        return iter((b"[" + b",".join(bodies) + b"]",))
    between = (part for body in bodies for part in (b",", body))
    next(between)
    return itertools.chain((b"[",), between, (b"]",))
