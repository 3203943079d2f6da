"""`waypost check`: does everything add up?"""

from typing import TYPE_CHECKING, Any

import click

from waypost.cli import database as meeting
from waypost.cli.options import database_option, json_option
from waypost.cli.output import print_json, say

if TYPE_CHECKING:
    from waypost.app.judging import Finding


_OTHER_KEY = "Secrets cannot be read: name the key file that they were stored with in WAYPOST_SECRET_KEY_FILE."
_WRONG = (
    "Something else than Waypost has written to the database, or Waypost has a defect. Keep a copy of the database, "
    "restore a backup from before, and report what is said here."
)


@click.command()
@database_option
@json_option
@click.pass_context
def check(ctx: click.Context, database: str, as_json: bool) -> None:
    """Check that everything in the database adds up; the server may go on.

    Compares every status with its last event, every version with the number of events, every history with
    the life cycle, quantities with the lines they come from, event numbers with their counters, numbers with
    their owners, every reference with what it refers to, and the attention list with what needs somebody.
    Prints one finding a line, and in the end what to do; exit code 1 if there is any. Warns, too, of settings of
    PostgreSQL with which a crash loses what was answered; a warning alone is exit code 0.
    """
    count, unreadable = 0, 0
    kept: list[dict[str, Any]] = []

    def report(finding: "Finding") -> None:
        nonlocal count, unreadable
        count += 1
        unreadable += finding.check == "secret_unreadable"
        if as_json:
            kept.append(finding._asdict())
        else:
            place = finding.subject.replace("_", " ") + ("" if finding.id is None else f" {finding.id}")
            say(f"{finding.check}: {place} {finding.message}")

    seen = meeting.check(database, report)
    if as_json:
        examined = {"fulfillmentRequests": seen.requests, "orders": seen.orders, "events": seen.events}
        print_json({"examined": examined, "findings": kept, "warnings": seen.warnings})
    else:
        for warning in seen.warnings:
            say(f"warning: {warning}")
        told = f"{count:,} findings" if count != 1 else "1 finding"
        say(
            f"Checked {seen.requests:,} fulfillment requests, {seen.orders:,} orders and {seen.events:,} "
            f"events: {told if count else 'all adds up'}."
        )
        if unreadable:
            say(_OTHER_KEY)
        if count > unreadable:
            say(_WRONG)
    if count:
        ctx.exit(1)
