"""A small account that was made on the hub's own paths, in blocks that can be copied many times.

The block of the past holds what has ended; the block of today what is still on its way, two of each kind for each token.
Copies of the first come first, so that what is open lies at the end of everything that ever was, as it does in life.
"""

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from tests.growth import one_thing
from tests.growth.crowd import CROWD, leave_behind
from tests.support.asgi import Client
from tests.support.database import sqlite_path
from tests.support.world import WAYS
from waypost.app.actor import Actor, Scope
from waypost.app.commands import Command, FailureReport
from waypost.app.generation import RequestDraft
from waypost.app.hub import Hub
from waypost.app.ports import Tx
from waypost.app.ports.attention import Attention
from waypost.domain.clock_rules import WATCHED
from waypost.domain.lifecycle import Action
from waypost.domain.statuses import Status
from waypost.http.app import create_app
from waypost.http.gate import Gate
from waypost.http.log import LineLog
from waypost.main import build_hub
from waypost.storage.opening import open_store

SOURCES = 50
LARGE_SOURCES = (1, 2, 3, 4)  # nine tenths of everything is theirs
RARE_SOURCE = 5  # of the token of a source that has little
PULLED_SOURCES = (49, 50)  # have something in Processing that is there once, whatever the size
STANDING_SOURCE = 47  # all that it has is held, snoozed, or was told of by a clock rule
SPREAD = 6  # stands for one of the sources from here on, another in each copy
CHANNELS = 4
LARGE_CHANNEL, RARE_CHANNEL = 1, 2
DAY = 24 * 3600 * 1_000_000
NEVER = 3650 * DAY  # from now
TOKENS = {
    "account": ("account", None, None),
    "source": ("source", LARGE_SOURCES[0], None),
    "rare source": ("source", RARE_SOURCE, None),
    "channel": ("channel", None, LARGE_CHANNEL),
    "rare channel": ("channel", None, RARE_CHANNEL),
}
PULLING = "pulling source"  # the token of the last of `PULLED_SOURCES`; it reads nothing else
NEIGHBOUR = "neighbour"  # another account, which stays as small as it is
ORDER_STATUSES = ("Closed", "On Hold", "Failed", "No Shipping Method", "Canceled", "Not Managed")
CODES = ("out_of_stock", "out_of_stock")
# So many of each are there for calls that change one, in each copy of today.
TO_CHANGE = {"large to change": 30, "large to release": 8, "large order to change": 14,
             "rare to change": 14, "rare to release": 0, "rare order to change": 2}  # fmt: skip

Rows = dict[str, list[dict[str, Any]]]


class Template(NamedTuple):
    """All rows by table: of the account itself, of the past and of today; and ids and texts of today by name."""

    key_file: Path  # of the secrets in its rows
    base: Rows
    past: Rows
    today: Rows
    names: dict[str, list[Any]]
    tokens: dict[str, str]


class Maker:
    """Makes the template on an empty database that has the schema."""

    def __init__(self, hub: Hub, app: Any, url: str) -> None:
        self.hub = hub
        self.app = app
        self.url = url
        self.tokens = {name: f"wp_growth_{name.replace(' ', '_')}" for name in (*TOKENS, PULLING, NEIGHBOUR)}
        self.actor = Actor("account", Scope(1), None, "setup", None)
        self.names: dict[str, list[Any]] = {}
        self._numbers = 0

    def client(self, token: str = "account") -> Client:
        """A client with one of the tokens."""
        return Client(self.app, self.tokens[token])

    async def ok(self, method: str, target: str, json: Any = None, token: str = "account", **more: Any) -> Any:
        """The reply's body; anything but a success is an error."""
        reply = await self.client(token).call(method, target, json=json, **more)
        assert reply.status < 300, f"{method} {target}: {reply.body!r}"
        return reply.json() if reply.body else None

    def number(self) -> int:
        """One that was not used before."""
        self._numbers += 1
        return self._numbers

    def note(self, name: str, *values: Any) -> None:
        """Remember what measured calls will be about."""
        self.names.setdefault(name, []).extend(values)

    # -- the account itself -------------------------------------------------------------------------------------------

    async def base(self) -> None:
        """Sources, channels, tokens, settings; and a neighbour."""
        await self.hub.store.write(self._accounts)
        for place in range(1, CHANNELS + 1):
            await self.ok("PATCH", f"/channel/{place}", {"rerouteOnFill": True})
        method = await self.ok("POST", "/shipping/source-shipping-methods", {"sourceId": 1, "name": "Express", "carrier": "UPS", "method": "Ground"})  # fmt: skip
        policy = await self.ok("POST", "/shipping/shipping-policies", {"name": "Express", "methods": [{"sourceShippingMethodId": method["id"]}]})  # fmt: skip
        mapping = await self.ok("POST", "/shipping/channel-shipping-methods", {"channelId": 1, "name": "Express", "shippingPolicyId": policy["id"]})  # fmt: skip
        # One for whom has little; and one text that means nothing yet.
        await self.ok("POST", "/shipping/source-shipping-methods", {"sourceId": RARE_SOURCE, "name": "Express"})
        await self.ok("POST", "/shipping/channel-shipping-methods", {"channelId": RARE_CHANNEL, "name": "Express"})
        group = await self.ok("POST", "/routing-groups", {
            "name": "All", "rules": [{"rule": "lowest_cost"}, {"rule": "source_priority"}],
            "sources": [{"sourceId": id_, "priority": id_} for id_ in range(1, SOURCES + 1)],
        })  # fmt: skip
        await self.ok("PATCH", "/account", {"defaultOrderRoutingGroupId": group["id"]})
        hook = {"configurationName": "All", "webhookUrl": "https://example.com/", "subscribedEvents": ["*"]}
        hooks = [await self.ok("POST", "/webhook/configurations", hook) for _ in range(2)]
        await self.ok("PUT", "/source/2/delivery", {"kind": "http", "settings": {"url": "https://example.com/"}})
        rules = ("unsent", "unacknowledged", "unshipped", "unrepaired")
        await self.ok("PUT", "/policies", [{"condition": rule, "afterMinutes": 60} for rule in rules])
        for name, id_ in (("method", method["id"]), ("policy", policy["id"]), ("mapping", mapping["id"]),
                          ("group", group["id"]), ("webhook", hooks[0]["id"]), ("webhook", hooks[1]["id"])):  # fmt: skip
            self.note(name, id_)
        policy_of_crowd = {"account_id": CROWD, "name": "Express", "created_at": 1, "updated_at": 1}
        self.note("crowd channel", CHANNELS + 2)
        self.note("crowd policy", self.insert("shipping_policy", policy_of_crowd))
        for _ in range(3):
            order = await self.order(CHANNELS + 1, "NEXT-DOOR", NEIGHBOUR)
            request = {"orderId": order, "sourceId": SOURCES + 1}
            await self.ok("POST", "/fulfillment-requests", request, NEIGHBOUR)
        for source in PULLED_SOURCES:
            for _ in range(2):
                await self.request(source, 3, "PULLED", Status.PROCESSING)
        await one_thing.lay_out(self)

    async def _accounts(self, tx: Tx) -> None:
        for account, name in ((1, "Mill"), (2, "Neighbour"), (CROWD, "Crowd")):
            await tx.insert_row("account", {"company_name": name, "created_at": 1})
            await tx.insert_row("account_counter", {"account_id": account, "last_seq": 0, "last_at": 0})
        for place in range(1, SOURCES + 2):
            row = {"account_id": 1 if place <= SOURCES else 2, "name": f"Source {place}", "required_fields": "[]",
                   "auto_process": True, "created_at": 1}  # fmt: skip
            await tx.insert_row("source", row)
        for place in range(1, CHANNELS + 3):
            row = {"account_id": 1 if place <= CHANNELS else place - CHANNELS + 1, "name": f"Channel {place}", "created_at": 1}
            await tx.insert_row("channel", row)
        bindings = {**{name: (1, *binding) for name, binding in TOKENS.items()},
                    PULLING: (1, "source", PULLED_SOURCES[-1], None), NEIGHBOUR: (2, "account", None, None)}  # fmt: skip
        for family, (name, (account, kind, source, channel)) in enumerate(bindings.items(), 1):
            digest = hashlib.sha256(self.tokens[name].encode()).digest()
            await tx.insert_row("token", {
                "account_id": account, "type": kind, "source_id": source, "channel_id": channel, "name": name,
                "family": family, "digest": digest, "hint": "....", "created_at": 1,
            })  # fmt: skip

    # -- what happens in it -------------------------------------------------------------------------------------------

    async def goods(self, source: int, channel: int, block: str, count: int) -> list[str]:
        """Parents of two variants each with stock, their products and listings; the variants' SKUs."""
        skus = []
        for _ in range(count):
            parent = f"P{self.number()}"
            pair = [f"{parent}-{size}" for size in ("S", "L")]
            variants = [{"sku": sku, "quantity": 10_000, "cost": 5, "upc": f"4{sku}"} for sku in pair]
            made = await self.ok("POST", "/inventory/parents", [{"sku": parent, "sourceId": source, "variants": variants}])
            self.note(f"{block} parent", made[0]["id"])
            self.note(f"{block} variant", *(one["id"] for one in made[0]["variants"]))
            self.note(f"{block} product", *self.ids("SELECT id FROM product_variant WHERE sku IN (?, ?) ORDER BY id", pair))
            self.note(f"{block} parent sku", parent)
            self.note(f"{block} variant sku", *pair)
            listed = [{"sku": f"L-{sku}", "channelId": channel, "productSku": sku, "externalId": f"X-{sku}",
                       "parentSku": f"L-{parent}", "price": 9} for sku in pair]  # fmt: skip
            listings = await self.ok("PUT", "/listing/variants", listed)
            self.note(f"{block} listing", *(one["id"] for one in listings))
            self.note(f"{block} listing sku", *(one["sku"] for one in listed))
            self.note(f"{block} listing parent sku", f"L-{parent}")
            parents = (await self.ok("GET", f"/listing/parents?skus=L-{parent}"))
            self.note(f"{block} listing parent", *(one["id"] for one in _items(parents)))
            self.note(f"{block} external", *(one["externalId"] for one in listed))
            skus += pair
        return skus

    async def order(self, channel: int, sku: str, token: str = "account", **more: Any) -> int:
        """An order of two items; its id."""
        number = self.number()
        other = {"S": f"{sku[:-1]}L", "L": f"{sku[:-1]}S"}.get(sku[-1], "OTHER")
        body = {"channelId": channel, "orderNumber": f"O-{number}", "referenceNumber": f"R-{number}",
                "orderItems": [{"sku": sku, "quantity": 2, "price": 9}, {"sku": other, "quantity": 1}]}  # fmt: skip
        posted = await self.ok("POST", "/orders", body, token, **more)
        return int(posted["id"])

    async def request(
        self, source: int, channel: int, sku: str, status: Status, code: str = CODES[0], before: tuple[Action, ...] = ()
    ) -> dict[str, Any]:
        """A request in this status, as it is shown. `before`: what happened to it first."""
        order_id = await self.order(channel, sku)
        first = None if status in WAYS else status
        made = await self.hub.changes.generate(RequestDraft(self.actor, order_id, source, status=first))
        id_ = made.image.state.id
        for action in (*before, *WAYS.get(status, ())):
            report = FailureReport("None left", code) if action is Action.FAIL else None
            await self.hub.changes.change(Command(action, id_, self.actor, details=report))
        shown: dict[str, Any] = await self.ok("GET", f"/fulfillment-requests/{id_}")
        return shown

    async def ship(self, request: dict[str, Any]) -> dict[str, Any]:
        """All of it; the shipment."""
        items = [{"sku": line["sku"], "quantity": line["quantity"]} for line in request["fulfillmentRequestItems"]]
        shipment = {"trackingNumber": f"T-{self.number()}", "shipmentItems": items,
                    "customFields": [{"name": "boxes", "value": "2"}]}  # fmt: skip
        made: dict[str, Any] = await self.ok("POST", "/shipments", {"fulfillmentRequestId": request["id"], "shipment": shipment})
        return made

    async def invoice(self, request_id: int) -> int:
        """For one piece; its id."""
        items = [{"invoiceItemType": "product", "sku": "A", "quantity": 1, "cost": 1}]
        made = await self.ok("POST", "/source-invoices", {"fulfillmentRequestId": request_id, "invoiceItems": items})
        return int(made["id"])

    async def raised(self, source: int, request_id: int, code: str) -> None:
        """What handing over raises, as it does."""
        row = Attention(1, source, "fulfillment_request", request_id, code, "Look.", self.hub.clock())
        await self.hub.store.write(lambda tx: tx.raise_attention([row]))

    async def past(self) -> None:
        """A hundred requests, all of which have ended; and what else is left behind."""
        skus = {source: await self.goods(source, LARGE_CHANNEL, "past", 5) for source in (*LARGE_SOURCES, SPREAD)}
        await leave_behind(self, skus[LARGE_SOURCES[0]][0], (LARGE_SOURCES[0], RARE_SOURCE), (LARGE_CHANNEL, RARE_CHANNEL))
        await one_thing.gather(self)
        for place in range(100):
            source = SPREAD if place % 10 == 9 else LARGE_SOURCES[place % 4]
            channel = CHANNELS if place % 10 == 9 else LARGE_CHANNEL if place % 2 else 3
            status = Status.CANCELED if place % 12 == 5 else Status.ACKNOWLEDGED
            sent = (Action.PROCESSED,) if place // 4 % 4 else ()
            request = await self.request(source, channel, skus[source][place % 10], status, before=sent)
            id_ = request["id"]
            if status is Status.ACKNOWLEDGED:
                await self.ship(request)
            if place // 2 % 3:
                await self.invoice(id_)
            if place % 3 == 0:
                await self.raised(source, id_, "late_delivery")
                await self.ok("POST", "/attention/settle", {"note": "Seen to.", "items": [
                    {"subject": {"type": "fulfillment_request", "id": id_}, "code": "late_delivery"}]})  # fmt: skip
            if place % 5 == 0:
                headers = {"Idempotency-Key": f"K-{self.number()}"}
                await self.ok("PATCH", f"/fulfillment-requests/{id_}/accounting-sync", {"accountingSynced": True}, headers=headers)
            self.delivered(id_, source, place)

    def delivered(self, request_id: int, source: int, place: int) -> None:
        """An attempt that was put off or not, and one that arrived; two messages of a webhook that did, or did not."""
        now = self.hub.clock()
        put_off = [{"outcome": "deferred", "next_at": now}] if place % 4 == 1 else []
        for number, ended in enumerate([*put_off, {"outcome": "delivered"}], 1):
            self.attempt(source, request_id, number, now, **ended)
        for _ in range(2):
            self.message(self.names["webhook"][0], "failed" if place % 25 == 24 else "delivered", None)

    def attempt(self, source: int, request: int, number: int, at: int, **ended: Any) -> None:
        """One at handing a request over, that ended so."""
        self.insert("handover_attempt", {
            "account_id": 1, "source_id": source, "request_id": request, "number": number, "release": 1,
            "attempt_group": 1, "idempotency_key": f"fr-{request}-1", "tries": number, "state": "settled",
            "worker": "w", "lease_until": 0, "claimed_at": at, "settled_at": at, **ended,
        })  # fmt: skip

    def message(self, webhook: int, status: str, next_at: int | None, at: int | None = None) -> None:
        """One of a webhook, as it stands in its log; last written `at`, or now."""
        now = at or self.hub.clock()
        self.insert("webhook_delivery", {
            "webhook_id": webhook, "message_id": f"m-{self.number()}", "seq": 1, "name": "order.created",
            "status": status, "attempts": 1, "next_at": next_at, "log": "[]", "created_at": now, "updated_at": now,
        })  # fmt: skip

    def insert(self, table: str, row: dict[str, Any]) -> int:
        """A row that no call makes; its id."""
        return self.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", [*row.values()])

    def execute(self, sql: str, values: list[Any]) -> int:
        """A statement in a transaction of its own; the id of the row that it inserted last."""
        with closing(sqlite3.connect(sqlite_path(self.url), timeout=5)) as db, db:
            return db.execute(sql, values).lastrowid or 0

    def ids(self, sql: str, values: list[Any]) -> list[int]:
        """What this statement finds."""
        with closing(sqlite3.connect(sqlite_path(self.url), timeout=5)) as db:
            return [row[0] for row in db.execute(sql, values)]

    async def today(self) -> None:
        """What is on its way: two of each kind for each token, and more where measured calls change something."""
        for block, source, channel in (("rare", RARE_SOURCE, RARE_CHANNEL), ("large", LARGE_SOURCES[0], LARGE_CHANNEL)):
            skus = await self.goods(source, channel, block, 2)
            again = [{"sku": sku, "quantity": 10_000, "cost": 6} for sku in skus[:2]]  # where to route it again to
            elsewhere = {"sku": skus[0].rpartition("-")[0], "sourceId": LARGE_SOURCES[2], "variants": again}
            await self.ok("POST", "/inventory/parents", [elsewhere])
            for status in ORDER_STATUSES:
                for _ in range(2):
                    order = await self.order(channel, skus[0])
                    self.note(f"{block} order", order)
                    await self.ok("PATCH", f"/orders/{order}/status?status={status.replace(' ', '+')}")
            for status in Status:
                for code in CODES:
                    request = await self.request(source, channel, skus[1], status, code)
                    self.note(f"{block} {status}", request["id"])
                    self.note(f"{block} number", request["fulfillmentRequestNumber"])
            order = await self.order(channel, skus[3])
            [routed] = await self.ok("POST", f"/orders/{order}/fulfillment-requests/generate")
            self.note(f"{block} routed", routed["id"])
            for _ in range(2):
                request = await self.request(source, channel, skus[2], Status.ACKNOWLEDGED)
                shipment = await self.ship(request)
                self.note(f"{block} shipped", request["id"])
                self.note(f"{block} shipped order", request["orderId"])
                self.note(f"{block} shipment", shipment["id"])
                self.note(f"{block} invoice", await self.invoice(request["id"]))
                self.delivered(request["id"], source, 24)
            for name, status in (("to change", Status.PROCESSING), ("to release", Status.UNPROCESSED)):
                for _ in range(TO_CHANGE[f"{block} {name}"]):
                    request = await self.request(source, channel, skus[1], status)
                    self.note(f"{block} {name}", request["id"])
                    self.note(f"{block} {name} line", request["fulfillmentRequestItems"][0]["id"])
            for _ in range(TO_CHANGE[f"{block} order to change"]):
                self.note(f"{block} order to change", await self.order(channel, skus[3]))
        await self._to_change()

    async def _to_change(self) -> None:
        sku = self.names["large variant sku"][3]
        for name, status, count in (("backlog", Status.PROCESSING, 14), ("open", Status.ACKNOWLEDGED, 8),
                                    ("unprocessed", Status.UNPROCESSED, 4)):  # fmt: skip
            for _ in range(count):
                request = await self.request(LARGE_SOURCES[0], LARGE_CHANNEL, sku, status)
                self.note(name, request["id"])
                self.note(f"{name} line", request["fulfillmentRequestItems"][0]["id"])
        for _ in range(8):
            self.note("unrouted", await self.order(LARGE_CHANNEL, sku))
        now = self.hub.clock()
        for _ in range(12):
            request = await self.request(LARGE_SOURCES[1], LARGE_CHANNEL, sku, Status.PROCESSING)
            self.note("waiting", request["id"])
            self.attempt(LARGE_SOURCES[1], request["id"], 1, now, outcome="deferred", next_at=now + NEVER)
            self.execute(
                "UPDATE fulfillment_request_state SET waits_until = ? WHERE id = ?", [now + NEVER, request["id"]]
            )
        for _ in range(12):
            request = await self.request(LARGE_SOURCES[1], LARGE_CHANNEL, sku, Status.PROCESSING_ERROR)
            self.attempt(LARGE_SOURCES[1], request["id"], 1, now, outcome="rejected", next_at=now + DAY)
        for place in range(4):
            request = await self.request(LARGE_SOURCES[2], LARGE_CHANNEL, sku, Status.ACKNOWLEDGED)
            await self.raised(LARGE_SOURCES[2], request["id"], "late_delivery")
            self.note("raised", request["id"])
            self.message(self.names["webhook"][0], "pending", now + NEVER)
            self.message(self.names["webhook"][1], "pending", now + NEVER)
            if place:
                care = {"assignee": "Mei"} if place < 3 else {"snoozedUntil": "2999-01-01"}
                await self.ok("PATCH", f"/fulfillment-requests/{request['id']}", care)
        await self._standing(sku)
        await one_thing.leave_open(self)

    async def _standing(self, sku: str) -> None:
        """What clock rules have nothing to do about, for long: it is told of, snoozed, or held."""
        late = {"snoozedUntil": "2999-01-01"}
        for condition, status in WATCHED.items():
            told, snoozed = [(await self.request(STANDING_SOURCE, LARGE_CHANNEL, sku, status))["id"] for _ in range(2)]
            await self.raised(STANDING_SOURCE, told, condition)
            await self.ok("PATCH", f"/fulfillment-requests/{snoozed}", late)
        held = (await self.request(STANDING_SOURCE, LARGE_CHANNEL, sku, Status.UNPROCESSED))["id"]
        await self.ok("PATCH", f"/fulfillment-requests/{held}", {"holdUntil": "2999-01-01"})
        await self.ok("PATCH", f"/fulfillment-requests/{held}/process")


def _items(page: Any) -> list[Any]:
    """Of a list or of a page that has one."""
    return page if isinstance(page, list) else next(value for value in page.values() if isinstance(value, list))


def rows_of(path: Path) -> Rows:
    """Every row of every table."""
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: [dict(row) for row in db.execute(f"SELECT * FROM {table}")] for table in tables
                if table not in ("alembic_version", "sqlite_sequence") and not table.startswith("sqlite_")}  # fmt: skip


async def make(url: str, log: Any) -> Template:
    """The template, made in this SQLite database, which has the schema and nothing in it."""
    store = await open_store(url, migrate=False)
    hub, writer = build_hub(store)
    maker = Maker(hub, create_app(hub, Gate(hub.tokens, None, ()), LineLog(log)), url)
    seen: list[Rows] = []
    for part in (maker.base, maker.past, maker.today):
        await part()
        seen.append(rows_of(sqlite_path(url)))
    await writer.close()
    await store.close()
    base, past, today = (_added(before, after) for before, after in zip([{}, *seen], seen, strict=False))
    return Template(Path(f"{sqlite_path(url)}.key"), base, past, today, maker.names, maker.tokens)


def _added(before: Rows, after: Rows) -> Rows:
    """The rows that are new; what was changed since counts as it is now only in the part that made it."""
    old = {table: {_key(table, row) for row in rows} for table, rows in before.items()}
    return {table: [row for row in rows if _key(table, row) not in old.get(table, ())] for table, rows in after.items()}


def _key(table: str, row: dict[str, Any]) -> tuple[Any, ...]:
    from waypost.storage.schema import metadata

    return tuple(row[column.name] for column in metadata.tables[table].primary_key.columns)
