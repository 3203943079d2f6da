"""Reading outside transactions: the same SQL and the same records on both engines."""

from collections.abc import Sequence
from typing import Any

import msgspec

from waypost.app.actor import Scope
from waypost.app.ports import (
    AccountRow,
    RequestQuery,
    TokenRow,
)
from waypost.domain.events import Event
from waypost.domain.fulfillment import FulfillmentRequest, Line, Particulars, State
from waypost.storage.attention import AttentionReading
from waypost.storage.catalog import CatalogReading
from waypost.storage.clock_rules import ClockRuleReading
from waypost.storage.delivery import DeliveryReading
from waypost.storage.events import EventReading, timeline_of
from waypost.storage.imports import ImportReading
from waypost.storage.inventory import InventoryReading
from waypost.storage.invoices import InvoiceReading
from waypost.storage.orders import OrderReading
from waypost.storage.queries import columns, request_drivers, request_pages, requests, walks
from waypost.storage.queries.shortest import page_by_shortest, shortest
from waypost.storage.routing import RoutingReading
from waypost.storage.shipments import ShipmentReading
from waypost.storage.webhooks import WebhookReading

_WIDTH = columns.STATE_WIDTH
LINE_BYTES = 500  # of a request, roughly
_decode_lines = msgspec.json.Decoder(list[Line]).decode


def request_of(row: Sequence[Any]) -> FulfillmentRequest:
    """A request from a row of its state, its particulars, and its lines as a JSON array of arrays (or null)."""
    lines = tuple(_decode_lines(row[-1])) if row[-1] else ()
    return FulfillmentRequest(State._make(row[:_WIDTH]), Particulars._make(row[_WIDTH:-1]), lines)


class CommonReads(
    AttentionReading, CatalogReading, ClockRuleReading, DeliveryReading, EventReading, ImportReading, InventoryReading,
    InvoiceReading, OrderReading, RoutingReading, ShipmentReading, WebhookReading,
):  # fmt: skip
    """See `ports.Reads`."""

    async def version(self, scope: Scope, request_id: int) -> int | None:
        """The version of one request, as far as `scope` may see it."""
        rows = await self.quick(requests.VERSION_BY_ID, request_id, *scope)
        return rows[0][0] if rows else None

    async def versions(self, query: RequestQuery) -> list[tuple[int, int]]:
        """One page, as ids and versions."""
        drivers = request_drivers.drivers(query, await self._few_changed(query))
        lists = [*request_pages.lists(query, drivers, self.dialect)]
        least = walks.FEW if request_drivers.Driver.CHANGED in drivers else 0
        rows = await page_by_shortest(self.slow, lists, query.limit, query.offset, least)
        return [(row[0], row[1]) for row in rows]

    async def _few_changed(self, query: RequestQuery) -> bool:
        since = request_drivers.changed_after(query)
        return since is not None and await since.are_few(self.slow)

    async def requests_of(self, scope: Scope, ids: Sequence[int]) -> list[FulfillmentRequest]:
        """These requests, by id ascending, as far as `scope` may see them."""
        sql, args = requests.by_ids(scope, ids, self.dialect)
        return await self._requests_of(await self.slow(sql, *args))

    async def requests(self, query: RequestQuery) -> list[FulfillmentRequest]:
        """One page; which requests are on it is asked first."""
        ids = [id_ for id_, _ in await self.versions(query)]
        return await self.requests_of(query.scope, ids) if ids else []

    async def _requests_of(self, rows: Sequence[Sequence[Any]]) -> list[FulfillmentRequest]:
        return await self.large.collected(map(request_of, rows), lambda image: LINE_BYTES * len(image.lines))

    async def count_requests(self, query: RequestQuery) -> int:
        """How many match."""
        drivers = request_drivers.drivers(query, await self._few_changed(query), for_count=True)
        lists = [*request_pages.lists(query, drivers, self.dialect, counts=True)]
        sql, args = (await shortest(self.slow, lists)).whole()
        return int((await self.slow(sql, *args))[0][0])

    async def timeline(self, scope: Scope, request_id: int) -> list[Event] | None:
        """The events of one request that `scope` sees, oldest first; None where it sees no such request."""
        if not await self.quick(requests.VERSION_BY_ID, request_id, *scope):
            return None
        return await timeline_of(self, scope, "fulfillment_request", request_id)

    async def account(self, account_id: int) -> AccountRow | None:
        """One account."""
        rows = await self.quick(f"SELECT {columns.ACCOUNT} FROM account WHERE id = $1", account_id)
        return AccountRow._make(rows[0]) if rows else None

    async def accounts(self) -> list[AccountRow]:
        """All accounts, by id."""
        return [AccountRow._make(row) for row in await self.slow(f"SELECT {columns.ACCOUNT} FROM account ORDER BY id")]

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
