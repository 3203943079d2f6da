"""Tokens and rates, checked before anything else happens (contract sections 1.1 to 1.3).

Token first (401), then rate (429); a call refused here touches nothing. The reply does not say why a token is no
good; the log line does.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

from waypost.app.access import Denied, Holder, TokenBook
from waypost.http.rates import Drawn, Network, Pools, Rate, client_name

UNKNOWN_CALLERS = Rate(10, 5.0)
ADDRESSES_AT_MOST = 10_000
TOKENS_AT_MOST = 100_000


class Refused(Exception):
    """401, 429, or 404 for an unknown path. `why` is for the log, `limit` says which limit a 429 is about."""

    def __init__(
        self, status: int, why: str, retry_after_s: int = 0, token_id: int | None = None, limit: str = ""
    ) -> None:
        super().__init__(why)
        self.limit = limit
        self.status = status
        self.why = why
        self.retry_after_s = retry_after_s
        self.token_id = token_id


class Admitted(NamedTuple):
    """A call that may go on: who makes it, and the state of that token's pool (None: rates are off)."""

    holder: Holder
    pool: Drawn | None


class Gate:
    """Tokens and their pools, which refill by `monotonic` seconds. `rate` None switches all limits off, for tests."""

    def __init__(
        self, tokens: TokenBook, rate: Rate | None, trusted: tuple[Network, ...],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._tokens = tokens
        self._monotonic = monotonic
        self.rate = rate
        self._pools = Pools(rate, TOKENS_AT_MOST) if rate else None
        self._addresses = Pools(UNKNOWN_CALLERS, ADDRESSES_AT_MOST)
        self._trusted = trusted

    async def admit(self, token: str | None, peer: str, forwarded: str | None) -> Admitted:
        """Let a call in; raises `Refused`."""
        if not token:
            raise self.refusal("no token", peer, forwarded)
        try:
            holder = await self._tokens.holder(token)
        except Denied as denied:
            raise self.refusal(denied.reason, peer, forwarded, denied.token_id) from None
        if self._pools is None:
            return Admitted(holder, None)
        pool = self._pools.draw(holder.token_id, self._monotonic())
        return Admitted(holder, pool)

    async def why_ended(self, holder: Holder) -> str | None:
        """Why the token of a call that was let in is no longer good; None: it is. Draws nothing from its pool."""
        try:
            await self._tokens.judge_again(holder)
        except Denied as denied:
            return f"{denied.reason} since the call began"
        return None

    def client_of(self, peer: str, forwarded: str | None) -> str:
        """The address that a call is counted under."""
        return client_name(peer, forwarded, self._trusted)

    def refusal(self, why: str, peer: str, forwarded: str | None, token_id: int | None = None) -> Refused:
        """Draw one call from the pool of the client's address: 401, or 429 when that pool is empty."""
        if self.rate is None:
            return Refused(401, why, token_id=token_id)
        drawn = self._addresses.draw(self.client_of(peer, forwarded), self._monotonic())
        if drawn.allowed:
            return Refused(401, why, token_id=token_id)
        limit = "Too many calls from your address had no valid token, or a token of the wrong type: check X-API-TOKEN."
        return Refused(429, f"too many refused calls ({why})", max(1, drawn.retry_after_s), token_id, limit)
