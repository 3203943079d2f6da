"""Inventory and products on the wire (contract section 6)."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from waypost.app.actor import Actor
from waypost.app.goods import InventoryCall, ParentChange, VariantChange
from waypost.app.ports.inventory import StockView
from waypost.domain.fields import FieldChange, FieldMode
from waypost.domain.inventory import Family, Held, InventoryVariant, ProductVariant
from waypost.domain.statuses import STATUSES
from waypost.wire.bodies import Count, CustomFieldIn, CustomFields, Id, Name, Note, Short, bad
from waypost.wire.bodies import money as read_money
from waypost.wire.faults import Fault
from waypost.wire.pieces import Pieces, array, document
from waypost.wire.scalars import Amount, format_datetime, money, parse_id

VARIANTS_AT_MOST = 50
PARENTS_AT_MOST = 20
VARIANTS_OF_A_PARENT = 100
Title = Annotated[str, Meta(max_length=500)]

TextIn = Short | UnsetType | None
AmountIn = Amount | UnsetType | None
FlagIn = bool | UnsetType | None


class UnitIn(Struct, rename="camel"):
    """A unit, by its handle."""

    handle: Annotated[str, Meta(max_length=40)] | None = None


Unit = UnitIn | Annotated[str, Meta(max_length=40)] | UnsetType | None


class VariantIn(Struct, rename="camel"):
    """What can be said of a variant; what is absent stays as it is."""

    quantity: Count | UnsetType | None = UNSET
    title: Title | UnsetType | None = UNSET
    cost: AmountIn = UNSET
    map: AmountIn = UNSET
    msrp: AmountIn = UNSET
    shipping_cost: AmountIn = UNSET
    dropship_fee: AmountIn = UNSET
    archived: FlagIn = UNSET
    allow_backorders: FlagIn = UNSET
    upc: TextIn = UNSET
    mpn: TextIn = UNSET
    weight: AmountIn = UNSET
    weight_unit: Unit = UNSET
    length: AmountIn = UNSET
    width: AmountIn = UNSET
    height: AmountIn = UNSET
    dimension_unit: Unit = UNSET
    reference_identifier: TextIn = UNSET
    custom_fields: CustomFields | None = None
    source_id: Id | None = None
    sku: Name | None = None


class VariantUpdate(VariantIn, rename="camel"):
    """One element of `PUT /inventory/variants`. Existing clients write the id as text, too."""

    inventory_variant_id: Id | Annotated[str, Meta(max_length=40)] | None = None


class NewVariant(VariantIn, rename="camel"):
    """One variant of a parent; `masterSku` is the product's SKU, where that is another one."""

    master_sku: Short | None = None


class ImportedVariant(NewVariant, rename="camel"):
    """One row of a file of inventory."""

    parent_sku: Short | None = None


class ParentIn(Struct, rename="camel"):
    """One element of `POST /inventory/parents`."""

    sku: Name
    variants: Annotated[list[NewVariant], Meta(min_length=1, max_length=VARIANTS_OF_A_PARENT)]
    source_id: Id | None = None
    title: Title | UnsetType | None = UNSET
    description: Note | UnsetType | None = UNSET
    reference_identifier: TextIn = UNSET
    archived: FlagIn = UNSET
    custom_fields: CustomFields | None = None


VariantUpdates = Annotated[list[VariantUpdate], Meta(min_length=1, max_length=VARIANTS_AT_MOST)]
Parents = Annotated[list[ParentIn], Meta(min_length=1, max_length=PARENTS_AT_MOST)]

# Column, attribute, and the kind of value.
_COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("quantity", "quantity", "count"), ("title", "title", "text"), ("cost", "cost", "amount"), ("map", "map", "amount"),
    ("msrp", "msrp", "amount"), ("shipping_cost", "shipping_cost", "amount"),
    ("dropship_fee", "dropship_fee", "amount"), ("archived", "archived", "yes"),
    ("allow_backorders", "allow_backorders", "flag"), ("upc", "upc", "text"), ("mpn", "mpn", "text"),
    ("weight", "weight", "amount"), ("weight_unit", "weight_unit", "unit"), ("length", "length", "amount"),
    ("width", "width", "amount"), ("height", "height", "amount"), ("dimension_unit", "dimension_unit", "unit"),
    ("reference_id", "reference_identifier", "text"),
)  # fmt: skip
_NEVER_NULL = ("count", "yes")

MODES = {word: word for word in ("none", "update", "updateNonNull")}
# The parameter that says what becomes of each column; the original's own spelling.
MODIFY = {
    "quantity": "modifyQuantity", "cost": "modifyCost", "map": "modifyMap", "msrp": "modifyMsrp",
    "shipping_cost": "modifyShippingCost", "dropship_fee": "modifyDropShipFee",
    "allow_backorders": "modifyAllowBackorders", "weight": "modifyWeight", "weight_unit": "modifyWeightUnit",
    "length": "modifyLength", "width": "modifyWidth", "height": "modifyHeight",
    "dimension_unit": "modifyDimensionUnit",
}  # fmt: skip
FIELD_MODES = {mode.value: mode for mode in FieldMode} | {"update": FieldMode.REPLACE}


def _values(
    given: VariantIn | ParentIn, columns: Sequence[tuple[str, str, str]], at: str, mode: Mapping[str, str],
    default: str, faults: list[Fault],
) -> dict[str, Any]:  # fmt: skip
    """The columns that change. A null clears only where the mode is `update`."""
    values: dict[str, Any] = {}
    for column, attribute, kind in columns:
        value = getattr(given, attribute)
        how = mode.get(column, default)
        if isinstance(value, UnitIn):
            value = value.handle
        if value == "":
            value = None
        if value is UNSET or how == "none" or (value is None and (how != "update" or kind in _NEVER_NULL)):
            continue
        if kind == "amount" and value is not None:
            value = read_money(value, f"{at}/{_camel(attribute)}", faults)
        values[column] = value
    return values


def _camel(attribute: str) -> str:
    first, *rest = attribute.split("_")
    return first + "".join(part.title() for part in rest)


def field_change(given: list[CustomFieldIn] | None, mode: FieldMode) -> FieldChange | None:
    """What becomes of the custom fields; None: nothing."""
    if given is None and mode is not FieldMode.DELETE_ALL:
        return None
    return FieldChange(mode, tuple((field.name, field.value) for field in given or ()))


def update_call(
    body: VariantUpdates, params: Mapping[str, Any], actor: Actor, call_id: str, faults: list[Fault]
) -> InventoryCall:
    """The call of `PUT /inventory/variants`."""
    mode = {column: params[name] for column, name in MODIFY.items() if name in params}
    fields = params.get("modifyCustomFields", FieldMode.MERGE)
    changes = []
    for place, one in enumerate(body):
        values = _values(one, _COLUMNS, f"/{place}", mode, "updateNonNull", faults)
        id_ = read_variant_id(one.inventory_variant_id, f"/{place}/inventoryVariantId", faults)
        change = field_change(one.custom_fields, fields)
        changes.append(VariantChange(f"/{place}", one.source_id, id_, one.sku, values, change))
    return InventoryCall(actor, tuple(changes), call_id=call_id)


def read_variant_id(given: int | str | None, at: str, faults: list[Fault]) -> int | None:
    """An id that existing clients write as text, too; empty text is none."""
    if given is None or isinstance(given, int):
        return given
    found = parse_id(given) if given else None
    if given and not found:
        bad(faults, at, "not_an_id", f"{at} is a positive integer.")
    return found


_PARENT_COLUMNS = (
    ("title", "title", "text"), ("description", "description", "text"),
    ("reference_id", "reference_identifier", "text"), ("archived", "archived", "yes"),
)  # fmt: skip


def create_call(
    body: Parents, params: Mapping[str, Any], actor: Actor, call_id: str, faults: list[Fault]
) -> InventoryCall:
    """The call of `POST /inventory/parents`: what is given is set, null included; what is absent stays."""
    parent_fields = params.get("modifyParentCustomFields", FieldMode.REPLACE)
    fields = params.get("modifyVariantCustomFields", FieldMode.REPLACE)
    parents, variants = [], []
    for place, parent in enumerate(body):
        values = _values(parent, _PARENT_COLUMNS, f"/{place}", {}, "update", faults)
        change = field_change(parent.custom_fields, parent_fields)
        parents.append(ParentChange(f"/{place}", parent.source_id, parent.sku, values, change))
        for number, one in enumerate(parent.variants):
            at = f"/{place}/variants/{number}"
            variants.append(
                VariantChange(at, parent.source_id, None, one.sku, _values(one, _COLUMNS, at, {}, "update", faults),
                              field_change(one.custom_fields, fields), one.master_sku or None, parent.sku)
            )  # fmt: skip
    return InventoryCall(actor, tuple(variants), tuple(parents), creates=True, call_id=call_id)


def imported_change(one: ImportedVariant, faults: list[Fault]) -> VariantChange:
    """What a row of a file changes, or makes: what it does not say stays."""
    if not one.sku:
        bad(faults, "/sku", "required", "/sku is required.")
    values = _values(one, _COLUMNS, "", {}, "updateNonNull", faults)
    change = field_change(one.custom_fields, FieldMode.MERGE)
    product, parent = one.master_sku or None, one.parent_sku or None
    return VariantChange("", one.source_id, None, one.sku, values, change, product, parent)


def _maybe(amount: int | None) -> float | None:
    return None if amount is None else money(amount)


def variant_out(one: InventoryVariant) -> dict[str, Any]:
    """A variant as it is shown."""
    return {
        "id": one.id,
        "accountId": one.account_id,
        "sourceId": one.source_id,
        "inventoryParentId": one.parent_id,
        "productVariantId": one.product_variant_id,
        "sku": one.sku,
        "title": one.title,
        "quantity": one.quantity,
        "totalQuantity": one.quantity,
        "committedQuantity": one.committed,
        "availableQuantity": one.available,
        "cost": _maybe(one.cost),
        "map": _maybe(one.map),
        "msrp": _maybe(one.msrp),
        "shippingCost": _maybe(one.shipping_cost),
        "dropshipFee": _maybe(one.dropship_fee),
        "archived": bool(one.archived),
        "allowBackorders": None if one.allow_backorders is None else bool(one.allow_backorders),
        "upc": one.upc,
        "mpn": one.mpn,
        "weight": _maybe(one.weight),
        "weightUnit": {"handle": one.weight_unit},
        "length": _maybe(one.length),
        "width": _maybe(one.width),
        "height": _maybe(one.height),
        "dimensionUnit": {"handle": one.dimension_unit},
        "referenceIdentifier": one.reference_id,
        "customFields": Raw(one.custom_fields.encode()),
        "insertedAt": None if one.inserted_at is None else format_datetime(one.inserted_at),
        "updatedAt": format_datetime(one.updated_at),
    }


def _family(family: Family) -> Pieces:
    parent, variants = family
    return document({
        "id": parent.id,
        "accountId": parent.account_id,
        "sourceId": parent.source_id,
        "sku": parent.sku,
        "title": parent.title,
        "description": parent.description,
        "archived": bool(parent.archived),
        "referenceIdentifier": parent.reference_id,
        "customFields": Raw(parent.custom_fields.encode()),
        "insertedAt": format_datetime(parent.inserted_at),
        "updatedAt": format_datetime(parent.updated_at),
        "variants": array(variants, variant_out),
    })


def render_variants(variants: Sequence[InventoryVariant]) -> Pieces:
    """A bare array."""
    return array(variants, variant_out)


def render_families(families: Sequence[Family]) -> Pieces:
    """A bare array of parents."""
    return array(families, _family)


def render_products(products: Sequence[ProductVariant], links: Sequence[Mapping[int, list[int]]]) -> Pieces:
    """A bare array; `links`: inventory and listing variants by product."""
    inventory, listings = links

    def shown(one: ProductVariant) -> dict[str, Any]:
        return {
            "id": one.id,
            "accountId": one.account_id,
            "sku": one.sku,
            "title": one.title,
            "upc": one.upc,
            "mpn": one.mpn,
            "customFields": Raw(one.custom_fields.encode()),
            "insertedAt": format_datetime(one.inserted_at),
            "updatedAt": format_datetime(one.updated_at),
            "inventoryLinks": inventory.get(one.id, []),
            "listingLinks": listings.get(one.id, []),
        }

    return array(products, shown)


_STATUS = {status.value: {"name": facts.name, "handle": status.value} for status, facts in STATUSES.items()}


def _held(one: Held, who: str) -> dict[str, Any]:
    # What a source may not see yet holds its stock all the same: the figure must add up.
    hidden = who == "source" and one.released_seq is None
    return {
        "fulfillmentRequestId": None if hidden else one.request_id,
        "fulfillmentRequestNumber": None if hidden else one.request_number,
        "fulfillmentRequestStatus": None if hidden else _STATUS[one.request_status],
        "fulfillmentRequestItemId": None if hidden else one.line_id,
        "orderId": None if hidden else one.order_id,
        "committedQuantity": one.committed,
        "releasedQuantity": one.released,
        "heldQuantity": one.open,
        "shippedQuantity": one.shipped,
        "reason": one.reason,
        "at": format_datetime(one.at),
    }


def render_stock(view: StockView, who: str) -> Pieces:
    """The available figure, explained line by line."""
    one = view.variant
    return document(
        {
            "inventoryVariantId": one.id,
            "sourceId": one.source_id,
            "sku": one.sku,
            "quantity": one.quantity,
            "committedQuantity": one.committed,
            "availableQuantity": one.available,
            "updatedAt": format_datetime(one.updated_at),
            "lines": array(view.held, lambda held: _held(held, who)),
        }
    )
