"""`waypost demo`: a believable merchant in an empty database."""

import secrets
from typing import TYPE_CHECKING, Any

import click

from waypost.cli.database import on_store
from waypost.cli.faults import Refused
from waypost.cli.options import database_option, json_option
from waypost.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from waypost.app.ports import Store
    from waypost.demo import Demo

ORDERS_AT_MOST = 1_000_000


@click.command()
@database_option
@click.option(
    "--orders", type=click.IntRange(1, ORDERS_AT_MOST), default=200, show_default=True, help="How many orders."
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same merchant.")
@json_option
def demo(database: str, orders: int, seed: int, as_json: bool) -> None:
    """Fill an empty database with a believable merchant, and print its tokens.

    Two channels, four sources, customers in many countries, and fulfillment requests in every status, each with
    the history that led there. A database that holds data is refused.
    """
    made = make(database, orders, seed, show_progress=not as_json)
    if as_json:
        print_json(as_plain(made))
    else:
        _tell(made)


def make(database: str, orders: int, seed: int, show_progress: bool) -> "Demo":
    """Fill the database, with a progress bar where a person watches a long run."""
    from rich.console import Console
    from rich.progress import Progress

    from waypost.demo import DatabaseInUse, fill

    console = Console(stderr=True)
    visible = show_progress and console.is_terminal and orders >= 1000

    async def work(store: "Store") -> "Demo":
        with Progress(console=console, transient=True, disable=not visible) as bar:
            task = bar.add_task("Making orders", total=orders)
            return await fill(
                store, orders, seed, store.now(), secrets.token_bytes, lambda done: bar.update(task, completed=done)
            )

    try:
        return on_store(database, work, create=True)
    except DatabaseInUse as error:
        raise Refused(str(error)) from error


def as_plain(made: "Demo") -> dict[str, Any]:
    """The demo as one JSON object."""
    return {
        "accountToken": made.account_token,
        "sourceTokens": [{"sourceId": t.id, "name": t.name, "token": t.token} for t in made.source_tokens],
        "channelTokens": [{"channelId": t.id, "name": t.name, "token": t.token} for t in made.channel_tokens],
        "orders": made.orders,
        "fulfillmentRequests": made.requests,
    }


def _by_count(row: "tuple[str, int]") -> int:
    return -row[1]


def _tell(made: "Demo") -> None:
    say(f"{made.orders:,} orders with {sum(made.requests.values()):,} fulfillment requests.")
    counts: list[tuple[str, int]] = sorted(made.requests.items(), key=_by_count)
    print_table("statuses", ("Status", "Requests"), counts)
    say("")
    tokens = [("account", "everything", made.account_token)]
    tokens += [("source", token.name, token.token) for token in made.source_tokens]
    tokens += [("channel", token.name, token.token) for token in made.channel_tokens]
    print_table("tokens", ("Token for", "Name", "Token (shown only now)"), tokens)
