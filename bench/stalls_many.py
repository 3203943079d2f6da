"""The operations of `bench.stalls` that take many requests or orders of many lines each, as many as one call may.

And those about one thing of which there is more than any call could make.
"""

from collections.abc import Callable
from typing import Any

from bench.stalls_crowd import LISTED, MANY, TOKEN, Crowd
from bench.stalls_merchant import LINES, Stage
from bench.stalls_operations import Ask, Call, Operation, done, numbers, operation
from waypost.app.batch_size import ITEMS_AT_MOST, LINES_AT_MOST

REQUESTS = LINES_AT_MOST // (2 * LINES)  # each has its order, of as many items
ORDERS = ITEMS_AT_MOST // LINES
TOO_MANY = 390
_PAGE, _PUT_AT_ONCE = 100, 50


def _long_requests(stage: Stage, call: Call) -> list[tuple[int, int]]:
    """Ids of the requests that are to be pulled or were pulled, and of their orders; nothing else was done to them."""
    found: list[tuple[int, int]] = []
    which = f"filterSourceId={stage.polled}&filterStatus=Processing&filterStatus=Processed"
    path = f"/fulfillment-requests?{which}&filterPageSize={_PAGE}&sinceId="
    while page := done(call, Ask("GET", f"{path}{found[-1][0] if found else 0}")):
        found += [(one["id"], one["orderId"]) for one in page]
    return found


def _bulk(action: str, ids: list[int], expected: int, **more: str) -> Ask:
    items = [{"id": id_, **more} for id_ in ids]
    return Ask("POST", "/fulfillment-requests/bulk", {"action": action, "items": items}, expected=(expected,))


def _bulk_of_long(action: str, **more: str) -> Operation:
    def ask(stage: Stage, call: Call) -> Ask:
        chosen = _long_requests(stage, call)[:REQUESTS]
        return _bulk(action, [id_ for id_, _ in chosen], 200, **more)

    return ask


@operation(f"bulk acknowledge of {TOO_MANY}, 500 lines each, refused")
def _too_many(stage: Stage, call: Call) -> Ask:
    return _bulk("acknowledge", [id_ for id_, _ in _long_requests(stage, call)[:TOO_MANY]], 400)


@operation(f"link of {TOO_MANY} orders, 500 items each, refused")
def _too_many_orders(stage: Stage, call: Call) -> Ask:
    orders = [order for _, order in _long_requests(stage, call)[:TOO_MANY]]
    return Ask("PATCH", "/orders/link", {"orderIds": orders}, expected=(400,))


operation(f"bulk acknowledge of {REQUESTS}, 500 lines each")(_bulk_of_long("acknowledge"))
operation(f"bulk cancel of {REQUESTS}, 500 lines each")(_bulk_of_long("cancel", reason="no"))
operation(f"bulk void of {REQUESTS}, 500 lines each")(_bulk_of_long("void", reason="no"))


def _unknown(stage: Stage, call: Call, run: int) -> int:
    """An order of things that nobody knows yet, of a channel that generates by itself; its id."""
    items: list[dict[str, Any]] = [
        {"externalListingId": f"LATER-{run}-{n}", "title": "Thing", "quantity": 1} for n in range(LINES)
    ]
    body = {
        "channelId": stage.auto_channel, "orderNumber": f"LATER-{next(numbers)}", "shippingText": "Ground",
        "paymentStatus": "Paid", "orderItems": items,
    }  # fmt: skip
    return int(done(call, Ask("POST", "/orders", body))["id"])


def _make_known(stage: Stage, call: Call, run: int) -> None:
    for first in range(0, LINES, _PUT_AT_ONCE):
        listings = [
            {"sku": f"ALONE-{n}", "channelId": stage.auto_channel, "externalId": f"LATER-{run}-{n}"}
            for n in range(first, first + _PUT_AT_ONCE)
        ]
        done(call, Ask("PUT", "/listing/variants", listings))


@operation(f"link of {ORDERS} orders, 500 items each, generated")
def _linked(stage: Stage, call: Call) -> Ask:
    run = next(numbers)
    orders = [_unknown(stage, call, run) for _ in range(ORDERS)]
    _make_known(stage, call, run)
    return Ask("PATCH", "/orders/link", {"orderIds": orders})


@operation("link of a channel: the first orders of many")
def _linked_channel(stage: Stage, call: Call) -> Ask:
    run = next(numbers)
    for _ in range(ORDERS + 1):
        _unknown(stage, call, run)
    _make_known(stage, call, run)
    return Ask("PATCH", "/orders/link", {"channelId": stage.auto_channel})


def _of_crowd(name: str, path: Callable[[Crowd], str], method: str = "GET") -> None:
    @operation(name)
    def ask(stage: Stage, call: Call) -> Ask:
        body = {"add": [f"tag {next(numbers)}"], "remove": []} if method == "PATCH" else None
        return Ask(method, path(stage.crowd), body, {"X-API-TOKEN": TOKEN})


_of_crowd(f"timeline of a request, {MANY:,} events", lambda crowd: f"/fulfillment-requests/{crowd.request}/events")
_of_crowd(f"timeline of an order, {MANY:,} events", lambda crowd: f"/orders/{crowd.order}/events")
_of_crowd(f"order of {MANY:,} requests", lambda crowd: f"/orders/{crowd.order}")
_of_crowd(f"tags of an order of {MANY:,} requests", lambda crowd: f"/orders/{crowd.order}/tags", "PATCH")
_of_crowd(f"stock that {MANY:,} requests hold", lambda crowd: f"/inventory/variants/{crowd.variant}/stock")
_of_crowd(f"{LISTED} shipping policies of 1,000 methods", lambda crowd: "/shipping/shipping-policies")
_of_crowd(f"{LISTED} routing groups of 500 sources", lambda crowd: "/routing-groups")
