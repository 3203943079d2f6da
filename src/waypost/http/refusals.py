"""What is refused before anybody is known is counted, and told to the log once a second for each kind.

A flood of calls is no flood of lines. Every kind stands in `KINDS`, and in docs/operations.md.
"""

import asyncio
import logging
from collections import Counter

TELL_EVERY_S = 1.0
KINDS = {
    "malformed": "requests that are no HTTP/1.1, or that this server does not take",
    "long_head": "requests with a URL, headers or trailers that are too long",
    "slow_head": "requests whose head did not come within --client-timeout",
    "silent": "connections on which nothing was asked within --idle-timeout",
    "rest": "connections on which the rest of a body did not come within --client-timeout, after its answer",
    "unread_answer": "connections cut, as an answer was not read within --client-timeout",
    "held_bytes": "connections cut, as unread answers and heads had more than --max-held-mib",
    "connections_of_address": "connections beyond --max-connections-per-address",
    "calls_of_client": "calls beyond --max-connections-per-address, of one client behind a trusted proxy",
    "made_room": "connections closed to make room, as there were --max-connections",
    "full": "calls and connections beyond --max-connections, or beyond 2,000 calls at once",
    "rate_of_address": "calls without a good token, beyond the rate of their address",
}

_log = logging.getLogger("waypost.refused")


class Refusals:
    """Counts by kind, which is one of `KINDS`: a name that the program gives, never a caller."""

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter()
        self._untold: dict[str, tuple[int, str]] = {}

    def count(self, kind: str, address: str) -> None:
        """One more of this kind, from this address."""
        self.totals[kind] += 1
        count, _ = self._untold.get(kind, (0, ""))
        self._untold[kind] = (count + 1, address)

    async def keep_telling(self, hub: object) -> None:
        """`tell`, once a second."""
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            self.tell()

    def tell(self) -> None:
        """Write a line for each kind that was counted since the last time."""
        untold, self._untold = self._untold, {}
        for kind, (count, address) in untold.items():
            counted = {
                "refused": kind, "count": count, "since_start": self.totals[kind], "last_from": address,
            }  # fmt: skip
            _log.warning("refused: %s", KINDS[kind], extra={"counted": counted})
