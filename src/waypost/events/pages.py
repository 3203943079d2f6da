"""The next messages of an endpoint, read once for all endpoints that stand at the same place and ask for the same.

What a look at the log has found never changes: everything up to where it reached was committed. Only what a source
or a channel may see can, so that an endpoint which is bound to one reads for itself.
"""

import json
from collections import OrderedDict
from typing import NamedTuple

from waypost.app.actor import Scope
from waypost.app.ports import Reads
from waypost.app.ports.events import FeedQuery
from waypost.app.ports.webhooks import Webhook
from waypost.domain.webhooks import Message, messages_of, patterns_of

EVENTS_A_PAGE = 100
KEPT = 8  # pages: endpoints of an account come to a page at about the same time


class Page(NamedTuple):
    """What each event makes, by seq ascending; everything up to `reached` was looked at."""

    messages: list[tuple[int, tuple[Message, ...]]]
    reached: int


class Pages:
    """Reads, and keeps a little."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._kept: OrderedDict[tuple[Scope, int, str], Page] = OrderedDict()

    async def after(self, hook: Webhook) -> Page:
        """What comes after the endpoint's cursor."""
        spot = (hook.scope, hook.cursor, hook.subscribed)
        page = self._kept.get(spot)
        if page is None:
            page = await self._read(hook)
            if page.messages and hook.source_id is None and hook.channel_id is None:
                self._kept[spot] = page
                if len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return page

    async def _read(self, hook: Webhook) -> Page:
        subscribed = json.loads(hook.subscribed)
        query = FeedQuery(hook.scope, hook.cursor, patterns_of(subscribed), EVENTS_A_PAGE)
        found = await self._reads.feed(query)
        return Page([(event.seq, messages_of(event, subscribed)) for event in found.events], found.reached)
