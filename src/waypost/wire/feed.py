"""The change feed on the wire: opaque cursors, patterns of types, and events with their subjects."""

import base64
import binascii
import re

from waypost.app.feed import LATEST
from waypost.app.ports.events import FeedPage
from waypost.domain.catalogue import is_pattern
from waypost.wire.events import feed_event
from waypost.wire.pieces import Pieces, array, document
from waypost.wire.query import Param
from waypost.wire.scalars import Misread, bad_cursor, shown

_CURSOR = re.compile(rb"1:([0-9]{1,19}):([0-9]{1,19})")
LONGEST_CURSOR = 64  # characters
PAGE_AT_MOST = 500


def write_cursor(account_id: int, seq: int) -> str:
    """Everything up to `seq` was read."""
    return base64.urlsafe_b64encode(b"1:%d:%d" % (account_id, seq)).decode().rstrip("=")


def read_cursor(text: str) -> tuple[int | None, int]:
    """The account (None: any) and the seq of a cursor; `latest` is from now on. Raises Misread."""
    given = text.strip()
    if given == "latest":
        return None, LATEST
    try:
        raw = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    found = _CURSOR.fullmatch(raw) if len(given) <= LONGEST_CURSOR else None
    if found is None or write_cursor(int(found[1]), int(found[2])) != given or int(found[2]) >= 2**63:
        raise bad_cursor(text, ", or `latest`")
    return int(found[1]), int(found[2])


def _pattern(text: str) -> str:
    pattern = text.strip()
    if not is_pattern(pattern):
        words = f"types: {shown(pattern)} is no event type, nor a beginning of some such as order.*"
        raise Misread("unknown_value", words)
    return pattern


AFTER = Param("after", read_cursor)
TYPES = Param("types", _pattern, many=True)


def render_feed(page: FeedPage, account_id: int, who: str) -> Pieces:
    """The events, and where to read on. Source and channel tokens see the actor's type only."""
    return document(
        {
            "events": array(page.events, lambda event: feed_event(event, who)),
            "next": write_cursor(account_id, page.reached),
        }
    )
