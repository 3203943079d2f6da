"""The columns of each kind of file: the contract's field names, flattened, and where each of them goes.

Custom fields are columns by name: `customFields.gift`, and for an order's item `orderItems.customFields.gift`.
"""

import difflib
import json
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from waypost.domain.texts import trimmed
from waypost.importing.files import Unreadable

ADDRESS = (
    "name", "firstName", "lastName", "companyName", "addressLine1", "addressLine2", "city", "state", "stateCode",
    "postal", "country", "countryCode", "email", "phone",
)  # fmt: skip


class Column(NamedTuple):
    """One column. `path`: where its value goes in the body; `kind`: text, whole, amount, flag or list."""

    name: str
    path: tuple[str, ...]
    kind: str = "text"
    says: str = ""  # for the documentation
    required: bool = False


class Table(NamedTuple):
    """The columns of one kind of file, and the beginnings of its columns of custom fields, with their paths."""

    columns: tuple[Column, ...]
    fields: tuple[tuple[str, tuple[str, ...]], ...]
    prefix: str = ""  # may be written before the name of a column of an item


def _address(at: str, says: str) -> tuple[Column, ...]:
    return tuple(Column(f"{at}.{part}", (at, part), says=says if part == "name" else "") for part in ADDRESS)


ITEM = "orderItems"
ORDERS = Table(
    (
        Column("orderNumber", ("orderNumber",), says="Rows of one order stand together.", required=True),
        Column("channelId", ("channelId",), "whole", "Where `--channel` does not say it."),
        Column("referenceNumber", ("referenceNumber",)),
        Column("orderedAt", ("orderedAt",), says="ISO 8601; no zone is UTC."),
        Column("note", ("note",)),
        Column("shippingText", ("shippingText",), says="The shipping method in the channel's words."),
        Column("paymentStatus", ("paymentStatus",), says="Such as Paid."),
        Column("tags", ("tags",), "list", "Separated by commas; as a JSON array where one holds a comma."),
        *_address("shippingAddress", "First and last name, where they are not given apart."),
        *_address("billingAddress", "Likewise."),
        Column("sku", (ITEM, "sku"), says="This, or one of the three ids."),
        Column("title", (ITEM, "title")),
        Column("quantity", (ITEM, "quantity"), "whole", "1 to 1,000,000,000.", required=True),
        Column("price", (ITEM, "price"), "amount", "Of one piece: a point, at most 4 decimals."),
        Column("externalListingId", (ITEM, "externalListingId")),
        Column("listingVariantId", (ITEM, "listingVariantId"), "whole"),
        Column("productVariantId", (ITEM, "productVariantId"), "whole"),
        *(
            Column(
                f"{ITEM}.shippingAddress.{part}",
                (ITEM, "shippingAddress", part),
                says="Where this item goes, if elsewhere." if part == "name" else "",
            )
            for part in ADDRESS
        ),
    ),
    (("customFields.", ("customFields",)), (f"{ITEM}.customFields.", (ITEM, "customFields"))),
    f"{ITEM}.",
)
INVENTORY = Table(
    (
        Column("sku", ("sku",), required=True),
        Column("sourceId", ("sourceId",), "whole", "Where `--source` does not say it."),
        Column("parentSku", ("parentSku",), says="The parent; a new variant without one gets a parent of its own SKU."),
        Column("masterSku", ("masterSku",), says="The product's SKU, where it is another one."),
        Column("title", ("title",)),
        Column("quantity", ("quantity",), "whole", "What the source has: 0 to 1,000,000,000."),
        Column("cost", ("cost",), "amount", "A point, at most 4 decimals, like every amount."),
        Column("map", ("map",), "amount", "Minimum advertised price."),
        Column("msrp", ("msrp",), "amount", "Suggested retail price."),
        Column("shippingCost", ("shippingCost",), "amount"),
        Column("dropshipFee", ("dropshipFee",), "amount"),
        Column("archived", ("archived",), "flag", "true or false."),
        Column("allowBackorders", ("allowBackorders",), "flag"),
        Column("upc", ("upc",)),
        Column("mpn", ("mpn",)),
        Column("weight", ("weight",), "amount"),
        Column("weightUnit", ("weightUnit",), says="Such as kilogram."),
        Column("length", ("length",), "amount"),
        Column("width", ("width",), "amount"),
        Column("height", ("height",), "amount"),
        Column("dimensionUnit", ("dimensionUnit",), says="Such as centimeter."),
        Column("referenceIdentifier", ("referenceIdentifier",)),
    ),
    (("customFields.", ("customFields",)),),
)

_WHOLE = re.compile(r"-?[0-9]{1,30}", re.ASCII)
_AMOUNT = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?", re.ASCII)
_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def _whole(text: str) -> Any:
    return int(text) if _WHOLE.fullmatch(text) else text


def _amount(text: str) -> Any:
    return Decimal(text) if _AMOUNT.fullmatch(text) else text


def _flag(text: str) -> Any:
    return _FLAGS.get(text.casefold(), text)


def _list(text: str) -> Any:
    if text.startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return [kept for part in text.split(",") if (kept := trimmed(part))]


READ: dict[str, Callable[[str], Any]] = {
    "text": str, "whole": _whole, "amount": _amount, "flag": _flag, "list": _list,
}  # fmt: skip
"""A cell as the body has it. What is none of its kind stays text, and the body's own check says so."""


def matched(header: Sequence[str], table: Table) -> list[Column]:
    """The columns that a header names, in its order. Raises `Unreadable` with everything that is wrong with it."""
    known = {column.name.casefold(): column for column in table.columns}
    if table.prefix:
        known |= {
            f"{table.prefix}{column.name}".casefold(): column
            for column in table.columns if len(column.path) == 2 and f"{column.path[0]}." == table.prefix
        }  # fmt: skip
    found = [known.get(name.casefold()) or _field(name, table) for name in header]
    problems = _problems(header, found, table)
    if problems:
        raise Unreadable(" ".join(problems))
    return [column for column in found if column is not None]


def _field(name: str, table: Table) -> Column | None:
    for beginning, path in reversed(table.fields):
        if name.casefold().startswith(beginning.casefold()) and len(name) > len(beginning):
            return Column(name, (*path, name[len(beginning) :]))
    return None


def _problems(header: Sequence[str], found: Sequence[Column | None], table: Table) -> list[str]:
    names = [column.name for column in table.columns]
    if not any(found):
        return [f"The first row names no column that is known. There are: {', '.join(names[:12])} …"]
    problems = []
    for place, (name, column) in enumerate(zip(header, found, strict=True), 1):
        if column is None and not name:
            problems.append(f"Column {place} has no name.")
        elif column is None:
            close = difflib.get_close_matches(name, names, 1)
            advice = f" Did you mean {close[0]!r}?" if close else ""
            problems.append(f"The column {name[:60]!r} is not known.{advice}")
        elif column in found[: place - 1]:
            problems.append(f"The column {column.name!r} is there twice.")
    problems += [
        f"The column {column.name!r} is missing." for column in table.columns if column.required and column not in found
    ]
    return problems
