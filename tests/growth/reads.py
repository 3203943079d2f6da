"""What is read: every served operation of the contract that reads, with each of its filters, as each kind of token.

The operations and their parameters come from `contract/openapi.yaml`. A parameter that has no value here is an error, so
that a new filter is measured from its first day.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from tests.growth.loading import Plan
from tests.growth.template import LARGE_SOURCES, NEIGHBOUR, RARE_CHANNEL, RARE_SOURCE, TOKENS, Template
from tests.support.contract import CONTRACT
from waypost.app.ports.attention import Place
from waypost.wire.attention import START, write_place
from waypost.wire.feed import write_cursor

PAGE = 2  # so many of each kind are there, whatever the size
RECENT = 2000  # events
EARLY, LATE = "0001-01-01", "9999-12-31"
_PAGE_SIZES = {"filterPageSize": PAGE, "pageSize": PAGE, "limit": PAGE}
_TYPES = {"account": "account", "source": "source", "rare source": "source", "channel": "channel",
          "rare channel": "channel", NEIGHBOUR: "account"}  # fmt: skip
_CHANGES = ("pull_processing_fulfillment_requests",)  # although it is a GET
# These read nobody's account: each is called once as each kind of token, without its parameters.
_NO_ACCOUNT = ("get_health", "get_readiness", "get_openapi_json", "get_openapi_yaml", "get_docs", "list_failure_codes")


class Call(NamedTuple):
    """One call. `name`: the operation, its filters and the token, the same at every size."""

    name: str
    token: str
    method: str
    target: str
    body: Any = None
    headers: Mapping[str, str] = MappingProxyType({})


class Target:
    """The ids and texts that calls are about, in one size's copy of the template."""

    def __init__(self, template: Template, plan: Plan) -> None:
        self._names = template.names
        self._copy = plan.target
        self._today = template.today
        self._taken: dict[str, int] = {}
        self.last_seq = plan.last_seq
        self.last_at = plan.last_at
        self.middle_at = plan.middle_at

    def id(self, name: str, table: str, place: int = 0) -> int:
        """The id of what the template calls so."""
        return self._copy.id(table, self._names[name][place])

    def text(self, name: str, place: int = 0) -> str:
        """A SKU or number."""
        return self._copy.text(self._names[name][place])

    def of(self, name: str, place: int, table: str, column: str) -> list[int]:
        """The ids of the rows of another table that point to it."""
        found = self._names[name][place]
        return [self._copy.id(table, row["id"]) for row in self._today[table] if row[column] == found]

    def next(self, name: str) -> int:
        """The place of one of these that nobody has taken yet."""
        place = self._taken.get(name, 0)
        self._taken[name] = place + 1
        return place

    def request(self, name: str) -> int:
        """A request that nobody has taken yet."""
        return self.id(name, "fulfillment_request", self.next(name))

    def base(self, name: str, place: int = 0) -> int:
        """An id of the account's own settings."""
        id_: int = self._names[name][place]
        return id_

    def moment(self, before_us: int = 0) -> str:
        """So long before the last change, as it is written in a query."""
        return datetime.fromtimestamp((self.last_at - before_us) / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


Values = list[tuple[str, str]]
"""What a parameter is set to, each with a word for it."""
Make = Callable[[Target, str], Values]
"""For the target, and whether the token is one that has little (`rare`) or much (`large`)."""


def _each(*values: str) -> Make:
    return lambda target, rare: [(value, value) for value in values]


def _are(**values: str) -> Make:
    return lambda target, rare: list(values.items())


def _one(name: str, table: str) -> Make:
    return lambda target, rare: [("one", str(target.id(f"{rare} {name}", table)))]


def _ids(name: str, table: str) -> Make:
    return lambda target, rare: [("two", ",".join(str(target.id(f"{rare} {name}", table, place)) for place in (0, 1)))]


def _texts(name: str, before: str = "") -> Make:
    return lambda target, rare: [("two", ",".join(before + target.text(f"{rare} {name}", place) for place in (0, 1)))]


def _cursors(target: Target, rare: str) -> Values:
    middle, end = target.last_seq // 2, target.last_seq - PAGE
    return [("middle", write_cursor(1, middle)), ("end", write_cursor(1, end)), ("latest", "latest")]


def _requests_on(target: Target, rare: str) -> Values:
    middle = target.id("rare unprocessed", "fulfillment_request") - 1
    return [("start", "0"), ("middle", str(middle))]


def _far(target: Target, rare: str) -> Values:
    """The page before which a quarter of so many things lie as there are requests."""
    return [("far", str(target.id("rare unprocessed", "fulfillment_request") // 4 // PAGE))]


def _moments(target: Target, rare: str) -> Values:
    middle = target.moment(target.last_at - target.middle_at)
    return [("nothing", LATE), ("new", target.moment()), ("middle", middle), ("all", EARLY)]


_REQUEST, _ORDER, _NUMBERS = _one("shipped", "fulfillment_request"), _one("shipped order", "orders"), _texts("number")
_ORDER_STATUSES = _each("Open", "Closed", "On Hold", "Failed", "No Shipping Method", "Canceled", "Not Managed")
_EVERY_STATUS = _each(
    "Unprocessed", "Processing", "Processed", "Acknowledged", "Processing Error", "Canceled", "Voided",
    "Additional Info Required", "PO/FR # Exceeds Max Length", "Duplicate PO/FR #", "Cross Docked",
)  # fmt: skip
_SOME_STATUSES = _are(some="Processing,Processing Error", rare="Voided,Cross Docked", closed="Acknowledged,Canceled")
_YES_NO = _each("true", "false")
# By the operation and its parameter; the first pattern that matches counts.
_VALUES: dict[str, Make] = {
    "list_inventory_variants ids": _ids("variant", "inventory_variant"),
    "list_inventory_parents ids": _ids("parent", "inventory_parent"),
    "list_product_variants ids": _ids("product", "product_variant"),
    "list_listing_parents ids": _ids("listing parent", "listing_parent"),
    "list_listing_variants ids": _ids("listing", "listing_variant"),
    "list_source_invoices ids": _ids("invoice", "source_invoice"),
    "list_inventory_parents skus": _texts("parent sku"),
    "list_listing_parents skus": _texts("listing parent sku"),
    "list_listing_variants skus": _texts("listing sku"),
    "* skus": _texts("variant sku"),
    "* upcs": _texts("variant sku", before="4"),
    "* findOrderId": _ORDER,
    "* findByOrderId": _ORDER,
    "* findByPurchaseOrderId": _REQUEST,
    "* findByFulfillmentRequestId": _REQUEST,
    "* filterPurchaseOrderId": _REQUEST,
    "* frNumbers": _NUMBERS,
    "* poNumbers": _NUMBERS,
    "* fulfillmentRequestNumbers": _NUMBERS,
    "* orderNumbers": _are(two="O-1~0,O-2~0"),
    "* referenceNumbers": _are(two="R-1~0,R-2~0"),
    "* filterSourceId": _are(large="1", rare=str(RARE_SOURCE)),
    "* sourceId": _are(large="1", rare=str(RARE_SOURCE)),
    "* channelId": _are(large="1", rare=str(RARE_CHANNEL)),
    "* filterFulfilmentStatus": _are(one="Partially Shipped", some="Awaiting Shipment,Shipped"),
    "* filterFailureCode": _are(one="out_of_stock", none="quantity_unavailable"),
    "* codes": _are(one="out_of_stock", two="out_of_stock,duplicate_number"),
    "* assignee": _are(one="Mei", none="Nobody"),
    "* types": _are(common="order.created", rare="fulfillment_request.voided", never="webhook.tested"),
    "list_webhook_deliveries filterStatus": _each("pending", "delivered", "failed"),
    "list_orders status": _ORDER_STATUSES,
    "* status": _are(new="NEW", ignored="Open"),  # of requests
    "* filterStatus": lambda target, rare: [*_EVERY_STATUS(target, rare), *_SOME_STATUSES(target, rare)],
    "list_attention limit": _each("0"),
    "list_attention after": _are(start=write_place(Place(LARGE_SOURCES[0], "out_of_stock", *START))),
    "list_events after": _cursors,
    "list_webhook_deliveries sinceId": _are(start="0", middle="100"),
    "* filterPageNumber": _far,
    "* page": _far,
    "* sinceId": _requests_on,
    "* *After": _moments,
    "* *UpdatedAt": _moments,
    "* filterIs*": _YES_NO,
    "* filterInvoiced*": _YES_NO,
    "* filterEligible*": _YES_NO,
    "* filterNeeds*": _YES_NO,
    "* is*": _YES_NO,
    "* has*": _YES_NO,
    "* includeTags": _are(ignored="true", none="nothing"),
    "* include*": _YES_NO,
    "* mapped": _YES_NO,
    "* unassigned": _YES_NO,
    "* snoozed": _YES_NO,
}


# Two filters of which each lets much through, and both together hardly anything, or nothing.
_GOODS = ((("skus", "two"), ("updatedAfter", "all")),)
_PAIRS: dict[str, tuple[tuple[tuple[str, str], tuple[str, str]], ...]] = {
    "list_fulfillment_requests": (
        (("filterSourceId", "large"), ("filterStatus", "Acknowledged")),
        (("filterSourceId", "large"), ("filterStatus", "closed")),
        (("filterSourceId", "large"), ("filterIsAcknowledged", "false")),
        (("filterSourceId", "large"), ("filterEligibleForProcessing", "true")),
        (("filterSourceId", "large"), ("filterNeedsAttention", "true")),
        (("filterSourceId", "rare"), ("filterStatus", "Acknowledged")),
        (("filterStatus", "Canceled"), ("filterAcknowledgedAfter", "all")),
    ),
    "list_orders": (
        (("orderUpdatedAt", "new"), ("fulfillmentRequestsUpdatedAt", "middle")),
        (("shipmentsUpdatedAt", "new"), ("orderUpdatedAt", "middle")),
        (("orderUpdatedAt", "new"), ("shipmentsUpdatedAt", "middle")),
    ),
    "list_channel_shipping_methods": tuple(
        (("channelId", channel), ("mapped", mapped)) for channel in ("large", "rare") for mapped in ("true", "false")
    ),
    "list_inventory_variants": (*_GOODS, (("upcs", "two"), ("updatedAfter", "all"))),
    "list_inventory_parents": _GOODS,
    "list_product_variants": (*_GOODS, (("upcs", "two"), ("updatedAfter", "all"))),
    "list_listing_parents": _GOODS,
    "list_listing_variants": _GOODS,
}


def _values(target: Target, name: str, parameter: str, rare: str) -> Values:
    """The values of an operation's parameter that are measured."""
    make = next((make for pattern, make in _VALUES.items() if fnmatchcase(f"{name} {parameter}", pattern)), None)
    if make is None:
        raise AssertionError(f"{name} has the parameter {parameter}: give it a value in {__file__}")
    return make(target, rare)


def _path(target: Target, name: str, path: str, rare: str) -> str:
    """The path with the ids of what the token may see."""
    filled = {
        "fulfillmentRequestId": target.id(f"{rare} {'routed' if 'routing' in path else 'shipped'}", "fulfillment_request"),
        "purchaseOrderId": target.id(f"{rare} shipped", "fulfillment_request"),
        "orderId": target.id(f"{rare} shipped order", "orders"),
        "sourceId": RARE_SOURCE,
    }
    of_id = {
        "/orders/{id}": target.id(f"{rare} shipped order", "orders"),
        "/shipments/{id}": target.id(f"{rare} shipment", "shipment"),
        "/source-invoices/{id}": target.id(f"{rare} invoice", "source_invoice"),
        "/inventory/variants/{id}": target.id(f"{rare} variant", "inventory_variant"),
        "/routing-groups/{id}": target.base("group"), "/webhhok/configurations/{id}": target.base("webhook"),
        "/webhook/configurations/{id}": target.base("webhook"),
        "/source/{id}": 2 if name == "get_source_delivery" else RARE_SOURCE if rare == "rare" else 1,
        "/channel/{id}": RARE_CHANNEL if rare == "rare" else 1,
    }  # fmt: skip
    start = next((start for start in of_id if path.startswith(start)), None)
    return path.format(**filled, id=of_id[start] if start is not None else None)


def _found_from(target: Target, name: str, word: str) -> dict[str, str]:
    """Where a look for what seldom occurs begins, so that it finds as much at every size."""
    return {"after": write_cursor(1, target.last_seq - RECENT)} if name == "list_events" and word == "rare" else {}


def _queries(name: str) -> list[str]:
    """The query parameters of an operation."""
    _, path, operation = CONTRACT.operations[name]
    item = CONTRACT.document["paths"][path]
    declared = [CONTRACT.resolve(one) for one in (*item.get("parameters", ()), *operation.get("parameters", ()))]
    return [one["name"] for one in declared if one["in"] == "query"]


def reads(target: Target) -> Iterator[Call]:
    """Every call; the same in the same order at every size."""
    for name, (method, path, operation) in CONTRACT.operations.items():
        if method != "GET" or name in (*_CHANGES, *CONTRACT.not_yet) or name != operation["operationId"]:
            continue
        types = operation.get("x-token-types") or ["account"]
        for token, kind in _TYPES.items():
            if kind in types and (token != NEIGHBOUR or "{" not in path) and name != "get_docs":
                yield from _calls_as(target, name, path, token)


def _calls_as(target: Target, name: str, path: str, token: str) -> Iterator[Call]:
    rare = "rare" if token.startswith("rare") else "large"
    parameters = _queries(name)
    # What needs somebody is read one further than it is shown.
    sizes = {one: str(_PAGE_SIZES[one] - (name == "list_attention")) for one in parameters if one in _PAGE_SIZES}
    filled = _path(target, name, path, rare)

    def call(word: str, **query: str) -> Call:
        whole = urlencode({**sizes, **query}, quote_via=quote)
        return Call(f"{name} {word} as {token}".replace("  ", " "), token, "GET", f"{filled}{'?' * bool(whole)}{whole}")

    # Who has little begins where it is: a look at the log that finds nothing gives a cursor, and the next goes on.
    yield call("", **_found_from(target, name, rare))
    if name in _NO_ACCOUNT:
        return
    is_alias = "purchase_order" in name  # of an operation that is measured with pairs of filters, too
    since = next((one for one in parameters if one == "sinceId" and not is_alias), None)
    for parameter in parameters:
        if parameter in (*_PAGE_SIZES, "wait") and f"{name} {parameter}" not in _VALUES:
            continue
        for word, value in _values(target, name, parameter, rare):
            if token == NEIGHBOUR and parameter == "after" and value != "latest":
                continue  # a cursor is an account's own
            begin = {} if token == NEIGHBOUR else _found_from(target, name, "rare" if rare == "rare" else word)
            yield call(f"{parameter}={word}", **{**begin, parameter: value})
            if since and since != parameter:
                middle = dict(_values(target, name, since, rare))["middle"]
                yield call(f"{parameter}={word} {since}", **{parameter: value, since: middle})
            if "filterSourceId" in parameters and not is_alias and _TYPES[token] == "account" and parameter != "filterSourceId":
                yield call(f"{parameter}={word} of a source", **{parameter: value, "filterSourceId": str(RARE_SOURCE)})
    for pair in _PAIRS.get(name, ()):
        both = {parameter: dict(_values(target, name, parameter, rare))[word] for parameter, word in pair}
        yield call(" ".join(f"{parameter}={word}" for parameter, word in pair), **both)


assert set(TOKENS) < set(_TYPES)
