"""The calls of the table: for each operation that takes an Idempotency-Key, one valid call and calls that differ from it.

The list of operations comes from `contract/openapi.yaml`, the valid calls from `contract/examples.yaml`.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

import yaml

from tests.support.contract import CONTRACT
from tests.support.generator import document, recording

KEY = "Idempotency-Key"
REQUESTS = 60  # the demo merchant has a few more
NO_ID = 4_000_000_000
# Where the example is a call that changes nothing.
INSTEAD: dict[str, dict[str, Any]] = {"pull_processing_fulfillment_requests": {"query": {}}}
# More calls, by `operation:name`: of those whose second call is refused, one whose second call would be made again.
MORE: dict[str, dict[str, Any]] = {
    "create_fulfillment_request:less": {"body": {"orderId": 8, "sourceId": 1, "items": [{"orderItemId": 18, "quantity": 1}]}},
    "create_purchase_order:less": {"body": {"purchaseOrderType": "PO", "orderId": 8, "sourceId": 1,
                                            "items": [{"orderItemId": 18, "quantity": 1}]}},
    "adjust_fulfillment_request:less": {"body": {"items": [{"id": 3, "acknowledgedQuantity": 1}]}},
    "create_shipment:twice": {"body": {"fulfillmentRequestId": 2, "allowDuplicateTrackingNumbers": True, "shipment": {
        "trackingNumber": "1Z9", "shipmentItems": [{"sku": "HP-PACK-22", "quantity": 1}]}}},
    "update_inventory_variants:two": {"body": [{"sku": "HP-TENT-4", "sourceId": 1, "quantity": 240},
                                               {"sku": "HP-MAT-R5", "sourceId": 1, "quantity": 241}]},
}  # fmt: skip


class Sample(NamedTuple):
    """One call. `after`: the operations whose examples are run before it, in this order."""

    operation: str
    method: str
    template: str
    target: str
    body: Any
    token: str
    after: tuple[str, ...]

    def asking(self, **query: str) -> "Sample":
        """The same call with more in the query."""
        mark = "&" if "?" in self.target else "?"
        return self._replace(target=f"{self.target}{mark}{urlencode(query)}")

    def elsewhere(self, id_: int) -> "Sample":
        """The same call for another id of the path."""
        _, mark, query = self.target.partition("?")
        return self._replace(target=re.sub(r"{\w+}", str(id_), self.template) + mark + query)


class Missing(AssertionError):
    """An operation takes a key, and there is no call of it to be made."""


@cache
def _parameters(name: str) -> frozenset[str]:
    operation = CONTRACT.operations[name][2]
    # An alias has its operation's parameters, and those of its operation's path.
    own = operation["operationId"]
    item = CONTRACT.document["paths"][CONTRACT.operations[own][1]]
    declared = [*item.get("parameters", ()), *operation.get("parameters", ())]
    return frozenset(CONTRACT.resolve(one)["name"] for one in declared)


def takes(name: str, parameter: str) -> bool:
    """Whether the document declares this parameter or header for the operation."""
    return parameter in _parameters(name)


def with_key() -> list[str]:
    """Every operation, and every alias, that declares the header Idempotency-Key and is served."""
    return [name for name in CONTRACT.operations if name not in CONTRACT.not_yet and takes(name, KEY)]


def without_key() -> set[str]:
    """The operations that are served, are no GET, and do not take a key."""
    return {name for name, (method, *_) in CONTRACT.operations.items()
            if method != "GET" and name not in CONTRACT.not_yet and not takes(name, KEY)}  # fmt: skip


@cache
def _examples() -> dict[str, recording.Example]:
    return recording.examples(document.Document(CONTRACT.document))


@cache
def _written() -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(recording.EXAMPLES.read_text(), Loader=yaml.CSafeLoader)
    return found


def calls() -> list[str]:
    """The names of all calls of the table: those of `with_key`, each followed by more calls of it."""
    return [call for name in with_key() for call in (name, *(one for one in MORE if one.partition(":")[0] == name))]


def sample(call: str) -> Sample:
    """The valid call of this name; an alias is called with what its operation is called with."""
    name = call.partition(":")[0]
    method, path, operation = CONTRACT.operations[name]
    own = operation["operationId"]
    if own not in _examples():
        raise Missing(f"{name} takes {KEY}: write a call of {own} into contract/examples.yaml")
    example = _examples()[own]
    example = example._replace(**INSTEAD.get(own, {}), **MORE.get(call, {}))
    if name != own:
        example = example._replace(path=path.format(**(_written()[own] or {}).get("path", {})))
    return Sample(name, method, path, example.target, example.body, example.token, example.after)


def others(one: Sample) -> Iterator[tuple[str, Sample]]:
    """Calls that differ from this one in one place, and that place: the id of the path, a parameter, a member of the body.

    Some are bad input; those are refused for that, whatever their key.
    """
    if "{" in one.template:
        yield "path", one.elsewhere(NO_ID)
    path, _, query = one.target.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    for place, (name, value) in enumerate(pairs):
        changed = [*pairs[:place], (name, _other(value)), *pairs[place + 1 :]]
        yield name, one._replace(target=f"{path}?{urlencode(changed, quote_via=quote)}")
    if not pairs and takes(one.operation, "filterSourceId"):
        yield "filterSourceId", one.asking(filterSourceId="1")
    for where, body in _changed(one.body):
        yield where, one._replace(body=body)


def refused(one: Sample) -> Iterator[tuple[Sample, dict[str, str]]]:
    """Calls that should be refused, with headers beside their own: for their shape, their thing, their version, their content."""
    yield one.asking(dryRun="maybe"), {}
    if "{" in one.template:
        yield one.elsewhere(NO_ID), {}
    if takes(one.operation, "If-Match"):
        yield one, {"If-Match": '"4711"'}
    path, _, query = one.target.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    for place, (name, value) in enumerate(pairs):
        if value.isdigit():
            changed = [*pairs[:place], (name, str(NO_ID)), *pairs[place + 1 :]]
            yield one._replace(target=f"{path}?{urlencode(changed, quote_via=quote)}"), {}
    for _, body in _changed(one.body, number=NO_ID):
        yield one._replace(body=body), {}


def in_any_status(one: Sample) -> Iterator[Sample]:
    """The same call for other requests, where it is about one: with so many, some are in a status that refuses it."""
    if "{fulfillmentRequestId}" in one.template or "{purchaseOrderId}" in one.template:
        for id_ in range(1, REQUESTS + 1):
            yield one.elsewhere(id_)


def _other(value: Any, number: int | None = None) -> Any:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1 if number is None else number
    return f"{value}x"


def _changed(body: Any, number: int | None = None, where: str = "") -> Iterator[tuple[str, Any]]:
    """The body with one of its values changed, for each of them; JSON pointers say which."""
    if isinstance(body, dict):
        for name, value in body.items():
            for place, changed in _changed(value, number, f"{where}/{name}"):
                yield place, {**body, name: changed}
    elif isinstance(body, list):
        for index, value in enumerate(body):
            for place, changed in _changed(value, number, f"{where}/{index}"):
                yield place, [*body[:index], changed, *body[index + 1 :]]
    elif body is not None:
        yield where, _other(body, number)
