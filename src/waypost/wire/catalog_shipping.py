"""Shipping methods and policies on the wire (contract section 6)."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from msgspec import UNSET, Meta, Struct, field

from waypost.app.large_work import let_go
from waypost.app.ports.catalog import ChannelMethodRow, ShippingPolicy, SourceMethodRow
from waypost.wire.bodies import Id, Name, Short
from waypost.wire.faults import Fault
from waypost.wire.given import Fields, Given, given
from waypost.wire.pieces import Pieces, array
from waypost.wire.requests import encode
from waypost.wire.scalars import Amount, format_datetime, money

METHODS_AT_MOST = 1000
ShippingText = Annotated[str, Meta(min_length=1, max_length=500)]


class SourceMethodIn(Fields):
    """Body of `POST /shipping/source-shipping-methods` and `PUT …/{id}`."""

    emptied: ClassVar = {"carrier": None, "method": None, "estimated_cost": None}
    amounts: ClassVar = frozenset({"estimated_cost"})
    source_id: Given[Id] = UNSET
    name: Given[Name] = UNSET
    carrier: Given[Short] = UNSET
    method: Given[Short] = UNSET
    estimated_cost: Given[Amount] = UNSET
    active: Given[bool] = UNSET


class CreateChannelMethod(Fields):
    """Body of `POST /shipping/channel-shipping-methods`."""

    channel_id: Given[Id] = UNSET
    name: Given[ShippingText] = UNSET
    policy_id: Given[Id] = field(default=UNSET, name="shippingPolicyId")


class ChannelMethodIn(Fields):
    """Body of `PUT /shipping/channel-shipping-methods/{id}`: only what it means can change."""

    emptied: ClassVar = {"policy_id": None}
    policy_id: Given[Id] = field(default=UNSET, name="shippingPolicyId")


class PolicyMethodIn(Struct, rename="camel"):
    """By which method a source keeps a policy; the method says whose it is."""

    source_shipping_method_id: Id
    source_id: Id | None = None


class PolicyIn(Fields):
    """Body of `POST /shipping/shipping-policies` and `PUT /shipping/shipping-policy/{id}`."""

    emptied: ClassVar = {"methods": ()}
    name: Given[Name] = UNSET
    methods: Given[Annotated[list[PolicyMethodIn], Meta(max_length=METHODS_AT_MOST)]] = UNSET


def policy_fields(body: PolicyIn | None, faults: list[Fault]) -> dict[str, Any]:
    """As `given`, with methods as pairs of source id (or None) and method id."""
    fields = given(body, faults)
    if "methods" in fields:
        fields["methods"] = tuple((one.source_id, one.source_shipping_method_id) for one in fields["methods"])
    return fields


def _source_method(row: SourceMethodRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "accountId": row.account_id,
        "sourceId": row.source_id,
        "name": row.name,
        "carrier": row.carrier,
        "method": row.method,
        "estimatedCost": None if row.estimated_cost is None else money(row.estimated_cost),
        "active": bool(row.active),
        "createdAt": format_datetime(row.created_at),
        "updatedAt": format_datetime(row.updated_at),
        "version": row.version,
    }


def render_source_method(row: SourceMethodRow) -> bytes:
    """One."""
    return encode(_source_method(row))


def render_source_methods(rows: Sequence[SourceMethodRow]) -> Pieces:
    """A bare array."""
    return array(rows, _source_method)


def _channel_method(row: ChannelMethodRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "accountId": row.account_id,
        "channelId": row.channel_id,
        "name": row.name,
        "shippingPolicyId": row.policy_id,
        "createdAt": format_datetime(row.created_at),
        "updatedAt": format_datetime(row.updated_at),
        "version": row.version,
    }


def render_channel_method(row: ChannelMethodRow) -> bytes:
    """One."""
    return encode(_channel_method(row))


def render_channel_methods(rows: Sequence[ChannelMethodRow]) -> Pieces:
    """A bare array."""
    return array(rows, _channel_method)


def _policy(row: ShippingPolicy) -> dict[str, Any]:
    return {
        "id": row.id,
        "accountId": row.account_id,
        "name": row.name,
        "methods": [{"sourceId": one.source_id, "sourceShippingMethodId": one.method_id} for one in row.methods],
        "createdAt": format_datetime(row.created_at),
        "updatedAt": format_datetime(row.updated_at),
        "version": row.version,
    }


def render_policy(row: ShippingPolicy) -> bytes:
    """One."""
    return encode(_policy(row))


def render_policies(rows: list[ShippingPolicy]) -> Pieces:
    """A bare array."""
    return array(let_go(rows), _policy)
