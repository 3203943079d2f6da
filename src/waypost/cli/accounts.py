"""`waypost account`: who uses this hub."""

from typing import TYPE_CHECKING, Any

import click

from waypost.cli.database import on_store
from waypost.cli.options import database_option, json_option
from waypost.cli.output import moment, moment_read, print_json, print_table, say

if TYPE_CHECKING:
    from waypost.app.ports import AccountRow


@click.group()
def account() -> None:
    """Create and list accounts. An account owns its sources, channels, orders and tokens."""


@account.command()
@click.argument("company_name")
@click.option("--brand-name", help="The name that customers know, if it is another.")
@click.option("--subdomain", help="The account's subdomain, for clients that ask for it.")
@database_option
@json_option
def create(company_name: str, brand_name: str | None, subdomain: str | None, database: str, as_json: bool) -> None:
    """Create an account; makes the database, too, if there is none yet."""
    from waypost.app.accounts import create_account

    row = on_store(
        database,
        lambda store: create_account(store, company_name, store.now(), brand_name, subdomain),
        create=True,
    )
    if as_json:
        print_json(as_object(row))
    else:
        say(f"Account {row.id} created: {row.company_name}.")


@account.command("list")
@database_option
@json_option
def list_(database: str, as_json: bool) -> None:
    """List all accounts."""
    rows = on_store(database, lambda store: store.reads.accounts())
    if as_json:
        print_json([as_object(row) for row in rows])
        return
    print_table(
        "accounts",
        ("Id", "Company", "Brand", "Subdomain", "Created"),
        [(row.id, row.company_name, row.brand_name, row.subdomain, moment_read(row.created_at)) for row in rows],
    )


def as_object(row: "AccountRow") -> dict[str, Any]:
    """An account for a program."""
    return {
        "id": row.id,
        "companyName": row.company_name,
        "brandName": row.brand_name,
        "subdomain": row.subdomain,
        "createdAt": moment(row.created_at),
    }
