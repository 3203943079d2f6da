"""Account, sources and channels on the wire (contract section 6).

Strategies for numbers are small integers here, as clients of the original expect: `STRATEGY_IDS`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from msgspec import UNSET, Meta, Raw, field
from msgspec.json import Encoder
from msgspec.structs import fields as fields_of

from waypost.app.ports import AccountRow, ChannelRow, SourceRow
from waypost.domain.numbering import NumberStrategy
from waypost.wire.bodies import Id, Name, Short, bad
from waypost.wire.faults import Fault
from waypost.wire.given import Fields, Given, given
from waypost.wire.pieces import Pieces, array
from waypost.wire.requests import encode
from waypost.wire.scalars import Amount, format_datetime, money

STRATEGY_IDS = {NumberStrategy.ORDER_NUMBER: 1, NumberStrategy.ORDER_ID: 2, NumberStrategy.CHANNEL_REFERENCE: 3}
_STRATEGIES = {id_: strategy.value for strategy, id_ in STRATEGY_IDS.items()}
SETTINGS_AT_MOST = 100  # members

Flag: TypeAlias = Given[bool]
Strategy: TypeAlias = Given[int]
Length = Annotated[int, Meta(ge=1, le=255)]
FieldNames = Annotated[list[Name], Meta(max_length=50)]
Characters = Annotated[str, Meta(max_length=100)]
StockRelease = Literal["shipment", "quantity_update"]


class SourceIn(Fields):
    """Body of `POST /sources` and `PATCH /source/{id}`."""

    emptied: ClassVar = {"reference": None}
    amounts: ClassVar = frozenset({"dropship_fee", "shipping_estimate"})
    name: Given[Name] = UNSET
    reference: Given[Short] = UNSET
    stock_release: Given[StockRelease] = UNSET
    allow_backorders: Flag = UNSET
    dropship_fee: Given[Amount] = UNSET
    shipping_estimate: Given[Amount] = UNSET
    archived: Flag = UNSET


class StrategyIn(Fields):
    """Body of `POST /sources/{id}/purchase-order-strategy`."""

    emptied: ClassVar = {
        "max_number_length": None, "number_strategy": None, "exceed_strategy": None, "refused_characters": "",
        "required_fields": [],
    }  # fmt: skip
    auto_process: Flag = UNSET
    max_number_length: Given[Length] = field(default=UNSET, name="maxPoNumberCharacters")
    number_strategy: Strategy = field(default=UNSET, name="overridePurchaseOrderNumberStrategyId")
    exceed_strategy: Strategy = field(default=UNSET, name="exceedOverridePurchaseOrderNumberStrategyId")
    pass_order_fields: Flag = field(default=UNSET, name="passOrderCustomFieldsToPo")
    pass_item_fields: Flag = field(default=UNSET, name="passOrderItemCustomFieldsToPo")
    refused_characters: Given[Characters] = UNSET
    required_fields: Given[FieldNames] = field(default=UNSET, name="requiredCustomFields")


class ChannelIn(Fields):
    """Body of `POST /channel/` and `PATCH /channel/{id}`."""

    emptied: ClassVar = {"routing_group_id": None}
    name: Given[Name] = UNSET
    auto_generate: Flag = field(default=UNSET, name="autoGeneratePoOnImport")
    allow_backorders: Flag = UNSET
    reroute_on_fill: Flag = UNSET
    require_shipping_mapping: Flag = UNSET
    routing_group_id: Given[Id] = UNSET


class AccountIn(Fields):
    """Body of `PATCH /account`."""

    emptied: ClassVar = {"brand_name": None, "subdomain": None, "default_routing_group_id": None}
    company_name: Given[Name] = UNSET
    brand_name: Given[Short] = UNSET
    subdomain: Given[Short] = UNSET
    default_routing_group_id: Given[Id] = field(default=UNSET, name="defaultOrderRoutingGroupId")
    number_strategy: Strategy = field(default=UNSET, name="purchaseOrderNumberStrategyId")


STRATEGY_FIELDS = ("number_strategy", "exceed_strategy")

_exact = Encoder(decimal_format="number").encode


def numbered(body: StrategyIn | AccountIn | None, faults: list[Fault]) -> dict[str, Any]:
    """As `given`, with strategies by their names."""
    fields = given(body, faults)
    for info in fields_of(body) if body is not None else ():
        id_ = fields.get(info.name)
        if info.name in STRATEGY_FIELDS and id_ is not None:
            fields[info.name] = _strategy(id_, f"/{info.encode_name}", faults)
    return fields


def _strategy(id_: int, pointer: str, faults: list[Fault]) -> str | None:
    if id_ not in _STRATEGIES:
        known = ", ".join(f"{one} ({name})" for one, name in _STRATEGIES.items())
        bad(faults, pointer, "unknown_value", f"{pointer} is one of {known}.")
    return _STRATEGIES.get(id_)


def settings(body: Mapping[str, Any] | None, faults: list[Fault]) -> dict[str, Any]:
    """The settings of a source as a field."""
    if body is None:
        return {}
    if len(body) > SETTINGS_AT_MOST:
        bad(faults, "", "too_many_members", f"Settings have at most {SETTINGS_AT_MOST} members.")
    return {"settings": _exact(body).decode()}


def _strategy_id(strategy: str | None) -> int | None:
    return None if strategy is None else STRATEGY_IDS[NumberStrategy(strategy)]


def _changed_at(row: SourceRow | ChannelRow) -> str:
    return format_datetime(row.created_at if row.updated_at is None else row.updated_at)


def source_out(row: SourceRow, who: str) -> dict[str, Any]:
    """A source; its settings are for account tokens only."""
    return {
        "id": row.id,
        "accountId": row.account_id,
        "name": row.name,
        "reference": row.reference,
        "stockRelease": row.stock_release,
        "allowBackorders": bool(row.allow_backorders),
        "dropshipFee": money(row.dropship_fee),
        "shippingEstimate": money(row.shipping_estimate),
        "archived": bool(row.archived),
        "settings": Raw(row.settings.encode()) if who == "account" else None,
        "createdAt": format_datetime(row.created_at),
        "updatedAt": _changed_at(row),
        "version": row.version,
    }


def render_source(row: SourceRow, who: str = "account") -> bytes:
    """One."""
    return encode(source_out(row, who))


def render_sources(rows: Sequence[SourceRow]) -> Pieces:
    """A bare array."""
    return array(rows, lambda row: source_out(row, "account"))


def render_strategy(row: SourceRow) -> bytes:
    """How a source's requests are numbered and released."""
    return encode(
        {
            "autoProcess": bool(row.auto_process),
            "maxPoNumberCharacters": row.max_number_length,
            "overridePurchaseOrderNumberStrategyId": _strategy_id(row.number_strategy),
            "exceedOverridePurchaseOrderNumberStrategyId": _strategy_id(row.exceed_strategy),
            "passOrderCustomFieldsToPo": bool(row.pass_order_fields),
            "passOrderItemCustomFieldsToPo": bool(row.pass_item_fields),
            "refusedCharacters": row.refused_characters,
            "requiredCustomFields": json.loads(row.required_fields),
        }
    )


def channel_out(row: ChannelRow) -> dict[str, Any]:
    """A channel."""
    return {
        "id": row.id,
        "accountId": row.account_id,
        "name": row.name,
        "autoGeneratePoOnImport": bool(row.auto_generate),
        "allowBackorders": bool(row.allow_backorders),
        "rerouteOnFill": bool(row.reroute_on_fill),
        "requireShippingMapping": bool(row.require_shipping_mapping),
        "routingGroupId": row.routing_group_id,
        "createdAt": format_datetime(row.created_at),
        "updatedAt": _changed_at(row),
        "version": row.version,
    }


def render_channel(row: ChannelRow) -> bytes:
    """One."""
    return encode(channel_out(row))


def render_channels(rows: Sequence[ChannelRow]) -> Pieces:
    """A bare array."""
    return array(rows, channel_out)


def render_account(row: AccountRow) -> bytes:
    """The account."""
    return encode(
        {
            "id": row.id,
            "companyName": row.company_name,
            "brandName": row.brand_name,
            "subdomain": row.subdomain,
            "defaultOrderRoutingGroupId": row.default_routing_group_id,
            "orderRoutingWorkflowEventId": None,
            "productPriceWorkflowEventId": None,
            "purchaseOrderNumberStrategyId": _strategy_id(row.number_strategy),
            "version": row.version,
        }
    )
