"""Routing groups on the wire (contract section 6)."""

from typing import Annotated, Any, ClassVar, Literal

from msgspec import UNSET, Meta, Struct

from waypost.app.catalog_routing import MemberDraft
from waypost.app.large_work import let_go
from waypost.app.ports.catalog import RoutingGroup
from waypost.app.routing_supply import parse_rules
from waypost.domain.routing_rules import Mode, Rule, RuleName
from waypost.wire.bodies import Id, Name
from waypost.wire.faults import Fault
from waypost.wire.given import Fields, Given, given
from waypost.wire.pieces import Pieces, array
from waypost.wire.requests import encode
from waypost.wire.scalars import format_datetime

RULES_AT_MOST = 10
SOURCES_AT_MOST = 500
Priority = Annotated[int, Meta(ge=0, le=1_000_000)]


class RuleIn(Struct, rename="camel"):
    """One rule; `mode` belongs to single_request."""

    rule: Literal["single_request", "lowest_cost", "source_priority", "shipping_mapped"]
    mode: Literal["required", "preferred"] | None = None


class MemberIn(Struct, rename="camel"):
    """A source of the group."""

    source_id: Id
    priority: Priority | None = None
    eligible: bool | None = None


class RoutingGroupIn(Fields):
    """Body of `POST /routing-groups` and `PATCH /routing-groups/{id}`."""

    emptied: ClassVar = {"rules": (), "sources": ()}
    name: Given[Name] = UNSET
    rules: Given[Annotated[list[RuleIn], Meta(max_length=RULES_AT_MOST)]] = UNSET
    sources: Given[Annotated[list[MemberIn], Meta(max_length=SOURCES_AT_MOST)]] = UNSET


def group_fields(body: RoutingGroupIn | None, faults: list[Fault]) -> dict[str, Any]:
    """As `given`, in the domain's rules and members."""
    fields = given(body, faults)
    if "rules" in fields:
        fields["rules"] = tuple(
            Rule(RuleName(one.rule), None if one.mode is None else Mode(one.mode)) for one in fields["rules"]
        )
    if "sources" in fields:
        fields["sources"] = tuple(
            MemberDraft(one.source_id, one.priority, one.eligible is not False) for one in fields["sources"]
        )
    return fields


def _group(row: RoutingGroup) -> dict[str, Any]:
    return {
        "id": row.id,
        "accountId": row.account_id,
        "name": row.name,
        "rules": [{"rule": rule.name, "mode": rule.mode} for rule in parse_rules(row.rules)],
        "sources": [
            {"sourceId": one.source_id, "priority": one.priority, "eligible": bool(one.eligible)} for one in row.sources
        ],
        "createdAt": format_datetime(row.created_at),
        "updatedAt": format_datetime(row.updated_at),
        "version": row.version,
    }


def render_group(row: RoutingGroup) -> bytes:
    """One."""
    return encode(_group(row))


def render_groups(rows: list[RoutingGroup]) -> Pieces:
    """A bare array."""
    return array(let_go(rows), _group)
