"""`waypost channel`: the shops and marketplaces that orders come from."""

from typing import TYPE_CHECKING, Any

import click

from waypost.cli.database import on_store
from waypost.cli.fields import OrNone, changes_of, fields_of, say_changed, with_options
from waypost.cli.options import account_option, database_option, json_option
from waypost.cli.output import moment, moment_read, print_json, print_table, say

if TYPE_CHECKING:
    from waypost.app.ports import ChannelRow, Store
    from waypost.app.records import Recorded

settings = with_options(
    click.option(
        "--auto-generate/--by-hand", "auto_generate", default=None,
        help="Generate requests as soon as an order may be fulfilled, or when somebody asks (as with a new channel).",
    ),
    click.option("--allow-backorders/--no-backorders", default=None,
                 help="Whether its orders may ask sources for more than they have."),
    click.option("--reroute-on-fill/--no-reroute", "reroute_on_fill", default=None,
                 help="Whether what a source gives back goes to another one."),
    click.option("--require-shipping-mapping/--any-shipping-text", "require_shipping_mapping", default=None,
                 help="Whether orders are held whose shipping text means no shipping policy."),
    click.option(
        "--routing-group", type=OrNone(click.STRING), metavar="ID|NAME|none",
        help="Which routing group routes its orders; none: the account's default.",
    ),
)  # fmt: skip


@click.group()
def channel() -> None:
    """Create, list and change channels: the shops and marketplaces that orders come from."""


async def _fields(store: "Store", account_id: int, given: dict[str, Any]) -> dict[str, Any]:
    """The fields as columns: a routing group by its id."""
    from waypost.app.accounts import choose_routing_group

    fields = dict(given)
    if "routing_group" in fields:
        named = fields.pop("routing_group")
        found = None if named is None else (await choose_routing_group(store, account_id, named)).id
        fields["routing_group_id"] = found
    return fields


@channel.command()
@click.argument("name")
@settings
@account_option
@database_option
@json_option
def create(name: str, account: str | None, database: str, as_json: bool, **given: Any) -> None:
    """Create a channel."""
    from waypost.app.accounts import choose_account, create_channel

    async def work(store: "Store") -> "ChannelRow":
        owner = await choose_account(store, account)
        fields = await _fields(store, owner.id, fields_of(given))
        return await create_channel(store, owner.id, name, store.now(), fields)

    row = on_store(database, work)
    if as_json:
        print_json(as_object(row))
    else:
        say(f"Channel {row.id} created: {row.name}.")


@channel.command("set")
@click.argument("which", metavar="ID|NAME")
@click.option("--name", metavar="TEXT", help="Another name.")
@settings
@account_option
@database_option
@json_option
def set_(which: str, account: str | None, database: str, as_json: bool, **given: Any) -> None:
    """Change a channel; what is not named stays."""
    from waypost.app.accounts import choose_account, choose_channel
    from waypost.app.actor import system
    from waypost.app.catalog import CHANNEL, update
    from waypost.app.records import record_now

    asked = changes_of(given)

    async def work(store: "Store") -> "Recorded[ChannelRow]":
        owner = await choose_account(store, account)
        row = await choose_channel(store, owner.id, which)
        fields = await _fields(store, owner.id, asked)
        return await record_now(store, update(CHANNEL, system(owner.id), row.id, fields), store.now())

    done = on_store(database, work)
    if as_json:
        print_json(as_object(done.record))
    else:
        say_changed("Channel", done.record.id, done.record.name, done.changed)


@channel.command("list")
@account_option
@database_option
@json_option
def list_(account: str | None, database: str, as_json: bool) -> None:
    """List the channels of an account."""
    from waypost.app.accounts import choose_account

    async def work(store: "Store") -> "list[ChannelRow]":
        return await store.reads.channels((await choose_account(store, account)).id)

    rows = on_store(database, work)
    if as_json:
        print_json([as_object(row) for row in rows])
        return
    print_table(
        "channels",
        ("Id", "Name", "Generates by itself", "Routes again", "Routing group", "Created"),
        [
            (row.id, row.name, bool(row.auto_generate), bool(row.reroute_on_fill), row.routing_group_id,
             moment_read(row.created_at))
            for row in rows
        ],
    )  # fmt: skip


def as_object(row: "ChannelRow") -> dict[str, Any]:
    """A channel for a program."""
    return {
        "id": row.id,
        "accountId": row.account_id,
        "name": row.name,
        "autoGenerate": bool(row.auto_generate),
        "allowBackorders": bool(row.allow_backorders),
        "rerouteOnFill": bool(row.reroute_on_fill),
        "requireShippingMapping": bool(row.require_shipping_mapping),
        "routingGroupId": row.routing_group_id,
        "createdAt": moment(row.created_at),
    }
