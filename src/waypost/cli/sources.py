"""`waypost source`: the suppliers, warehouses and 3PLs that fulfill."""

import json
from typing import TYPE_CHECKING, Any

import click

from waypost.cli.database import on_store
from waypost.cli.fields import Money, OrNone, changes_of, fields_of, say_changed, with_options
from waypost.cli.options import account_option, database_option, json_option
from waypost.cli.output import moment, moment_read, print_json, print_table, say

if TYPE_CHECKING:
    from waypost.app.ports import SourceRow, Store
    from waypost.app.records import Recorded

STRATEGIES = ("order_number", "order_id", "channel_reference")

settings = with_options(
    click.option("--reference", metavar="TEXT", help="What other systems call it; an empty one takes it away."),
    click.option(
        "--max-number-length", type=OrNone(click.INT), metavar="CHARACTERS|none",
        help="The longest request number that it takes.",
    ),
    click.option(
        "--number-strategy", type=OrNone(click.Choice(STRATEGIES)),
        help="What numbers are made from; none: what the account says.",
    ),
    click.option(
        "--exceed-strategy", type=OrNone(click.Choice(STRATEGIES)),
        help="What they are made from instead, where one would be too long.",
    ),
    click.option("--refused-characters", metavar="CHARACTERS", help="Characters that its numbers must not have."),
    click.option(
        "--required-field", "required_fields", multiple=True, metavar="NAME",
        help="A custom field without which a request waits as Additional Info Required; may be repeated.",
    ),
    click.option(
        "--auto-process/--hold", default=None,
        help="Release each request at once (as a new source does), or hold it as Unprocessed until somebody does.",
    ),
    click.option("--pass-order-fields/--keep-order-fields", default=None,
                 help="Give requests the custom fields of their order, or not (as a new source does)."),
    click.option("--pass-item-fields/--keep-item-fields", default=None,
                 help="Give lines the custom fields of their items, or not (as a new source does)."),
    click.option(
        "--stock-release", type=click.Choice(["shipment", "quantity_update"]),
        help="What gives committed stock back: the shipment (as with a new source), or the next quantity update.",
    ),
    click.option("--allow-backorders/--no-backorders", default=None,
                 help="Whether it may be asked for more than it has."),
    click.option("--dropship-fee", type=Money(), help="What it takes per request."),
    click.option("--shipping-estimate", type=Money(), help="What shipping costs per request, about."),
)  # fmt: skip


@click.group()
def source() -> None:
    """Create, list and change sources: the suppliers, warehouses and 3PLs that fulfillment requests go to."""


@source.command()
@click.argument("name")
@settings
@account_option
@database_option
@json_option
def create(name: str, account: str | None, database: str, as_json: bool, **given: Any) -> None:
    """Create a source."""
    from waypost.app.accounts import SourceDraft, choose_account, create_source

    async def work(store: "Store") -> "SourceRow":
        owner = await choose_account(store, account)
        return await create_source(store, SourceDraft(owner.id, name, more=fields_of(given)), store.now())

    row = on_store(database, work)
    if as_json:
        print_json(as_object(row))
    else:
        say(f"Source {row.id} created: {row.name}.")


@source.command("set")
@click.argument("which", metavar="ID|NAME")
@click.option("--name", metavar="TEXT", help="Another name.")
@settings
@click.option("--no-required-fields", is_flag=True, help="It requires no custom fields any more.")
@click.option("--archive/--unarchive", "archived", default=None, help="Send it nothing new any more; or again.")
@account_option
@database_option
@json_option
def set_(which: str, no_required_fields: bool, account: str | None, database: str, as_json: bool, **given: Any) -> None:
    """Change a source; what is not named stays."""
    from waypost.app.accounts import choose_account, choose_source
    from waypost.app.actor import system
    from waypost.app.catalog import SOURCE, update
    from waypost.app.records import record_now

    emptied: dict[str, Any] = {"required_fields": []} if no_required_fields else {}
    fields = changes_of({**given, **emptied})

    async def work(store: "Store") -> "Recorded[SourceRow]":
        owner = await choose_account(store, account)
        row = await choose_source(store, owner.id, which)
        return await record_now(store, update(SOURCE, system(owner.id), row.id, fields), store.now())

    done = on_store(database, work)
    if as_json:
        print_json(as_object(done.record))
    else:
        say_changed("Source", done.record.id, done.record.name, done.changed)


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
        ("Id", "Name", "Longest number", "Required fields", "Releases at once", "Archived", "Created"),
        [
            (row.id, row.name, row.max_number_length, ", ".join(json.loads(row.required_fields)) or None,
             bool(row.auto_process), bool(row.archived), moment_read(row.created_at))
            for row in rows
        ],
    )  # fmt: skip


def as_object(row: "SourceRow") -> dict[str, Any]:
    """A source for a program. Its settings stay out: they may hold secrets."""
    from waypost.wire.scalars import money

    return {
        "id": row.id,
        "accountId": row.account_id,
        "name": row.name,
        "reference": row.reference,
        "maxNumberLength": row.max_number_length,
        "numberStrategy": row.number_strategy,
        "exceedStrategy": row.exceed_strategy,
        "refusedCharacters": row.refused_characters,
        "requiredFields": json.loads(row.required_fields),
        "autoProcess": bool(row.auto_process),
        "passOrderFields": bool(row.pass_order_fields),
        "passItemFields": bool(row.pass_item_fields),
        "stockRelease": row.stock_release,
        "allowBackorders": bool(row.allow_backorders),
        "dropshipFee": money(row.dropship_fee),
        "shippingEstimate": money(row.shipping_estimate),
        "archived": bool(row.archived),
        "createdAt": moment(row.created_at),
    }
