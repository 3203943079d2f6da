"""`waypost channel`: the shops and marketplaces that orders come from."""

from typing import TYPE_CHECKING, Any

import click

from waypost.cli.database import now, on_store
from waypost.cli.options import account_option, database_option, json_option
from waypost.cli.output import moment, moment_read, print_json, print_table, say

if TYPE_CHECKING:
    from waypost.app.ports import ChannelRow, Store


@click.group()
def channel() -> None:
    """Create and list channels: the shops and marketplaces that orders come from."""


@channel.command()
@click.argument("name")
@account_option
@database_option
@json_option
def create(name: str, account: str | None, database: str, as_json: bool) -> None:
    """Create a channel."""
    from waypost.app.accounts import choose_account, create_channel

    async def work(store: "Store") -> "ChannelRow":
        return await create_channel(store, (await choose_account(store, account)).id, name, now())

    row = on_store(database, work)
    if as_json:
        print_json(as_object(row))
    else:
        say(f"Channel {row.id} created: {row.name}.")


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
        ("Id", "Name", "Created"),
        [(row.id, row.name, moment_read(row.created_at)) for row in rows],
    )


def as_object(row: "ChannelRow") -> dict[str, Any]:
    """A channel for a program."""
    return {
        "id": row.id,
        "accountId": row.account_id,
        "name": row.name,
        "createdAt": moment(row.created_at),
    }
