"""`waypost source`: the suppliers, warehouses and 3PLs that fulfill."""

import json
from typing import TYPE_CHECKING, Any

import click

from waypost.cli.database import now, on_store
from waypost.cli.options import account_option, database_option, json_option
from waypost.cli.output import moment, moment_read, print_json, print_table, say

if TYPE_CHECKING:
    from waypost.app.ports import SourceRow, Store


@click.group()
def source() -> None:
    """Create and list sources: the suppliers, warehouses and 3PLs that fulfillment requests go to."""


@source.command()
@click.argument("name")
@click.option("--max-number-length", type=int, metavar="CHARACTERS", help="The longest request number that it takes.")
@click.option(
    "--required-field", "required_fields", multiple=True, metavar="NAME",
    help="A custom field without which a request waits as Additional Info Required; may be repeated.",
)  # fmt: skip
@click.option(
    "--auto-process/--hold", default=True, show_default=True,
    help="Release each request at once, or hold it as Unprocessed until somebody does.",
)  # fmt: skip
@account_option
@database_option
@json_option
def create(
    name: str,
    max_number_length: int | None,
    required_fields: tuple[str, ...],
    auto_process: bool,
    account: str | None,
    database: str,
    as_json: bool,
) -> None:
    """Create a source."""
    from waypost.app.accounts import SourceDraft, choose_account, create_source

    async def work(store: "Store") -> "SourceRow":
        owner = await choose_account(store, account)
        draft = SourceDraft(owner.id, name, max_number_length, required_fields, auto_process)
        return await create_source(store, draft, now())

    row = on_store(database, work)
    if as_json:
        print_json(as_object(row))
    else:
        say(f"Source {row.id} created: {row.name}.")


@source.command("list")
@account_option
@database_option
@json_option
def list_(account: str | None, database: str, as_json: bool) -> None:
    """List the sources of an account."""
    from waypost.app.accounts import choose_account

    async def work(store: "Store") -> "list[SourceRow]":
        return await store.reads.sources((await choose_account(store, account)).id)

    rows = on_store(database, work)
    if as_json:
        print_json([as_object(row) for row in rows])
        return
    print_table(
        "sources",
        ("Id", "Name", "Longest number", "Required fields", "Releases at once", "Created"),
        [
            (row.id, row.name, row.max_number_length, ", ".join(json.loads(row.required_fields)) or None,
             bool(row.auto_process), moment_read(row.created_at))
            for row in rows
        ],
    )  # fmt: skip


def as_object(row: "SourceRow") -> dict[str, Any]:
    """A source for a program."""
    return {
        "id": row.id,
        "accountId": row.account_id,
        "name": row.name,
        "maxNumberLength": row.max_number_length,
        "requiredFields": json.loads(row.required_fields),
        "autoProcess": bool(row.auto_process),
        "createdAt": moment(row.created_at),
    }
