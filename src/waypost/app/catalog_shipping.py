"""How things ship: the methods of sources, the texts of channels, and the policies that join them (contract section 6).

A channel's shipping text means a policy; a policy names, for each source, the method by which that source keeps it.
"""

from typing import Any

from waypost.app import catalog_checks as checks
from waypost.app.actor import Scope
from waypost.app.catalog import Kind, Problems, name_is_free
from waypost.app.ports import Tx
from waypost.app.ports.catalog import ChannelMethodRow, PolicyMethod, ShippingPolicy, SourceMethodRow
from waypost.domain.refusals import Problem


async def _judge_source_method(
    tx: Tx, scope: Scope, row: SourceMethodRow | None, fields: dict[str, Any], problems: Problems
) -> None:
    source_id = fields.setdefault("source_id", scope.source_id if row is None else row.source_id)
    if row is not None and source_id != row.source_id:
        problems.append(Problem("source_id", "cannot_change", "A shipping method stays with its source."))
    elif source_id is None:
        problems.append(Problem("source_id", "required", "Say which source ships by this method."))
    elif scope.source_id not in (None, source_id):
        problems.append(Problem("source_id", "foreign_source", "This token belongs to another source."))
    elif not await tx.source_rows(scope, [source_id]):
        problems.append(Problem("source_id", "unknown_source", f"There is no source {source_id}."))
    else:
        await name_is_free(tx, "source_shipping_method", source_id, row, fields, problems)


async def _judge_channel_method(
    tx: Tx, scope: Scope, row: ChannelMethodRow | None, fields: dict[str, Any], problems: Problems
) -> None:
    policy_id, channel_id = fields.get("policy_id"), fields.get("channel_id")
    if policy_id is not None and not await tx.shipping_policies_by_id(scope, [policy_id]):
        problems.append(Problem("policy_id", "unknown_policy", f"There is no shipping policy {policy_id}."))
    if channel_id is None:
        return
    if not await tx.channel_rows(scope, [channel_id]):
        problems.append(Problem("channel_id", "unknown_channel", f"There is no channel {channel_id}."))
    else:
        await name_is_free(tx, "channel_shipping_method", channel_id, row, fields, problems)


async def _judge_policy(
    tx: Tx, scope: Scope, row: ShippingPolicy | None, fields: dict[str, Any], problems: Problems
) -> None:
    await name_is_free(tx, "shipping_policy", scope.account_id, row, fields, problems)
    if "methods" in fields:
        fields["methods"] = await _resolved(tx, scope, fields["methods"], problems)


async def _resolved(
    tx: Tx, scope: Scope, given: tuple[tuple[int | None, int], ...], problems: Problems
) -> tuple[PolicyMethod, ...]:
    """(source id or None, method id) as methods of a policy: at most one a source, by source."""
    known = await tx.source_methods_by_id(scope, sorted({method_id for _, method_id in given}))
    by_source: dict[int, int] = {}
    for place, (source_id, method_id) in enumerate(given):
        method = known.get(method_id)
        if method is None:
            words = f"There is no shipping method {method_id}."
            problems.append(Problem(f"/methods/{place}/method_id", "unknown_shipping_method", words))
        elif source_id not in (None, method.source_id):
            words = f"Shipping method {method_id} is not one of source {source_id}."
            problems.append(Problem(f"/methods/{place}/source_id", "foreign_source", words))
        elif method.source_id in by_source:
            words = f"Source {method.source_id} has a method already: one a source."
            problems.append(Problem(f"/methods/{place}/method_id", "repeated_source", words))
        else:
            by_source[method.source_id] = method_id
    return tuple(PolicyMethod(*pair) for pair in sorted(by_source.items()))


SOURCE_METHOD: Kind[SourceMethodRow] = Kind(
    "source_shipping_method", "shipping method", lambda tx, scope, ids: tx.source_methods_by_id(scope, ids),
    SourceMethodRow, checks.source_method, _judge_source_method, {"active": True},
)  # fmt: skip
CHANNEL_METHOD: Kind[ChannelMethodRow] = Kind(
    "channel_shipping_method", "shipping method", lambda tx, scope, ids: tx.channel_methods_by_id(scope, ids),
    ChannelMethodRow, checks.shipping_text, _judge_channel_method, required=("channel_id", "name"),
)  # fmt: skip
POLICY: Kind[ShippingPolicy] = Kind(
    "shipping_policy", "shipping policy", lambda tx, scope, ids: tx.shipping_policies_by_id(scope, ids), ShippingPolicy,
    checks.named, _judge_policy, members="methods", member_table="shipping_policy_method",
)  # fmt: skip
