"""Orders, requests, stock and shipments under any sequence of calls, over HTTP: everything adds up after every step."""

import asyncio
import io
import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.property.agreement import Short, agree
from tests.property.model import ModelPosted
from tests.support.asgi import Reply
from tests.support.database import several
from tests.support.engines import Engine, PostgresEngine, Server, SqliteEngine
from tests.support.world import World, merchant
from waypost.http.app import LineLog, create_app
from waypost.http.gate import Gate
from waypost.main import build_hub
from waypost.storage.opening import open_store

FR = "/fulfillment-requests"
SKUS = ("A", "B", "C")
anyone = st.integers(0, 10**6)  # which of those there are
few = st.integers(1, 3)
lines = st.lists(st.tuples(st.sampled_from((*SKUS, "UNKNOWN")), few), min_size=1, max_size=3)
SIMPLE = ("process", "processed", "processing-failed?error=no", "acknowledge", "cancel", "cancel?killOrFillType=kill",
          "void", "reroute", "committed-stock")  # fmt: skip
# A source that has less than it has promised, and a person who says what is held, may leave a variant short; so may a
# shipment that turns out not to have left: what it gave back, and others may have been promised since, is held again.
LETS_SHORT = {"stock", "committed-stock", "correct", "take out", "take back", "move"}


class Machine(RuleBasedStateMachine):
    """One merchant with two sources that offer the same three products, few of each."""

    loop: ClassVar[asyncio.AbstractEventLoop]
    engine: ClassVar[Engine]
    done: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.ready = False
        self.orders: list[int] = []
        self.posted: list[ModelPosted] = []  # what was last posted of each
        self.endless: set[int] = set()  # variants that may be ordered beyond what there is
        self.short: Short = {}  # by variant: what may be promised beyond what there is

    def do(self, coroutine: Any) -> Any:
        """Wait for it."""
        return self.loop.run_until_complete(coroutine)

    @initialize(
        quantities=st.lists(st.integers(1, 8), min_size=6, max_size=6),
        automatic=st.booleans(), again=st.booleans(), backorder=st.booleans(),
        release=st.sampled_from(("shipment", "shipment", "quantity_update")),
    )  # fmt: skip
    def open(self, quantities: list[int], automatic: bool, again: bool, backorder: bool, release: str) -> None:
        """A database with inventory in it."""
        self.do(self._open(quantities, automatic, again, backorder, release))
        self.ready = True
        for wanted in ([("A", 2), ("B", 1)], [("A", 1), ("C", 2)], [("B", 2), ("B", 1), ("C", 1)]):
            self.post(wanted, "Paid")
            self.call("generate", "POST", f"/orders/{self.orders[-1]}/fulfillment-requests/generate")

    async def _open(self, quantities: list[int], automatic: bool, again: bool, backorder: bool, release: str) -> None:
        self.url = await self.engine.migrated()
        self.store = await open_store(self.url, migrate=False)
        hub, self.writer = build_hub(self.store)
        app = create_app(hub, Gate(hub.tokens, None, ()), LineLog(io.StringIO()))
        self.world = World(hub, app, await merchant(hub, "ours"), await merchant(hub, "theirs"))
        self.client = self.world.client()
        ours = self.world.ours
        change = {"autoGeneratePoOnImport": automatic, "rerouteOnFill": again}
        assert (await self.client.patch(f"/channel/{ours.channels[0]}", json=change)).status == 200
        change = {"stockRelease": release}
        assert (await self.client.patch(f"/source/{ours.sources[1]}", json=change)).status == 200
        for place, source in enumerate(ours.sources):
            stock = quantities[3 * place : 3 * place + 3]
            body = [{
                "sku": "P", "sourceId": source,
                "variants": [{"sku": sku, "quantity": q, "cost": 2 + place} for sku, q in zip(SKUS, stock, strict=True)],
            }]  # fmt: skip
            reply = await self.client.post("/inventory/parents", json=body)
            assert reply.status < 300, reply.body
        if backorder:
            change = {"sku": SKUS[-1], "sourceId": ours.sources[1], "allowBackorders": True}
            reply = await self.client.call("PUT", "/inventory/variants", json=[change])
            assert reply.status == 200, reply.body
            (only,) = await several(self.url, ["SELECT id FROM inventory_variant ORDER BY id DESC LIMIT 1"])
            self.endless = {only[0]["id"]}

    def call(self, name: str, method: str, target: str, body: Any = None) -> Reply:
        """One call: it may be refused, never fail; then everything must add up."""
        reply: Reply = self.do(self.client.call(method, target, json=body))
        assert reply.status < 500, f"{method} {target}: {reply.body!r}"
        if reply.status < 300:
            self.done[name] += 1
        short = self.do(agree(self.url))
        if name not in LETS_SHORT:
            grown = {id_: by for id_, by in short.items() if by > self.short.get(id_, 0) and id_ not in self.endless}
            assert not grown, (name, grown)
        self.short = short
        return reply

    @rule(wanted=lines, paid=st.booleans())
    def post_an_order(self, wanted: list[tuple[str, int]], paid: bool) -> None:
        """Of some lines."""
        self.post(wanted, "Paid" if paid else "Not Authorized")

    def post(self, wanted: list[tuple[str, int]], payment: str) -> None:
        """An order comes in."""
        body = {
            "channelId": self.world.ours.channels[0], "orderNumber": f"M-{len(self.orders)}",
            "paymentStatus": payment, "shippingAddress": {"name": "Ana Ruiz", "country": "ES"},
            "orderItems": [{"sku": sku, "quantity": quantity, "price": 3} for sku, quantity in wanted],
        }  # fmt: skip
        reply = self.call("order", "POST", "/orders", body)
        assert reply.status == 201, reply.body
        self.orders.append(reply.json()["id"])
        self.posted.append(ModelPosted(body))

    @rule(one=anyone, change=st.fixed_dictionaries({}, optional={
        "paymentStatus": st.sampled_from(("Paid", "Deferred", "Declined", None)), "note": st.sampled_from(("n", "m", None)),
        "tags": st.sets(st.sampled_from("xyz")).map(sorted), "shippingText": st.sampled_from(("Air", None)),
    }))  # fmt: skip
    def post_again(self, one: int, change: dict[str, Any]) -> None:
        """With the same, with other payment, tags and note, or with another content."""
        place = one % len(self.orders)
        before = self.do(self.client.get(f"/orders/{self.orders[place]}")).json()
        expected = self.posted[place].repeat(change, before)
        reply = self.call("repeat", "POST", "/orders", self.posted[place].body | change)
        if expected is None:
            assert reply.status == 409, reply.body
            assert {"pointer": "/shippingText"} in reply.json()["differs"], reply.body
            self.done["refused repeat"] += 1
            return
        assert reply.status == 200, reply.body
        shown = reply.json()
        assert {name: shown[name] for name in expected} == expected, (before, change, shown)
        self.posted[place].body |= change

    @rule(one=anyone, add=st.sampled_from("wxy"), remove=st.sampled_from("wxyz"))
    def change_tags(self, one: int, add: str, remove: str) -> None:
        """By the merchant."""
        order = self.orders[one % len(self.orders)]
        self.call("tags", "PATCH", f"/orders/{order}/tags", {"add": [add], "remove": [remove]})

    @rule(one=anyone)
    def generate(self, one: int) -> None:
        """By the rules."""
        if self.orders:
            order = self.orders[one % len(self.orders)]
            self.call("generate", "POST", f"/orders/{order}/fulfillment-requests/generate")

    @rule(one=anyone, source=st.integers(0, 1))
    def generate_by_hand(self, one: int, source: int) -> None:
        """At a source."""
        if self.orders:
            body = {"orderId": self.orders[one % len(self.orders)], "sourceId": self.world.ours.sources[source]}
            self.call("by hand", "POST", FR, body)

    @rule(one=anyone, action=st.sampled_from(SIMPLE), confirm=st.booleans())
    def ask(self, one: int, action: str, confirm: bool) -> None:
        """One action without a body."""
        ids = self.requests()
        if ids:
            sign = "&" if "?" in action else "?"
            more = f"{sign}confirm=resend" if action == "process" and confirm else ""
            self.call(action.split("?")[0], "PATCH", f"{FR}/{ids[one % len(ids)]}/{action}{more}")

    @rule(one=anyone, acknowledge=st.integers(0, 3), cancel=st.integers(0, 3), kill=st.booleans())
    def adjust(self, one: int, acknowledge: int, cancel: int, kill: bool) -> None:
        """Its first line."""
        found = self.lines()
        if found:
            line = found[one % len(found)]
            item = {"id": line["id"], "acknowledgedQuantity": acknowledge, "cancelledQuantity": cancel,
                    "killOrFillType": "kill" if kill else "fill"}  # fmt: skip
            self.call("adjust", "POST", f"{FR}/{line['request_id']}/adjust", {"items": [item]})

    @rule(one=anyone, quantity=few)
    def ship(self, one: int, quantity: int) -> None:
        """Some of one line."""
        found = self.lines()
        if found:
            line = found[one % len(found)]
            items = [{"fulfillmentRequestItemId": line["id"], "quantity": quantity}]
            body = {"trackingNumber": f"T-{one}", "shipmentItems": items}
            self.call("ship", "POST", "/shipments", {"fulfillmentRequestId": line["request_id"], "shipment": body})

    @rule(one=anyone, quantity=few, gone=st.booleans())
    def correct_a_shipment(self, one: int, quantity: int, gone: bool) -> None:
        """It carried less, or more, or nothing of an item."""
        items = [item for item in self.table("shipment_item") if item["quantity"] > 0]
        if not items:
            return
        item = items[one % len(items)]
        if gone:
            target = f"/shipment/{item['shipment_id']}/shipment-item"
            self.call("take out", "DELETE", target, {"shipmentItemIds": [item["id"]]})
        else:
            change = {"id": item["shipment_id"], "shipmentItems": [{"id": item["id"], "quantity": quantity}]}
            self.call("correct", "PATCH", "/shipments", change)

    @rule(one=anyone, other=anyone)
    def move_a_shipment(self, one: int, other: int) -> None:
        """To another request."""
        shipments, requests = self.table("shipment"), self.requests()
        if shipments:
            change = {"id": shipments[one % len(shipments)]["id"], "fulfillmentRequestId": requests[other % len(requests)]}
            self.call("move", "PATCH", "/shipments", change)

    @rule(one=anyone)
    def take_a_shipment_back(self, one: int) -> None:
        """All that it carried: it never left."""
        shipments = self.table("shipment")
        if shipments:
            id_ = shipments[one % len(shipments)]["id"]
            items = [item["id"] for item in self.table("shipment_item") if item["shipment_id"] == id_ and item["quantity"]]
            if items:
                self.call("take back", "DELETE", f"/shipment/{id_}/shipment-item", {"shipmentItemIds": items})

    @rule(one=anyone, quantity=few)
    def invoice(self, one: int, quantity: int) -> None:
        """A source wants its money."""
        found = self.lines()
        if found:
            line = found[one % len(found)]
            item = {"invoiceItemType": "product", "sku": line["sku"], "quantity": quantity, "perUnitCost": 2}
            body = {"fulfillmentRequestId": line["request_id"], "invoiceItems": [item]}
            self.call("invoice", "POST", "/source-invoices", body)

    @rule(one=anyone, quantity=st.integers(0, 3))
    def edit(self, one: int, quantity: int) -> None:
        """Less of one line."""
        found = self.lines()
        if found:
            line = found[one % len(found)]
            body = {"items": [{"id": line["id"], "quantity": quantity}]}
            self.call("edit", "PATCH", f"{FR}/{line['request_id']}", body)

    @rule(one=anyone, status=st.sampled_from(("Open", "On Hold", "Canceled", "Closed")))
    def set_the_orders_status(self, one: int, status: str) -> None:
        """Held, released, canceled, closed."""
        if self.orders:
            order = self.orders[one % len(self.orders)]
            self.call(f"order {status}", "PATCH", f"/orders/{order}/status?status={status.replace(' ', '%20')}")

    @rule(one=anyone, wanted=st.tuples(st.sampled_from(SKUS), few))
    def add_an_item(self, one: int, wanted: tuple[str, int]) -> None:
        """To an order."""
        if self.orders:
            body = [{"sku": wanted[0], "quantity": wanted[1]}]
            self.call("add item", "POST", f"/orders/{self.orders[one % len(self.orders)]}/items", body)

    @rule(one=anyone, to=st.integers(0, 9), by_source=st.booleans())
    def tell_a_quantity(self, one: int, to: int, by_source: bool) -> None:
        """A source has more of one thing, or less, or the same."""
        found = self.table("inventory_variant")
        variant = found[one % len(found)]
        body = {"inventoryVariantId": variant["id"], "quantity": to}
        if by_source:
            body = {"sku": variant["sku"], "sourceId": variant["source_id"], "quantity": to}
        reply = self.call("stock", "PUT", "/inventory/variants", [body])
        assert reply.status == 200, reply.body

    @rule(one=anyone, action=st.sampled_from(("process", "acknowledge", "cancel", "void", "fail")))
    def in_bulk(self, one: int, action: str) -> None:
        """The same with up to three at once."""
        ids = self.requests()
        if ids:
            some = sorted({ids[(one + step) % len(ids)] for step in range(3)})
            self.call(f"bulk {action}", "POST", f"{FR}/bulk", {"action": action, "items": [{"id": id_} for id_ in some]})

    @rule(one=anyone, status=st.sampled_from(("Paid", "Deferred", "Declined")))
    def tell_of_payment(self, one: int, status: str) -> None:
        """Of an order."""
        if self.orders:
            self.call("payment", "PATCH", f"/orders/{self.orders[one % len(self.orders)]}/payment?status={status}")

    @rule(one=anyone)
    def give_stock_back_by_hand(self, one: int) -> None:
        """Whatever its lines say."""
        ids = self.requests()
        if ids:
            self.call("release stock", "DELETE", f"{FR}/{ids[one % len(ids)]}/committed-stock")

    def table(self, name: str) -> list[Any]:
        """All rows of a table, by id."""
        found: list[Any] = self.do(several(self.url, [f"SELECT * FROM {name} ORDER BY id"]))[0]
        return found

    def requests(self) -> list[int]:
        """The ids of all requests."""
        return [row["id"] for row in self.table("fulfillment_request_state")]

    def lines(self) -> list[Any]:
        """All lines of all requests."""
        return self.table("fulfillment_request_line")

    def teardown(self) -> None:
        """Throw the database away."""
        if self.ready:
            self.do(self._close())

    async def _close(self) -> None:
        await self.writer.close()
        await self.store.close()
        await self.engine.drop(self.url)


# What must have succeeded in a run, so that the machine proves something; and how much else.
PROVED = {"order", "repeat", "refused repeat", "generate", "adjust", "ship", "stock"}
KINDS = 19
ROUNDS = 6  # as many may be played until that is so: what comes up is chance
LONGER = int(os.environ.get("WAYPOST_MACHINE", "1"))  # times as many examples, to look longer than a test may


def run(engine: Engine, examples: int, steps: int) -> None:
    """Play."""
    done: Counter[str] = Counter()
    with asyncio.Runner() as runner:
        machine = type("Machine", (Machine,), {"engine": engine, "loop": runner.get_loop(), "done": done})
        bounds = settings(
            max_examples=examples * LONGER, stateful_step_count=steps, deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        )  # fmt: skip
        for number in range(ROUNDS):
            if bounds.derandomize:  # where runs must repeat, as in CI; yet no two rounds of one run may be the same
                seed(number)(machine)
            run_state_machine_as_test(machine, settings=bounds)  # type: ignore[no-untyped-call]
            if done.keys() >= PROVED and len(done) >= KINDS:
                break
    assert done.keys() >= PROVED, done
    assert len(done) >= KINDS, done


def test_everything_adds_up_on_sqlite() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run(SqliteEngine(Path(folder)), examples=20, steps=30)


@pytest.mark.usefixtures("postgres_server")
def test_everything_adds_up_on_postgresql(postgres_server: Server) -> None:
    run(PostgresEngine(postgres_server), examples=6, steps=25)
