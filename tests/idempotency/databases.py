"""The demo merchant in a database of either engine: made once, and put back for each case."""

import secrets
from typing import NamedTuple

from tests.idempotency.calls import Sample, sample
from tests.idempotency.hubs import NOW, running
from tests.idempotency.snapshots import snapshots_of
from tests.support.engines import Engine
from tests.support.keys import key_file_for
from waypost.app.ports import Store
from waypost.app.tokens import TokenDraft, create_token, rotate_token
from waypost.demo import fill
from waypost.storage.opening import open_store

ORDERS = 40  # the examples of the contract name what is there then
OVERLAP_S = 3600


class Holder(NamedTuple):
    """Tokens of one holder: `first`, the one it became by `rotated`, and one of `another` family."""

    first: str
    rotated: str
    another: str


class Databases:
    """One database, which begins each time with the same data."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._url = ""
        self._prepared: set[tuple[str, ...]] = set()  # what has been called on the demo merchant, and is kept
        self._holders: dict[str, Holder] = {}

    async def fresh_for(self, one: Sample) -> str:
        """The database, on which this call can be made. What was in it is gone."""
        if one.after not in self._prepared:
            await self._prepare(one.after)
        return await self._snapshots.put_back(_name(one.after))

    async def close(self) -> None:
        """Throw it away."""
        if self._url:
            await self._engine.drop(self._url)

    def holder(self, kind: str) -> Holder:
        """The tokens of the account, or of the first source or channel."""
        return self._holders[kind]

    async def _prepare(self, after: tuple[str, ...]) -> None:
        if after:
            *before, last = after
            one = sample(last)
            async with running(await self.fresh_for(one._replace(after=tuple(before)))) as hub:
                reply = await hub.call(one, self.holder(one.token).first, {})
                assert reply.status < 300, f"{one.operation}: {reply.status} {reply.body!r}"
        else:
            self._url = await self._engine.migrated()
            self._snapshots = snapshots_of(self._url)
            await self._fill(self._url)
        await self._snapshots.keep(_name(after))
        self._prepared.add(after)

    async def _fill(self, url: str) -> None:
        store = await open_store(url, migrate=False, key_file=key_file_for(url))
        try:
            demo = await fill(store, ORDERS, 1, NOW, secrets.token_bytes)
            (account,) = await store.reads.accounts()
            kinds = {
                "account": (demo.account_token, TokenDraft(account.id, "account", "Other", None, None)),
                "source": (demo.source_tokens[0].token, TokenDraft(account.id, "source", "Other", 1, None)),
                "channel": (demo.channel_tokens[0].token, TokenDraft(account.id, "channel", "Other", None, 1)),
            }
            for kind, (token, draft) in kinds.items():
                self._holders[kind] = await _holder(store, account.id, token, draft)
        finally:
            await store.close()


def _name(after: tuple[str, ...]) -> str:
    return "+".join(after) or "merchant"


async def _holder(store: Store, account: int, token: str, draft: TokenDraft) -> Holder:
    """The first token of this kind, rotated, and a new one for the same holder."""
    rows = await store.reads.tokens(account)
    bound = (draft.type, draft.source_id, draft.channel_id)
    (first,) = [row for row in rows if (row.type, row.source_id, row.channel_id) == bound]
    rotated = await rotate_token(store, first.id, NOW, secrets.token_bytes, OVERLAP_S)
    another = await create_token(store, draft, NOW, secrets.token_bytes)
    return Holder(token, rotated.secret, another.secret)
