"""The operations of `bench.stalls`: each prepares what it needs, and gives the call that is measured."""

import itertools
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from bench.stalls_merchant import LINES, PLENTY, SOURCES, Stage

BULK = 500
CONDITIONS = ("unsent", "unacknowledged", "unshipped", "unrepaired")
HOOKS = 45  # of the 50 that an account may have
RETRIED = 100
_PUT_AT_ONCE = 50


class Ask(NamedTuple):
    """A call. `body`: None, bytes, or what becomes JSON."""

    method: str
    path: str
    body: Any = None
    headers: dict[str, str] = {}
    expected: tuple[int, ...] = (200,)


Call = Callable[[Ask], tuple[int, bytes]]
Operation = Callable[[Stage, Call], Ask]

OPERATIONS: dict[str, Operation] = {}
numbers = itertools.count(1)


def operation(name: str) -> Callable[[Operation], Operation]:
    """Adds an operation under this name."""

    def add(operation: Operation) -> Operation:
        OPERATIONS[name] = operation
        return operation

    return add


def done(call: Call, ask: Ask) -> Any:
    """The body of the reply to a call that must succeed."""
    status, body = call(ask)
    if status not in (200, 201, 202, 204):
        raise RuntimeError(f"{ask.method} {ask.path} was answered {status}: {body[:500]!r}")
    return json.loads(body) if body else None


def _order(channel: int, kind: str, quantity: int, paid: bool, **more: Any) -> Ask:
    """An order of the most lines; no two are alike."""
    number = next(numbers)
    items = [{"sku": f"{kind}-{n}", "title": "Thing", "quantity": quantity, "price": 9.99} for n in range(LINES)]
    body = {
        "channelId": channel, "orderNumber": f"STALL-{number}", "shippingText": "Ground",
        "paymentStatus": "Paid" if paid else "Not Authorized", "orderItems": items,
        "shippingAddress": {"name": "Zoë Müller", "addressLine1": f"Gasse {number}", "city": "Zürich", "country": "CH"},
    }  # fmt: skip
    return Ask("POST", "/orders", body, more.get("headers", {}), (201,))


def _posted(stage: Stage, call: Call, kind: str, quantity: int) -> int:
    return int(done(call, _order(stage.plain_channel, kind, quantity, paid=True))["id"])


def long_request(stage: Stage, call: Call) -> dict[str, Any]:
    """A request of all lines, in Processing."""
    order = _posted(stage, call, "ALONE", 1)
    made: dict[str, Any] = done(call, Ask("POST", "/fulfillment-requests", {"orderId": order, "sourceId": stage.alone}))
    return made


@operation("order of one source, not generated")
def _plain_order(stage: Stage, call: Call) -> Ask:
    return _order(stage.plain_channel, "ALONE", 1, paid=False)


@operation("order of 50 sources, generated")
def _wide_order(stage: Stage, call: Call) -> Ask:
    return _order(stage.auto_channel, "WIDE", 1, paid=True)


@operation("order of 50 sources, generated, with a key")
def _keyed_order(stage: Stage, call: Call) -> Ask:
    ask = _order(stage.auto_channel, "WIDE", 1, paid=True)
    return ask._replace(headers={"Idempotency-Key": f"stall-{next(numbers)}"})


@operation("the same again with its key")
def _repeated_order(stage: Stage, call: Call) -> Ask:
    ask = _keyed_order(stage, call)
    done(call, ask)
    return ask


@operation("order that all 50 sources share line by line")
def _thin_order(stage: Stage, call: Call) -> Ask:
    run = next(_thin_runs)
    for source in stage.sources:
        for first in range(0, LINES, _PUT_AT_ONCE):
            variants = [
                {"sku": f"THIN-{n}", "sourceId": source, "quantity": run + 1} for n in range(first, first + _PUT_AT_ONCE)
            ]
            done(call, Ask("PUT", "/inventory/variants", variants))
    return _order(stage.auto_channel, "THIN", SOURCES, paid=True)


_thin_runs = itertools.count()


@operation("preview, each line of one source")
def _wide_preview(stage: Stage, call: Call) -> Ask:
    return Ask("POST", f"/orders/{_posted(stage, call, 'WIDE', 1)}/fulfillment-requests/preview")


@operation("preview, shared by all sources line by line")
def _thin_preview(stage: Stage, call: Call) -> Ask:
    # Whatever orders hold of it: what is missing is looked for, and explained.
    return Ask("POST", f"/orders/{_posted(stage, call, 'THIN', SOURCES)}/fulfillment-requests/preview")


@operation("preview, nobody has enough")
def _short_preview(stage: Stage, call: Call) -> Ask:
    return Ask("POST", f"/orders/{_posted(stage, call, 'THIN', 9999)}/fulfillment-requests/preview")


@operation("generate")
def _generate(stage: Stage, call: Call) -> Ask:
    return Ask("POST", f"/orders/{_posted(stage, call, 'WIDE', 1)}/fulfillment-requests/generate", expected=(201,))


@operation("why it was routed so")
def _decision(stage: Stage, call: Call) -> Ask:
    made = done(call, _generate(stage, call))
    requests = made if isinstance(made, list) else made["fulfillmentRequests"]
    return Ask("GET", f"/fulfillment-requests/{requests[0]['id']}/routing")


@operation("create a request by hand")
def _by_hand(stage: Stage, call: Call) -> Ask:
    body = {"orderId": _posted(stage, call, "ALONE", 1), "sourceId": stage.alone}
    return Ask("POST", "/fulfillment-requests", body, expected=(200, 201))


@operation("reroute")
def _reroute(stage: Stage, call: Call) -> Ask:
    order = _posted(stage, call, "WIDE", 1)
    items = [item["id"] for item in done(call, Ask("GET", f"/orders/{order}"))["orderItems"]]
    body = {"orderId": order, "sourceId": stage.alone, "items": [{"orderItemId": id_} for id_ in items]}
    made = done(call, Ask("POST", "/fulfillment-requests", body))
    return Ask("PATCH", f"/fulfillment-requests/{made['id']}/reroute?reason=elsewhere")


@operation("read a request of 500 lines")
def _read(stage: Stage, call: Call) -> Ask:
    return Ask("GET", f"/fulfillment-requests/{long_request(stage, call)['id']}")


@operation("void a request of 500 lines")
def _void(stage: Stage, call: Call) -> Ask:
    return Ask("PATCH", f"/fulfillment-requests/{long_request(stage, call)['id']}/void?reason=no")


@operation("shipment of 500 lines")
def _shipment(stage: Stage, call: Call) -> Ask:
    made = long_request(stage, call)
    items = [{"sku": f"ALONE-{n}", "quantity": 1} for n in range(LINES)]
    shipment = {"trackingNumber": f"T-{made['id']}", "shipmentItems": items}
    return Ask("POST", "/shipments", {"fulfillmentRequestId": made["id"], "shipment": shipment})


@operation("invoice of 500 items")
def _invoice(stage: Stage, call: Call) -> Ask:
    made = long_request(stage, call)
    items = [
        {"invoiceItemType": "product", "sku": f"ALONE-{n}", "quantity": 1, "perUnitCost": 1} for n in range(LINES)
    ]
    return Ask("POST", "/source-invoices", {"fulfillmentRequestId": made["id"], "invoiceItems": items})


@operation("adjust 500 lines")
def _adjust(stage: Stage, call: Call) -> Ask:
    made = long_request(stage, call)
    items = [{"id": item["id"], "acknowledgedQuantity": 1} for item in made["fulfillmentRequestItems"]]
    return Ask("POST", f"/fulfillment-requests/{made['id']}/adjust", {"items": items})


def _bulk(action: str, first: int, **more: str) -> Ask:
    items = [{"id": id_, **more} for id_ in range(first, first + BULK)]
    return Ask("POST", "/fulfillment-requests/bulk", {"action": action, "items": items})


_blocks = itertools.count(1000, BULK)


@operation("bulk fail of 500")
def _bulk_fail(stage: Stage, call: Call) -> Ask:
    return _bulk("fail", next(_blocks), error="No stock")


@operation("bulk process of 500 that failed")
def _bulk_process(stage: Stage, call: Call) -> Ask:
    first = next(_blocks)
    done(call, _bulk("fail", first, error="No stock"))
    return _bulk("process", first)


@operation("bulk cancel of 500")
def _bulk_cancel(stage: Stage, call: Call) -> Ask:
    return _bulk("cancel", next(_blocks), reason="no")


@operation("bulk edit of 500, 4 MiB")
def _bulk_edit(stage: Stage, call: Call) -> Ask:
    first = next(_blocks)
    items = [{"id": id_, "changes": {"note": "n" * 8000}} for id_ in range(first, first + BULK)]
    return Ask("POST", "/fulfillment-requests/bulk", {"action": "edit", "items": items})


def _pull(stage: Stage) -> Ask:
    headers = {"Idempotency-Key": f"pull-{next(numbers)}"}
    return Ask("GET", f"/fulfillment-requests/processing?filterSourceId={stage.polled}", headers=headers)


@operation("pull of 100 requests of 500 lines")
def _pulled(stage: Stage, call: Call) -> Ask:
    ask = _pull(stage)
    _pulls.append(ask)
    return ask


@operation("the same pull again with its key")
def _pulled_again(stage: Stage, call: Call) -> Ask:
    if not _pulls:
        _pulls.append(_pull(stage))
        done(call, _pulls[0])
    return _pulls[0]


_pulls: list[Ask] = []


@operation("page of 100 requests of 500 lines")
def _long_page(stage: Stage, call: Call) -> Ask:
    return Ask("GET", f"/fulfillment-requests?filterSourceId={stage.polled}&filterPageSize=100")


@operation("page of orders of 500 lines")
def _order_page(stage: Stage, call: Call) -> Ask:
    return Ask("GET", f"/orders?channelId={stage.plain_channel}&pageSize=1000")


@operation("variants: 50 of 1 MiB")
def _variants(stage: Stage, call: Call) -> Ask:
    run = next(numbers)
    fields = [{"name": f"field {n}", "value": "v" * 180 + str(run)} for n in range(90)]
    variants = [
        {"sku": f"ALONE-{n}", "sourceId": stage.alone, "quantity": PLENTY + run, "customFields": fields}
        for n in range(_PUT_AT_ONCE)
    ]
    return Ask("PUT", "/inventory/variants", variants)


@operation("parents: 20 of 100 variants")
def _parents(stage: Stage, call: Call) -> Ask:
    run = next(numbers)
    parents = [
        {"sku": f"P-{run}-{p}", "sourceId": stage.alone, "title": "Parent",
         "variants": [{"sku": f"P-{run}-{p}-{v}", "title": "Variant", "quantity": 5, "cost": 1.5} for v in range(100)]}
        for p in range(20)
    ]  # fmt: skip
    return Ask("POST", "/inventory/parents", parents)


@operation("listings: 50 of 1 MiB")
def _listings(stage: Stage, call: Call) -> Ask:
    run = next(numbers)
    attributes = [{"name": f"attribute {n}", "value": "v" * 180 + str(run)} for n in range(90)]
    listings = [
        {"sku": f"L-{n}", "channelId": stage.plain_channel, "title": f"Listing {run}", "parentSku": f"LP-{n}",
         "attributes": attributes}
        for n in range(50)
    ]  # fmt: skip
    return Ask("PUT", "/listing/variants", listings)


@operation("policies: 200 clock rules")
def _rules(stage: Stage, call: Call) -> Ask:
    minutes = 60 * 24 * 300 + next(numbers)
    rules = [
        {"condition": condition, "afterMinutes": minutes, "sourceId": source}
        for condition in CONDITIONS
        for source in stage.sources
    ]
    return Ask("PUT", "/policies", rules[:200])


def _feed(path: str) -> Operation:
    def ask(stage: Stage, call: Call) -> Ask:
        return Ask("GET", path)

    return ask


OPERATIONS["feed page of 500 events"] = _feed("/events?limit=500")
OPERATIONS["feed page of edits, 8 KB each"] = _feed("/events?limit=500&types=fulfillment_request.edited")
OPERATIONS["attention"] = _feed("/attention?limit=100")


@operation("body of 1 MiB with 100,000 faults")
def _faulty(stage: Stage, call: Call) -> Ask:
    body = b'{"orderNumber":1,"orderItems":[' + b",".join([b'{"a":-1}'] * 49_900) + b"]}"
    return Ask("POST", "/orders", body, expected=(400,))


@operation("body of 1 MiB with escapes")
def _escapes(stage: Stage, call: Call) -> Ask:
    body = b'{"orderNumber":"x","note":"' + b"\\u00e9" * 170_000 + b'","orderItems":[{"quantity":1}]}'
    return Ask("POST", "/orders", body, expected=(400,))


@operation("bulk body of 8 MiB, refused")
def _large(stage: Stage, call: Call) -> Ask:
    item = b'{"id":1,"reason":"' + b"r" * 16_000 + b'"}'
    body = b'{"action":"cancel","items":[' + b",".join([item] * 500) + b"]}"
    return Ask("POST", "/fulfillment-requests/bulk", body, expected=(400,))


def _trial(expression: str) -> Operation:
    def ask(stage: Stage, call: Call) -> Ask:
        made = long_request(stage, call)
        body = {"kind": "http", "settings": {"url": "https://example.com/orders", "body": expression}, "paused": True}
        done(call, Ask("PUT", f"/source/{stage.alone}/delivery", body))
        return Ask("POST", f"/source/{stage.alone}/delivery/test", {"fulfillmentRequestId": made["id"]})

    return ask


_NESTED = "to_string(" * 19 + "@" + ")" * 19
OPERATIONS["template: to_string, 19 deep"] = _trial(_NESTED)
OPERATIONS["template: maps inside maps"] = _trial("items[].[$.items[].[sku, title]]".replace("$", "@"))
OPERATIONS["template: sorted, joined, text"] = _trial(
    "{a: sort_by(items, &sku), b: join(',', items[].sku), c: to_string(items), d: reverse(items), e: items[?quantity > `0`]}"
)


@operation("webhook events again: 100 to 45 endpoints")
def _retry(stage: Stage, call: Call) -> Ask:
    known = done(call, Ask("GET", "/webhook/configurations"))
    for n in range(HOOKS - len(known)):
        hook = {"configurationName": f"Hook {n}", "webhookUrl": "https://hooks.invalid/x", "subscribedEvents": ["*"]}
        done(call, Ask("POST", "/webhook/configurations", hook))
    first = 1000 + next(numbers) * RETRIED
    return Ask("POST", "/webhook/event/retry", {"eventIds": list(range(first, first + RETRIED))}, expected=(202,))
