"""`waypost backup` and `waypost restore`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
    taken from: it can be restored to SQLite and to PostgreSQL alike. The keys of its secrets are not in it.
    """
    done = meeting.back_up(database, file, force)
    if as_json:
        counted = {"file": str(done.file), "revision": done.revision, "rows": done.counts}
        print_json({**counted, "keys": _keys(*done.keys)})
        return
    say(f"{done.file} is written and verified: {_content(done.revision, done.counts)}.")
    if done.keys.missing:
        held_by = done.keys.file or "this command"
        say(f"Its secrets need the key {', '.join(done.keys.missing)}, which is not in it, and which {held_by} does not"
            " have either: find the key file of this database.")  # fmt: skip
    elif done.keys.ids:
        say(f"It does not hold the key file {done.keys.file}, without which its secrets cannot be read: keep a copy of"
            " that file in another place.")  # fmt: skip


@click.command()
@click.argument("file", type=FILE)
@click.option("--force", is_flag=True, help="Replace a SQLite database that is there; it is kept beside.")
@database_option
@json_option
def restore(file: Path, force: bool, database: str, as_json: bool) -> None:
    """Put the backup in FILE in the place of the database.

    Nobody may have the database open: stop the server first. A PostgreSQL database must be empty. FILE may
    have been taken from either engine; it is verified first. Put the key file of that database in place, too.
    """
    done = meeting.restore(database, file, force)
    if as_json:
        kept = None if done.kept is None else str(done.kept)
        place = meeting.shown(database)
        counted = {"database": place, "revision": done.revision, "rows": done.counts, "kept": kept}
        print_json({**counted, "keys": _keys(*done.keys)})
        return
    say(f"{meeting.shown(database)} is restored: {_content(done.revision, done.counts)}.")
    if done.kept is not None:
        say(f"What was there before is kept in {done.kept}, its key file as {done.kept}.key if it had one beside it.")
    if done.keys.missing:
        place = "a key file, which --secret-key-file names," if done.keys.file is None else str(done.keys.file)
        say(f"Its secrets need the key {', '.join(done.keys.missing)}, which is in no backup: put the key file of the"
            f" database that was backed up in the place of {place} before you start Waypost.")  # fmt: skip
    elif done.keys.ids:
        say(f"The key file {done.keys.file} holds the keys that its secrets need.")


def _keys(file: Path | None, ids: Sequence[str], missing: Sequence[str]) -> dict[str, Any]:
    return {"file": None if file is None else str(file), "needed": list(ids), "missing": list(missing)}


def _content(revision: str, counts: dict[str, int]) -> str:
    return (
        f"schema revision {revision}, {counts['orders']:,} orders, "
        f"{counts['fulfillment_request']:,} fulfillment requests, {counts['event']:,} events"
    )
