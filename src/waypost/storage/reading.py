"""Reading outside transactions: the same SQL and the same records on both engines."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from waypost.app.actor import Scope
from waypost.app.ports import (
    AccountRow,
    ChannelRow,
    OrderView,
    RequestQuery,
    SourceRow,
    TokenRow,
)
from waypost.domain.events import Event
from waypost.domain.fulfillment import FulfillmentRequest, Line, Particulars, State
from waypost.domain.orders import Order, OrderItem
from waypost.storage.dialect import Dialect
from waypost.storage.queries import columns, requests

_WIDTH = columns.STATE_WIDTH


class CommonReads(ABC):
    """`quick` is for look-ups by key; `slow` for lists and counts, which may take their time elsewhere."""

    dialect: Dialect

    @abstractmethod
    async def quick(self, sql: str, *args: Any) -> Sequence[Sequence[Any]]:
        """All rows of a look-up by key."""

    @abstractmethod
    async def slow(self, sql: str, *args: Any) -> Sequence[Sequence[Any]]:
        """All rows of a query whose cost grows with its matches; bounded in time."""

    async def request(self, scope: Scope, request_id: int) -> FulfillmentRequest | None:
        """One request with its lines, as far as `scope` may see it."""
        rows = await self.quick(requests.REQUEST_BY_ID, request_id, *scope)
        if not rows:
            return None
        row = rows[0]
        lines = tuple(map(Line._make, await self.quick(requests.LINES_OF, request_id)))
        return FulfillmentRequest(State._make(row[:_WIDTH]), Particulars._make(row[_WIDTH:]), lines)

    async def version(self, scope: Scope, request_id: int) -> int | None:
        """The version of one request, as far as `scope` may see it."""
        rows = await self.quick(requests.VERSION_BY_ID, request_id, *scope)
        return rows[0][0] if rows else None

    async def versions(self, query: RequestQuery) -> list[tuple[int, int]]:
        """One page, as ids and versions."""
        sql, args = requests.page(query, self.dialect, requests.VERSIONS)
        return [(row[0], row[1]) for row in await self.slow(sql, *args)]

    async def requests_of(self, scope: Scope, ids: Sequence[int]) -> list[FulfillmentRequest]:
        """These requests, by id ascending, as far as `scope` may see them."""
        sql, args = requests.by_ids(scope, ids, self.dialect)
        return await self._with_lines(await self.slow(sql, *args))

    async def requests(self, query: RequestQuery) -> list[FulfillmentRequest]:
        """One page: one query for the requests, one for all their lines."""
        sql, args = requests.page(query, self.dialect)
        return await self._with_lines(await self.slow(sql, *args))

    async def _with_lines(self, rows: Sequence[Sequence[Any]]) -> list[FulfillmentRequest]:
        if not rows:
            return []
        ids = self.dialect.array([row[0] for row in rows])
        found = map(Line._make, await self.slow(requests.lines_of_many(self.dialect), ids))
        lines = {id_: tuple(group) for id_, group in groupby(found, attrgetter("request_id"))}
        return [
            FulfillmentRequest(
                State._make(row[:_WIDTH]), Particulars._make(row[_WIDTH:]), lines.get(row[0], ())
            )
            for row in rows
        ]

    async def count_requests(self, query: RequestQuery) -> int:
        """How many match."""
        sql, args = requests.count(query, self.dialect)
        return int((await self.slow(sql, *args))[0][0])

    async def timeline(self, scope: Scope, request_id: int) -> list[Event] | None:
        """Every event of one request, oldest first; None where the scope sees no such request."""
        if not await self.quick(requests.REQUEST_BY_ID, request_id, *scope):
            return None
        return [Event._make(row) for row in await self.slow(requests.TIMELINE, request_id, scope.account_id)]

    async def order(self, scope: Scope, order_id: int) -> OrderView | None:
        """One order with its items and requests."""
        if scope.source_id is not None:
            return None
        sql = f"SELECT {columns.ORDER} FROM orders WHERE id = $1 AND account_id = $2"
        rows = await self.quick(sql, order_id, scope.account_id)
        if not rows or scope.channel_id not in (None, rows[0][2]):
            return None
        items = f"SELECT {columns.ITEM} FROM order_item WHERE order_id = $1 ORDER BY line_number"
        made = """SELECT f.id, f.number, f.source_id, s.status
          FROM fulfillment_request f JOIN fulfillment_request_state s ON s.id = f.id
          WHERE f.order_id = $1 ORDER BY f.id"""
        return OrderView(
            Order._make(rows[0]),
            tuple(map(OrderItem._make, await self.quick(items, order_id))),
            tuple((row[0], row[1], row[2], row[3]) for row in await self.quick(made, order_id)),
        )

    async def account(self, account_id: int) -> AccountRow | None:
        """One account."""
        rows = await self.quick(f"SELECT {columns.ACCOUNT} FROM account WHERE id = $1", account_id)
        return AccountRow._make(rows[0]) if rows else None

    async def accounts(self) -> list[AccountRow]:
        """All accounts, by id."""
        return [AccountRow._make(row) for row in await self.slow(f"SELECT {columns.ACCOUNT} FROM account ORDER BY id")]

    async def sources(self, account_id: int) -> list[SourceRow]:
        """The sources of an account, by id."""
        sql = f"SELECT {columns.SOURCE} FROM source WHERE account_id = $1 ORDER BY id"
        return [SourceRow._make(row) for row in await self.slow(sql, account_id)]

    async def channels(self, account_id: int) -> list[ChannelRow]:
        """The channels of an account, by id."""
        sql = f"SELECT {columns.CHANNEL} FROM channel WHERE account_id = $1 ORDER BY id"
        return [ChannelRow._make(row) for row in await self.slow(sql, account_id)]

    async def token(self, digest: bytes) -> TokenRow | None:
        """The token with this SHA-256 digest, revoked or not."""
        rows = await self.quick(f"SELECT {columns.TOKEN} FROM token WHERE digest = $1", digest)
        return TokenRow._make(rows[0]) if rows else None

    async def tokens(self, account_id: int | None) -> list[TokenRow]:
        """Tokens of one account, or of all."""
        where = "" if account_id is None else " WHERE account_id = $1"
        args = () if account_id is None else (account_id,)
        return [
            TokenRow._make(row)
            for row in await self.slow(f"SELECT {columns.TOKEN} FROM token{where} ORDER BY id", *args)
        ]
