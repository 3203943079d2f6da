"""Orders, inventory and fulfillment requests into files: streamed by id, so that memory does not grow with them.

What is written of orders and inventory is what an import reads. The file takes its name when it is whole.
"""

import csv
import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import msgspec

from waypost.app.actor import Scope
from waypost.app.ports import Reads, RequestQuery
from waypost.importing.bodies import order_body, variant_body
from waypost.importing.columns import ADDRESS, INVENTORY, ITEM, ORDERS, Column, Table
from waypost.importing.files import form_of
from waypost.private_files import open_private
from waypost.wire.requests import render

PAGE = 500  # things read at once
Body = dict[str, Any]
Stream = Callable[[], AsyncIterator[Body]]
Progress = Callable[[int], None]  # things written


class Exported(NamedTuple):
    """What was written."""

    kind: str
    things: int
    rows: int


class _Sort(NamedTuple):
    """One kind of export: its things, its columns, and the member that becomes a row each (None: one row)."""

    table: Table
    rows_of: str | None
    stream: Callable[[Reads, Scope], AsyncIterator[Body]]


async def _orders(reads: Reads, scope: Scope) -> AsyncIterator[Body]:
    after = 0
    while page := await reads.orders_from(scope, after, PAGE):
        for view in page:
            yield order_body(view)
        after = page[-1].order.id


async def _inventory(reads: Reads, scope: Scope) -> AsyncIterator[Body]:
    after = 0
    while page := await reads.variants_from(scope, after, PAGE):
        for row in page:
            yield variant_body(row)
        after = page[-1].variant.id


async def _requests(reads: Reads, scope: Scope) -> AsyncIterator[Body]:
    after = 0
    while page := await reads.requests(RequestQuery(scope, since_id=after, limit=PAGE)):
        for image in page:
            yield msgspec.json.decode(render(image, "account"))
        after = page[-1].state.id


_LINES = "fulfillmentRequestItems"


def _columns(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, tuple(name.split("."))) for name in names)


REQUESTS = Table(
    (
        *_columns(
            "id", "fulfillmentRequestNumber", "orderId", "channelId", "sourceId", "fulfillmentRequestStatus.name",
            "fulfillmentStatus.name", "generatedAt", "sentAt", "acknowledgedAt", "canceledAt", "voidedAt",
            "lastModifiedAt", "attemptCount", "processingErrorReason", "failure.code", "cancelReason", "voidedReason",
            "totalCost", "shippingText", "carrier", "method", "note",
        ),
        *_columns(*(f"shippingAddress.{part}" for part in ADDRESS)),
        *_columns(
            *(f"{_LINES}.{name}" for name in (
                "id", "lineItemNumber", "sku", "title", "quantity", "cost", "orderItemId", "inventoryVariantId",
                "acknowledgedQuantity", "shippedQuantity", "canceledQuantity", "voidedQuantity",
            ))
        ),
    ),
    (("customFields.", ("customFields",)),),
)  # fmt: skip

SORTS = {
    "orders": _Sort(ORDERS, ITEM, _orders),
    "inventory": _Sort(INVENTORY, None, _inventory),
    "fulfillment-requests": _Sort(REQUESTS, _LINES, _requests),
}


async def export_file(
    kind: str, path: Path, form: str | None, scope: Scope, reads: Reads, progress: Progress
) -> Exported:
    """Write a file of one kind, whole or not at all; nobody but its owner may read it."""
    sort = SORTS[kind]

    def stream() -> AsyncIterator[Body]:
        return sort.stream(reads, scope)

    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with open_private(unfinished) as file:
            if form_of(path, form) == "jsonl":
                things, rows = await _write_lines(file, stream, progress)
            else:
                things, rows = await _write_records(file, sort, stream, progress)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return Exported(kind, things, rows)


async def _write_lines(file: TextIO, stream: Stream, progress: Progress) -> tuple[int, int]:
    things = 0
    async for body in stream():
        file.write(json.dumps(body, ensure_ascii=False, separators=(",", ":")) + "\n")
        things += 1
        if things % PAGE == 0:
            progress(things)
    return things, things


async def _write_records(file: TextIO, sort: _Sort, stream: Stream, progress: Progress) -> tuple[int, int]:
    """A row for each thing, or for each of its lines. Custom fields become columns: they are looked for first."""
    names = await _field_names(sort, stream)
    columns = [*sort.table.columns, *names]
    writer = csv.writer(file)
    writer.writerow([column.name for column in columns])
    things = rows = 0
    async for body in stream():
        lines = body.get(sort.rows_of, [{}]) if sort.rows_of else [{}]
        for line in lines or [{}]:
            said = body | {sort.rows_of: line} if sort.rows_of else body
            writer.writerow([_cell(said, column.path) for column in columns])
            rows += 1
        things += 1
        if things % PAGE == 0:
            progress(things)
    return things, rows


async def _field_names(sort: _Sort, stream: Stream) -> Sequence[Column]:
    """A column for every custom field that any of the things has."""
    found: dict[tuple[str, ...], Column] = {}
    async for body in stream():
        for beginning, path in sort.table.fields:
            if len(path) == 1:
                fields = body.get("customFields", ())
            else:
                fields = [field for line in body.get(path[0], ()) for field in line.get("customFields", ())]
            for field in fields:
                at = (*path, field["name"])
                found.setdefault(at, Column(f"{beginning}{field['name']}", at))
    return list(found.values())


def _cell(body: Any, path: tuple[str, ...]) -> str:
    """What the body says at `path`, as a cell."""
    value = body
    for place, part in enumerate(path):
        if part == "customFields" and place + 1 < len(path):
            given = {field["name"]: field["value"] for field in value.get(part, ())}
            value = given.get(path[place + 1])
            break
        value = value.get(part) if isinstance(value, dict) else None
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return _listed(value)
    return str(value)


def _listed(texts: list[str]) -> str:
    """Texts separated by commas; as JSON where one of them holds a comma itself."""
    plain = ",".join(texts)
    return json.dumps(texts, ensure_ascii=False) if plain.count(",") >= len(texts) or plain.startswith("[") else plain
