"""The command line: `main()` is the console entry, `COMMANDS` says in which file each command lives.

A command's file is imported when that command is run, so that every command starts quickly.
"""

import importlib
import sys
from typing import Any, NamedTuple, NoReturn

import click

from waypost import __version__
from waypost.cli.faults import Refused, worded
from waypost.cli.options import database_option
from waypost.cli.output import nobody_reads


class Entry(NamedTuple):
    """Where a command is defined, and what `waypost --help` says of it."""

    module: str
    attribute: str
    help: str


COMMANDS: dict[str, Entry] = {
    "serve": Entry("waypost.cli.serve", "serve", "Serve the HTTP API."),
    "worker": Entry("waypost.cli.worker", "worker", "Hand requests to their sources, beside a server."),
    "demo": Entry("waypost.cli.demo", "demo", "Fill an empty database with a believable merchant."),
    "account": Entry("waypost.cli.accounts", "account", "Create and list accounts."),
    "source": Entry("waypost.cli.sources", "source", "Create, list and change sources: who fulfills."),
    "channel": Entry("waypost.cli.channels", "channel", "Create, list and change channels: where orders come from."),
    "routing": Entry("waypost.cli.routing", "routing", "Create and list routing groups: which source gets what."),
    "token": Entry("waypost.cli.tokens", "token", "Create, list, rotate and revoke API tokens."),
    "fr": Entry("waypost.cli.requests", "fr", "List, show and move fulfillment requests of a hub that runs."),
    "attention": Entry("waypost.cli.attention", "attention", "Show what needs somebody in a hub that runs."),
    "events": Entry("waypost.cli.events", "events", "Print, or follow, what happens in a hub that runs."),
    "import": Entry("waypost.cli.importing", "import_", "Import orders or inventory from a file."),
    "export": Entry("waypost.cli.importing", "export", "Export orders, inventory or fulfillment requests to a file."),
    "migrate": Entry("waypost.cli.migrate", "migrate", "Create the database, or bring its schema up to date."),
    "secrets": Entry("waypost.cli.secret_keys", "secret_keys", "Make and change the keys that encrypt secrets."),
    "backup": Entry("waypost.cli.backup", "backup", "Write a verified backup, while the server runs."),
    "restore": Entry("waypost.cli.backup", "restore", "Put a backup in the place of the database."),
    "check": Entry("waypost.cli.check", "check", "Check that everything in the database adds up."),
}


class Waypost(click.Group):
    """The root: finds commands by name, and words every failure as one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of COMMANDS."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = getattr(importlib.import_module(entry.module), entry.attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in the help, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run; what goes wrong becomes one sentence and an exit code, never a traceback."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:
            if isinstance(error, BrokenPipeError) and nobody_reads():
                raise  # as after `| head -1`: click ends silently, with exit code 1
            raise Refused(worded(error)) from error


@click.group(cls=Waypost, context_settings={"help_option_names": ["-h", "--help"]})
@database_option
@click.version_option(version=__version__, prog_name="waypost")
def waypost(database: str) -> None:
    """Waypost, a self-hosted fulfillment hub.

    Exit codes: 0 done, 1 refused or something found, 2 wrong usage.
    """


def main() -> NoReturn:
    """Run the command line with the arguments of this process, and exit."""
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal cannot show must not turn success into failure.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    waypost.main(prog_name="waypost")
    raise AssertionError("click exits by itself")
