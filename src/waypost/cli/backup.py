"""`waypost backup` and `waypost restore`."""

from pathlib import Path

import click

from waypost.cli import database as meeting
from waypost.cli.options import database_option, json_option
from waypost.cli.output import print_json, say

FILE = click.Path(path_type=Path)


@click.command()
@click.argument("file", type=FILE)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@database_option
@json_option
def backup(file: Path, force: bool, database: str, as_json: bool) -> None:
    """Write a backup of the database to FILE, while the server goes on.

    FILE is a SQLite database as of one moment, verified before it takes its name, whichever engine it was
    taken from: it can be restored to SQLite and to PostgreSQL alike.
    """
    done = meeting.back_up(database, file, force)
    if as_json:
        print_json({"file": str(done.file), "revision": done.revision, "rows": done.counts})
    else:
        say(f"{done.file} is written and verified: {_content(done.revision, done.counts)}.")


@click.command()
@click.argument("file", type=FILE)
@click.option("--force", is_flag=True, help="Replace a SQLite database that is there; it is kept beside.")
@database_option
@json_option
def restore(file: Path, force: bool, database: str, as_json: bool) -> None:
    """Put the backup in FILE in the place of the database.

    Nobody may have the database open: stop the server first. A PostgreSQL database must be empty. FILE may
    have been taken from either engine; it is verified first.
    """
    done = meeting.restore(database, file, force)
    if as_json:
        kept = None if done.kept is None else str(done.kept)
        place = meeting.shown(database)
        print_json({"database": place, "revision": done.revision, "rows": done.counts, "kept": kept})
        return
    say(f"{meeting.shown(database)} is restored: {_content(done.revision, done.counts)}.")
    if done.kept is not None:
        say(f"What was there before is kept in {done.kept}.")


def _content(revision: str, counts: dict[str, int]) -> str:
    return (
        f"schema revision {revision}, {counts['orders']:,} orders, "
        f"{counts['fulfillment_request']:,} fulfillment requests, {counts['event']:,} events"
    )
