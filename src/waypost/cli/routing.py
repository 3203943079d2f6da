"""`waypost routing`: which sources an order may go to, and the rules that choose."""

import re
from typing import TYPE_CHECKING, Any

import click

from waypost.cli.database import on_store
from waypost.cli.options import account_option, database_option, json_option
from waypost.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from waypost.app.ports import Store
    from waypost.app.ports.catalog import RoutingGroup
    from waypost.domain.routing_rules import Rule

_RULES = {
    "single-request": ("single_request", "required"),
    "prefer-single-request": ("single_request", "preferred"),
    "lowest-cost": ("lowest_cost", None),
    "source-priority": ("source_priority", None),
    "shipping-mapped": ("shipping_mapped", None),
}


@click.group()
def routing() -> None:
    """Create and list routing groups: which sources an order may go to, and the rules that choose among them."""


@routing.command()
@click.argument("name")
@click.option(
    "--rule", "rules", type=click.Choice(list(_RULES)), multiple=True,
    help="A rule; the first one looks first. None: prefer a single request, then the lowest cost, then priority.",
)  # fmt: skip
@click.option(
    "--source", "sources", multiple=True, metavar="ID|NAME[:PRIORITY]",
    help="A source that may be asked; a lower priority is better, by default its place. May be repeated.",
)  # fmt: skip
@click.option("--default", "is_default", is_flag=True, help="It routes for channels without a group of their own.")
@account_option
@database_option
@json_option
def create(
    name: str, rules: tuple[str, ...], sources: tuple[str, ...], is_default: bool, account: str | None, database: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Create a routing group."""
    from waypost.app.accounts import choose_account
    from waypost.app.actor import system
    from waypost.app.catalog import ACCOUNT, update
    from waypost.app.catalog import create as creation
    from waypost.app.catalog_routing import ROUTING_GROUP
    from waypost.app.records import record_now

    async def work(store: "Store") -> "RoutingGroup":
        owner = await choose_account(store, account)
        fields: dict[str, Any] = {"name": name, "sources": await _members(store, owner.id, sources)}
        if rules:
            fields["rules"] = _as_rules(rules)
        group = (await record_now(store, creation(ROUTING_GROUP, system(owner.id), fields), store.now())).record
        if is_default:
            chosen = {"default_routing_group_id": group.id}
            await record_now(store, update(ACCOUNT, system(owner.id), owner.id, chosen), store.now())
        return group

    group = on_store(database, work)
    if as_json:
        print_json(as_object(group))
    else:
        say(f"Routing group {group.id} created: {group.name}.")


def _as_rules(names: tuple[str, ...]) -> "tuple[Rule, ...]":
    from waypost.domain.routing_rules import Mode, Rule, RuleName

    chosen = [_RULES[name] for name in names]
    return tuple(Rule(RuleName(rule), None if mode is None else Mode(mode)) for rule, mode in chosen)


async def _members(store: "Store", account_id: int, sources: tuple[str, ...]) -> tuple[Any, ...]:
    """Sources by id or name, each with a priority of its own or that of its place."""
    from waypost.app.accounts import choose_source
    from waypost.app.catalog_routing import MemberDraft

    members = []
    for written in sources:
        found = re.fullmatch(r"(.+):([0-9]{1,6})", written)
        named, priority = (found[1], int(found[2])) if found else (written, None)
        members.append(MemberDraft((await choose_source(store, account_id, named)).id, priority))
    return tuple(members)


@routing.command("list")
@account_option
@database_option
@json_option
def list_(account: str | None, database: str, as_json: bool) -> None:
    """List the routing groups of an account."""
    from waypost.app.accounts import choose_account

    async def work(store: "Store") -> "tuple[list[RoutingGroup], int | None]":
        owner = await choose_account(store, account)
        return await store.reads.routing_groups(owner.id), owner.default_routing_group_id

    groups, default = on_store(database, work)
    objects = [as_object(group) for group in groups]
    if as_json:
        print_json(objects)
        return
    print_table(
        "routing groups",
        ("Id", "Name", "Default", "Rules", "Sources (priority)"),
        [
            (one["id"], one["name"], one["id"] == default, ", ".join(one["rules"]) or None,
             ", ".join(f"{s['sourceId']} ({s['priority']})" for s in one["sources"] if s["eligible"]) or None)
            for one in objects
        ],
    )  # fmt: skip


def as_object(group: "RoutingGroup") -> dict[str, Any]:
    """A routing group for a program; rules by the names that `create` takes."""
    from waypost.app.routing_supply import parse_rules

    names = {rule: name for name, rule in _RULES.items()}
    return {
        "id": group.id,
        "accountId": group.account_id,
        "name": group.name,
        "rules": [names[rule.name, rule.mode] for rule in parse_rules(group.rules)],
        "sources": [
            {"sourceId": one.source_id, "priority": one.priority, "eligible": bool(one.eligible)}
            for one in group.sources
        ],
    }
