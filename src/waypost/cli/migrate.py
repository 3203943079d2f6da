"""`waypost migrate`: the schema, brought up to date."""

import click

from waypost.cli import database as meeting
from waypost.cli.options import database_option, json_option
from waypost.cli.output import print_json, say


@click.command()
@database_option
@json_option
def migrate(database: str, as_json: bool) -> None:
    """Create the database, or bring its schema up to date.

    The server does the same when it starts. An older SQLite database is first backed up beside itself. A
    database with a newer schema than this version knows is refused and left alone.
    """
    done = meeting.migrate(database)
    if as_json:
        backup = None if done.backup is None else str(done.backup)
        print_json({"database": meeting.shown(database), "from": done.before, "to": done.after, "backup": backup})
        return
    place = meeting.shown(database)
    if done.before == done.after:
        say(f"{place} is up to date: schema revision {done.after}.")
    elif done.before is None:
        say(f"{place} is made, with schema revision {done.after}.")
    else:
        say(f"{place} went from schema revision {done.before} to {done.after}.")
    if done.backup is not None:
        say(f"What it was before is kept in {done.backup}.")
    if done.left_plain:
        say("That backup holds webhook secrets and credentials of sources as plain text: delete it as soon as you do"
            " not need it any more.")  # fmt: skip
