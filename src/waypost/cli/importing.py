"""`waypost import` and `waypost export`: orders and inventory out of files and into files."""

import codecs
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from waypost.cli.database import on_store, on_writer
from waypost.cli.faults import Refused
from waypost.cli.options import account_option, database_option, json_option
from waypost.cli.output import print_json, say, say_aside

if TYPE_CHECKING:
    from waypost.app.actor import Scope
    from waypost.app.ports import Store
    from waypost.app.writer import Writer
    from waypost.importing.exporting import Exported
    from waypost.importing.items import Bad
    from waypost.importing.outcomes import Summary
    from waypost.importing.running import Progress

F = TypeVar("F", bound=Callable[..., Any])
SHOWN = 20  # bad rows on the terminal; the report has them all
FILE = click.Path(path_type=Path, dir_okay=False)

format_option = click.option(
    "--format", "form", type=click.Choice(("csv", "jsonl")), help="CSV or JSON Lines; by default told by FILE's name."
)
channel_option = click.option(
    "--channel", metavar="ID|NAME", help="The channel of the orders; else each says its channelId."
)
source_option = click.option(
    "--source", metavar="ID|NAME", help="The source of the inventory; else each row says its sourceId."
)


def _encoding(context: click.Context, parameter: click.Parameter, value: str) -> str:
    try:
        codecs.getincrementaldecoder(value)()
    except LookupError:
        raise click.BadParameter(f"{value!r} is no encoding that is known.", context, parameter) from None
    return value


reading_options = (
    click.argument("file", type=FILE),
    format_option,
    click.option("--encoding", default="utf-8", show_default=True, callback=_encoding, metavar="NAME",
                 help="How FILE writes its letters, such as latin-1, cp1252 or utf-16."),
    click.option("--dry-run", is_flag=True, help="Check every row, and store nothing."),
    click.option("--report", type=FILE, metavar="FILE",
                 help="Write every bad row here: row, column, code and why; JSON Lines if so named, else CSV."),
    account_option, database_option, json_option,
)  # fmt: skip


def _with(options: tuple[Callable[[F], F], ...]) -> Callable[[F], F]:
    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@click.group("import")
def import_() -> None:
    """Import orders or inventory from a CSV or JSON Lines file.

    A file that was interrupted goes on where it stopped. Exit code 1 when rows were refused; the others are stored.
    """


@import_.command("orders")
@channel_option
@_with(reading_options)
def import_orders(
    channel: str | None, file: Path, form: str | None, encoding: str, dry_run: bool, report: Path | None,
    account: str | None, database: str, as_json: bool,
) -> None:  # fmt: skip
    """Create the orders of FILE. An order that exists with the same content stays as it is.

    If only its payment status, tags or note differ, they are updated. If anything else differs, it is refused.
    """
    from waypost.importing.orders import OrderFile

    async def scoped(store: "Store") -> "Scope":
        return await _scope(store, account, channel=channel)

    _import(OrderFile, scoped, (file, form, encoding, dry_run, report), database, as_json)


@import_.command("inventory")
@source_option
@_with(reading_options)
def import_inventory(
    source: str | None, file: Path, form: str | None, encoding: str, dry_run: bool, report: Path | None,
    account: str | None, database: str, as_json: bool,
) -> None:  # fmt: skip
    """Change or make the inventory variants of FILE. What a row leaves empty stays as it is."""
    from waypost.importing.inventory import InventoryFile

    async def scoped(store: "Store") -> "Scope":
        return await _scope(store, account, source=source)

    _import(InventoryFile, scoped, (file, form, encoding, dry_run, report), database, as_json)


async def _scope(store: "Store", account: str | None, channel: str | None = None, source: str | None = None) -> "Scope":
    from waypost.app.accounts import choose_account, choose_channel, choose_source
    from waypost.app.actor import Scope

    owner = (await choose_account(store, account)).id
    channel_id = None if channel is None else (await choose_channel(store, owner, channel)).id
    source_id = None if source is None else (await choose_source(store, owner, source)).id
    return Scope(owner, source_id, channel_id)


def _import(kind: Any, scoped: Any, given: tuple[Any, ...], database: str, as_json: bool) -> None:
    from waypost.app.actor import Actor
    from waypost.importing.files import Unreadable
    from waypost.importing.running import Asked, Doors, import_file

    file, form, encoding, dry_run, report = given
    bads: list[Bad] = []

    def tell(bad: "Bad") -> None:
        if len(bads) < SHOWN:
            bads.append(bad)

    async def work(store: "Store", writer: "Writer") -> "Summary":
        gc.set_threshold(100_000, 20, 50)  # what a batch makes goes with it: there are no cycles to look for
        scope = await scoped(store)
        asked = Asked(file, scope, form, encoding, dry_run, report)
        actor = Actor("system", scope, None, "import")
        with _bar(f"Importing {file.name}", not as_json) as progress:
            doors = Doors(writer, store.now, progress, tell)
            return await import_file(asked, lambda run: kind(actor, run), doors)

    try:
        summary = on_writer(database, work)
    except (Unreadable, OSError) as error:
        raise Refused(str(error)) from error
    if as_json:
        print_json(_plain(summary, file, report, bads))
    else:
        _tell(summary, report, bads)
    if summary.rows_refused:
        raise click.exceptions.Exit(1)


def _plain(summary: "Summary", file: Path, report: Path | None, bads: "list[Bad]") -> dict[str, Any]:
    return {
        "file": str(file),
        "kind": summary.kind,
        "dryRun": summary.dry_run,
        "resumedAfterRow": summary.resumed_after or None,
        "rows": summary.rows,
        "created": summary.created,
        "changed": summary.changed,
        "unchanged": summary.unchanged,
        "refused": summary.refused,
        "rowsRefused": summary.rows_refused,
        "badRows": [bad._asdict() for bad in bads],
        "report": None if report is None else str(report),
    }


def _tell(summary: "Summary", report: Path | None, bads: "list[Bad]") -> None:
    for bad in bads:
        where = f"row {bad.row}" + (f", {bad.column}" if bad.column else "")
        say_aside(f"{where}: {bad.why} ({bad.code})")
    if summary.rows_refused and report is not None:
        say_aside(f"Every bad row is in {report}.")
    elif summary.rows_refused and len(bads) == SHOWN:
        say_aside("There may be more: --report FILE keeps them all.")
    what = "orders" if summary.kind == "orders" else "variants"
    would = "would be " if summary.dry_run else ""
    told = [f"{summary.created:,} {what} {would}created"]
    if summary.kind == "inventory" or summary.changed:
        told.append(f"{summary.changed:,} {would}changed")
    told.append(f"{summary.unchanged:,} there already")
    if summary.refused:
        told.append(f"{summary.refused:,} refused")
    resumed = f" after row {summary.resumed_after:,}, where it had stopped" if summary.resumed_after else ""
    say(f"{summary.rows:,} rows{resumed}: {', '.join(told)}.")


@contextmanager
def _bar(title: str, wanted: bool) -> "Iterator[Progress]":
    """A progress bar in bytes, where a person watches."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not (wanted and console.is_terminal)) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=min(done, total), total=total)


@click.group()
def export() -> None:
    """Export orders, inventory or fulfillment requests to a CSV or JSON Lines file."""


writing_options = (
    click.argument("file", type=FILE), format_option,
    click.option("--force", is_flag=True, help="Replace FILE if it exists."),
    account_option, database_option, json_option,
)  # fmt: skip


@export.command("orders")
@click.option("--channel", metavar="ID|NAME", help="Only the orders of this channel; else those of every channel.")
@_with(writing_options)
def export_orders(
    channel: str | None, file: Path, form: str | None, force: bool, account: str | None, database: str, as_json: bool
) -> None:
    """Write every order to FILE, as `import orders` reads it."""

    async def scoped(store: "Store") -> "Scope":
        return await _scope(store, account, channel=channel)

    _export("orders", scoped, (file, form, force), database, as_json)


@export.command("inventory")
@click.option("--source", metavar="ID|NAME", help="Only the inventory of this source; else that of every source.")
@_with(writing_options)
def export_inventory(
    source: str | None, file: Path, form: str | None, force: bool, account: str | None, database: str, as_json: bool
) -> None:
    """Write every inventory variant to FILE, as `import inventory` reads it."""

    async def scoped(store: "Store") -> "Scope":
        return await _scope(store, account, source=source)

    _export("inventory", scoped, (file, form, force), database, as_json)


@export.command("fulfillment-requests")
@click.option("--source", metavar="ID|NAME", help="Only the requests of this source; else those of every source.")
@_with(writing_options)
def export_requests(
    source: str | None, file: Path, form: str | None, force: bool, account: str | None, database: str, as_json: bool
) -> None:
    """Write every fulfillment request to FILE: a row for each of its items."""

    async def scoped(store: "Store") -> "Scope":
        return await _scope(store, account, source=source)

    _export("fulfillment-requests", scoped, (file, form, force), database, as_json)


EXPORTED = {
    "orders": "orders", "inventory": "inventory variants", "fulfillment-requests": "fulfillment requests",
}  # fmt: skip


def _export(kind: str, scoped: Any, given: tuple[Any, ...], database: str, as_json: bool) -> None:
    from waypost.importing.exporting import export_file

    file, form, force = given
    if file.exists() and not force:
        raise Refused(f"{file} exists: --force replaces it.")

    async def work(store: "Store") -> "Exported":
        return await export_file(kind, file, form, await scoped(store), store.reads, lambda done: None)

    try:
        done = on_store(database, work)
    except OSError as error:
        raise Refused(f"{file} cannot be written: {(error.strerror or str(error)).lower()}.") from error
    if as_json:
        print_json({"file": str(file), "kind": done.kind, "things": done.things, "rows": done.rows})
    else:
        say(f"{done.things:,} {EXPORTED[kind]} are written to {file}, in {done.rows:,} rows.")
