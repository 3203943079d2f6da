"""Routing groups as records: a name, rules in their order, and the sources that may be asked (contract section 6)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from waypost.app.actor import Scope
from waypost.app.catalog import Kind, Problems, name_is_free
from waypost.app.catalog_checks import named
from waypost.app.ports import Tx
from waypost.app.ports.catalog import GroupMember, RoutingGroup
from waypost.domain.refusals import Problem
from waypost.domain.routing_rules import DEFAULT_RULES, Mode, Rule, RuleName


class MemberDraft(NamedTuple):
    """A source as asked for; priority None: its place in the list."""

    source_id: int
    priority: int | None = None
    eligible: bool = True


def rules_as_stored(rules: Sequence[Rule]) -> str:
    """A JSON array; `mode` only where a rule has one."""
    listed = [{"rule": rule.name} | ({} if rule.mode is None else {"mode": rule.mode}) for rule in rules]
    return json.dumps(listed, separators=(",", ":"))


def _check(fields: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    checked = named(fields, problems)
    if "rules" in fields:
        checked["rules"] = rules_as_stored(_sound(fields["rules"], problems))
    return checked


def _sound(rules: Sequence[Rule], problems: Problems) -> Sequence[Rule]:
    """Each rule at most once, a mode where it has a meaning."""
    met: set[RuleName] = set()
    for place, rule in enumerate(rules):
        if rule.name in met:
            problems.append(Problem(f"/rules/{place}/rule", "repeated_rule", f"{rule.name} stands there already."))
        met.add(rule.name)
        if rule.name is RuleName.SINGLE_REQUEST and rule.mode is None:
            words = f"{rule.name} is {' or '.join(Mode)}: say which in mode."
            problems.append(Problem(f"/rules/{place}/mode", "required", words))
        elif rule.name is not RuleName.SINGLE_REQUEST and rule.mode is not None:
            problems.append(Problem(f"/rules/{place}/mode", "not_for_this_rule", f"{rule.name} has no mode."))
    return rules


async def _judge(tx: Tx, scope: Scope, row: RoutingGroup | None, fields: dict[str, Any], problems: Problems) -> None:
    await name_is_free(tx, "routing_group", scope.account_id, row, fields, problems)
    if "sources" in fields:
        fields["sources"] = await _members(tx, scope, fields["sources"], problems)


async def _members(tx: Tx, scope: Scope, drafts: Sequence[MemberDraft], problems: Problems) -> tuple[GroupMember, ...]:
    known = await tx.source_rows(scope, sorted({draft.source_id for draft in drafts}))
    members: dict[int, GroupMember] = {}
    for place, draft in enumerate(drafts):
        field = f"/sources/{place}/source_id"
        if draft.source_id not in known:
            problems.append(Problem(field, "unknown_source", f"There is no source {draft.source_id}."))
        elif draft.source_id in members:
            problems.append(Problem(field, "repeated_source", f"Source {draft.source_id} stands there already."))
        else:
            priority = place + 1 if draft.priority is None else draft.priority
            members[draft.source_id] = GroupMember(draft.source_id, priority, draft.eligible)
    return tuple(sorted(members.values(), key=lambda one: (one.priority, one.source_id)))


ROUTING_GROUP: Kind[RoutingGroup] = Kind(
    "routing_group", "routing group", lambda tx, scope, ids: tx.routing_groups_by_id(scope, ids), RoutingGroup,
    _check, _judge, {"rules": DEFAULT_RULES}, members="sources", member_table="routing_group_source",
)  # fmt: skip
