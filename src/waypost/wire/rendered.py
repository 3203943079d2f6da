"""Requests as they were rendered, kept while their version stands.

The version is raised by every change of a request, its lines or its roll-up (contract section 1.4), and what is
shown depends on nothing else but the type of the caller: so bytes of the same version are the same bytes.
"""

from collections import OrderedDict
from collections.abc import Sequence

from waypost.domain.fulfillment import FulfillmentRequest
from waypost.wire.requests import render

KEPT_AT_MOST = 8_000  # requests; about 3 KiB each


class Rendered:
    """The most recently shown requests, by id and type of caller."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, str], tuple[int, bytes]] = OrderedDict()

    def find(self, request_id: int, version: int, who: str) -> bytes | None:
        """The bytes of this very version, if they are still here."""
        kept = self._kept.get((request_id, who))
        if kept is None or kept[0] != version:
            return None
        self._kept.move_to_end((request_id, who))
        return kept[1]

    def render(self, image: FulfillmentRequest, who: str) -> bytes:
        """Render, and keep."""
        body = render(image, who)
        self._kept[image.state.id, who] = (image.state.version, body)
        if len(self._kept) > KEPT_AT_MOST:
            self._kept.popitem(last=False)
        return body


def as_list(bodies: Sequence[bytes]) -> bytes:
    """Bodies as one bare array."""
    return b"[" + b",".join(bodies) + b"]"
