"""What changes requests and orders: every such operation, as each kind of token that may call it.

Each call is about something of the target copy that no other call has touched, so that it does the same at every size.
The changes of inventory, listings, shipments, invoices and settings are measured by `changes_goods`.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from tests.growth.crowd import SHARED
from tests.growth.reads import Call, Target
from tests.growth.template import LARGE_CHANNEL, PULLED_SOURCES, PULLING, RARE_CHANNEL, RARE_SOURCE, TOKENS
from tests.support.contract import CONTRACT

_KINDS = {name: kind for name, (kind, _, _) in TOKENS.items()}
_BLOCKS = {name: "rare" if name.startswith("rare") else "large" for name in TOKENS}

Body = Callable[[Target, str, int], Any]
"""The body of a call: of the target, the block, and the place of what the call is about."""


class _Change(NamedTuple):
    """One case of an operation. `of`: what the template calls the things that such calls are about."""

    operation: str
    of: str
    word: str = ""
    query: dict[str, str] = {}  # noqa: RUF012 - nobody changes it
    body: Body | None = None


def _adjusted(target: Target, block: str, place: int) -> Any:
    line = target.id(f"{block} to change line", "fulfillment_request_line", place)
    return {"items": [{"id": line, "acknowledgedQuantity": 1, "cancelledQuantity": 1}]}


def _new_request(target: Target, block: str, place: int) -> Any:
    order = target.id(f"{block} order to change", "orders", place)
    return {"orderId": order, "sourceId": RARE_SOURCE if block == "rare" else 1}


def _new_purchase_order(target: Target, block: str, place: int) -> Any:
    return {"purchaseOrderType": "PO", **_new_request(target, block, place)}


def _item(target: Target, block: str, _: int) -> Any:
    return {"sku": target.text(f"{block} variant sku", 2), "quantity": 1, "price": 12.9}


def _edited(target: Target, block: str, place: int) -> Any:
    address = {
        "name": "Ana Costa",
        "addressLine1": "Rua Nova 7",
        "city": "Porto",
        "postal": "4050",
        "countryCode": "PT",
    }
    return {"shippingAddress": address, "assignee": "Mei", "fulfillmentRequestNumber": f"EDITED-{place}"}


_FAILURE = {"error": "None left", "code": "out_of_stock"}
_ALIASED = (("mark_fulfillment_request_processed", "mark_purchase_order_processed", {}, None),
            ("fail_fulfillment_request", "fail_purchase_order", _FAILURE, None),
            ("adjust_fulfillment_request", "adjust_purchase_order", {}, _adjusted))  # fmt: skip
_REQUESTS = (
    *(_Change(name, "to change", "", query, body) for pair in _ALIASED for name in pair[:2] for query, body in [pair[2:]]),
    _Change("acknowledge_fulfillment_request", "to change"),
    _Change("cancel_fulfillment_request", "to change", "", {"reason": "No longer made"}),
    _Change("void_fulfillment_request", "to change", "", {"reason": "Ordered twice"}),
    _Change("void_fulfillment_request", "to change", "dryRun", {"reason": "Ordered twice", "dryRun": "true"}),
    _Change("reroute_fulfillment_request", "to change", "to another", {"sourceId": "3", "reason": "They have none."}),
    _Change("reroute_fulfillment_request", "to change", "by the rules", {"reason": "They have none."}),
    _Change("process_fulfillment_request", "to release"),
    _Change("process_fulfillment_request", "to release", "dryRun", {"dryRun": "true"}),
    _Change("edit_fulfillment_request", "to release", "", {"reason": "Corrected"}, _edited),
    _Change("edit_fulfillment_request", "to release", "assignee", {}, lambda *_: {"assignee": "Ola"}),
    _Change("sync_fulfillment_request_accounting", "to release", "", {},
            lambda *_: {"accountingSynced": True, "externalAccountingId": "INV-7"}),
    _Change("create_fulfillment_request", "order to change", "", {}, _new_request),
    _Change("create_fulfillment_request", "order to change", "dryRun", {"dryRun": "true"}, _new_request),
    _Change("create_purchase_order", "order to change", "", {}, _new_purchase_order),
    _Change("add_order_items", "order to change", "", {}, _item),
    _Change("set_order_status", "order to change", "", {"status": "On Hold", "updateNote": "The customer checks."}),
    _Change("set_order_payment", "order to change", "", {"status": "Refunded"}),
    _Change("change_order_tags", "order to change", "", {}, lambda *_: {"add": ["gift"]}),
    _Change("sync_order_accounting", "order to change", "", {}, lambda *_: {"accountingSynced": True}),
    _Change("preview_order_generation", "order to change"),
    _Change("generate_for_order", "order to change"),
    _Change("generate_for_order", "order to change", "dryRun", {"dryRun": "true"}),
    _Change("link_orders", "order to change", "", {},
            lambda target, block, place: {"orderIds": [target.id(f"{block} order to change", "orders", place)]}),
)  # fmt: skip
_OTHERS = ("create_order", "bulk_fulfillment_requests", "settle_attention", "replace_policies", "update_account",
           "pull_processing_fulfillment_requests")  # fmt: skip
OPERATIONS = frozenset((*(change.operation for change in _REQUESTS), *_OTHERS))


def changes(target: Target) -> Iterator[Call]:
    """Every call; the same in the same order at every size."""
    for change in _REQUESTS:
        for token, kind in _KINDS.items():
            if kind in _types(change.operation):
                yield _call(target, change, token)
    yield from _keyed(target)
    yield from _bulk(target)
    yield from _orders(target)
    yield from _links(target)
    yield from _account(target)
    yield from _pulls()


def _types(operation: str) -> list[str]:
    _, _, declared = CONTRACT.operations[operation]
    found: list[str] = declared.get("x-token-types") or ["account"]
    return found


def _named(operation: str, word: str, token: str) -> str:
    return f"{operation} {word} as {token}".replace("  ", " ")


def _call(target: Target, change: _Change, token: str) -> Call:
    method, path, _ = CONTRACT.operations[change.operation]
    block = _BLOCKS[token]
    place = target.next(f"{block} {change.of}")
    table = "orders" if change.of.startswith("order") else "fulfillment_request"
    id_ = target.id(f"{block} {change.of}", table, place)
    filled = path.format(fulfillmentRequestId=id_, purchaseOrderId=id_, orderId=id_, id=id_)
    query = urlencode(change.query, quote_via=quote)
    body = None if change.body is None else change.body(target, block, place)
    name = _named(change.operation, change.word, token)
    return Call(name, token, method, f"{filled}{'?' * bool(query)}{query}", body)


def _keyed(target: Target) -> Iterator[Call]:
    """With an idempotency key; and again, which gets the reply that was kept."""
    one = _call(target, _Change("fail_fulfillment_request", "to change", "keyed", _FAILURE), "account")
    for word in ("first", "replay"):
        yield one._replace(name=f"{one.name} {word}", headers={"Idempotency-Key": "GROWTH-FAIL"})


def _bulk(target: Target) -> Iterator[Call]:
    """Of two requests each, first without a change."""
    actions: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("process", "large to release", {}), ("acknowledge", "large to change", {}),
        ("fail", "large to change", {"error": "None left"}),
    )  # fmt: skip
    for action, of, more in actions:
        items = [{"id": target.request(of), **more} for _ in range(2)]
        for word, query in ((f"{action} dryRun", "?dryRun=true"), (action, "")):
            name = _named("bulk_fulfillment_requests", word, "account")
            body = {"action": action, "items": items}
            yield Call(name, "account", "POST", f"/fulfillment-requests/bulk{query}", body)


def _orders(target: Target) -> Iterator[Call]:
    """An order that is new, posted again as it was, posted again with changes; with what channels send beside."""
    for token, kind in _KINDS.items():
        if kind not in _types("create_order"):
            continue
        block = _BLOCKS[token]
        plain = {"channelId": RARE_CHANNEL if block == "rare" else 1, "shippingText": "Ground",
                 "orderItems": [{"sku": target.text(f"{block} listing sku"), "quantity": 1, "price": 9}]}  # fmt: skip
        external = [{"externalListingId": target.text(f"{block} external"), "quantity": 1, "price": 9}]
        shared = [{"externalListingId": SHARED, "quantity": 1, "price": 9}]
        unknown = [{"externalListingId": "NOBODY-KNOWS", "sku": "NOBODY-KNOWS", "quantity": 1}]
        number = f"G-{token.replace(' ', '-')}"
        cases: tuple[tuple[str, str, dict[str, Any], str], ...] = (
            ("dryRun", "0", {}, "?dryRun=true"), ("new", "1", {}, ""), ("repeat", "1", {}, ""),
            ("repeat with changes", "1", {"paymentStatus": "Paid", "tags": ["gift"]}, ""),
            ("new with externalListingId", "2", {"orderItems": external}, ""),
            ("new with an externalListingId that others share", "5", {"orderItems": shared}, ""),
            ("new with an unknown externalListingId", "3", {"orderItems": unknown}, ""),
        )  # fmt: skip
        for word, suffix, more, query in cases:
            body = {"orderNumber": f"{number}-{suffix}", **plain, **more}
            yield Call(_named("create_order", word, token), token, "POST", f"/orders{query}", body)
        body = {"orderNumber": f"{number}-4", **plain}
        for word in ("keyed first", "keyed replay"):
            headers = {"Idempotency-Key": f"GROWTH-{number}"}
            yield Call(_named("create_order", word, token), token, "POST", "/orders", body, headers)


def _account(target: Target) -> Iterator[Call]:
    """What is about the account."""
    for word, query in (("dryRun", "?dryRun=true"), ("", "")):
        id_ = target.id("raised", "fulfillment_request", 3)
        items = [{"subject": {"type": "fulfillment_request", "id": id_}, "code": "late_delivery"}]
        name = _named("settle_attention", word, "account")
        yield Call(name, "account", "POST", f"/attention/settle{query}", {"note": "Seen to.", "items": items})
    rules = ("unsent", "unacknowledged", "unshipped", "unrepaired")
    policies = [{"condition": rule, "afterMinutes": 60} for rule in rules]
    yield Call("replace_policies as account", "account", "PUT", "/policies", policies)
    yield Call("update_account as account", "account", "PATCH", "/account", {"brandName": "Mill & Co"})


def _links(target: Target) -> Iterator[Call]:
    """Unmanaged items of orders that are looked for."""
    by = {"a SKU": {"skus": ["NOSUCH"]}, "SKUs of products": {"skus": [target.text("large variant sku", 1), "NOSUCH"]},
          "a channel": {"channelId": LARGE_CHANNEL}}  # fmt: skip
    for word, body in by.items():
        yield Call(_named("link_orders", f"of {word}", "account"), "account", "PATCH", "/orders/link", body)


def _pulls() -> Iterator[Call]:
    """By the account of one source, and by another source: each has as many waiting at every size."""
    path = "/fulfillment-requests/processing"
    for token, query in (("account", f"filterSourceId={PULLED_SOURCES[0]}"), (PULLING, "")):
        for word in ("peek", "dryRun", ""):
            more = "&".join(filter(None, (query, f"{word}=true" if word else "")))
            name = _named("pull_processing_fulfillment_requests", word, token)
            yield Call(name, token, "GET", f"{path}{'?' * bool(more)}{more}")
