"""Who holds this token? Looked up by digest, remembered for less than a second, so that revocation is felt.

A call that lasts is judged again, by the digest of its token: see `TokenBook.judge_again`.
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import NamedTuple

from waypost.app.actor import Actor, Scope
from waypost.app.ports import Clock, Reads, TokenRow

REMEMBERED_S = 0.5  # a revoked token is refused in every process within one second (contract section 1.3)
_REMEMBERED_AT_MOST = 10_000  # tokens


class Denied(Exception):
    """The token is not good. `reason` is for the log line only; the caller never learns it."""

    def __init__(self, reason: str, token_id: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.token_id = token_id


class Holder(NamedTuple):
    """A good token. `digest`: what is stored of it."""

    token_id: int
    actor: Actor
    digest: bytes


class _Remembered(NamedTuple):
    row: TokenRow
    holder: Holder
    until_s: float


class TokenBook:
    """Finds the holder of a token. `monotonic` gives seconds, `clock` microseconds since 1970."""

    def __init__(self, reads: Reads, clock: Clock, monotonic: Callable[[], float]) -> None:
        self._reads = reads
        self._clock = clock
        self._monotonic = monotonic
        self._known: dict[bytes, _Remembered] = {}

    async def holder(self, secret: str) -> Holder:
        """The holder of this token; raises `Denied`."""
        return await self._judged(hashlib.sha256(secret.encode("utf-8", "replace")).digest())

    async def judge_again(self, holder: Holder) -> None:
        """Raise `Denied` if the token is no longer good: for a call that has lasted."""
        await self._judged(holder.digest)

    async def _judged(self, digest: bytes) -> Holder:
        known = self._known.get(digest)
        if known is None or known.until_s < self._monotonic():
            known = await self._look_up(digest)
        if known.row.expires_at is not None and known.row.expires_at <= self._clock():
            raise Denied("expired", known.row.id)
        return known.holder

    async def _look_up(self, digest: bytes) -> _Remembered:
        self._known.pop(digest, None)
        row = await self._reads.token(digest)
        if row is None or not hmac.compare_digest(row.digest, digest):
            raise Denied("unknown")
        if row.revoked_at is not None:
            raise Denied("revoked", row.id)
        scope = Scope(row.account_id, row.source_id, row.channel_id)
        holder = Holder(row.id, Actor(row.type, scope, row.id, row.name, row.family), digest)
        if len(self._known) >= _REMEMBERED_AT_MOST:
            self._known.clear()
        known = self._known[digest] = _Remembered(row, holder, self._monotonic() + REMEMBERED_S)
        return known
