"""`waypost events`: what happens in a hub that runs, from its change feed."""

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from waypost.cli.calling import calling, hub_options
from waypost.cli.options import json_option
from waypost.cli.output import print_json, say

if TYPE_CHECKING:
    from waypost_client import Client
    from waypost_client.models import FeedPage

PAGE = 500


@click.command()
@click.option("--follow", "-f", is_flag=True, help="Go on with what happens from now on, until interrupted.")
@click.option("--after", metavar="CURSOR", help="Begin after this cursor; else with everything that is kept.")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Only this type, or `order.*`; may be repeated.")
@click.option("--limit", type=click.IntRange(min=1), metavar="COUNT", help="At most so many events.")
@hub_options
@json_option
def events(
    follow: bool, after: str | None, types: tuple[str, ...], limit: int | None, url: str, token: str, as_json: bool
) -> None:
    """Print events, oldest first: with --json one object a line, each with the cursor that comes after its page."""
    with calling(url, token) as hub:
        size = min(limit or PAGE, PAGE)
        pages = hub.follow(after or "latest", types or None, limit=size) if follow else _kept(hub, after, types, size)
        told = ((event, page["next"]) for page in pages for event in page["events"])
        for event, cursor in itertools.islice(told, limit):
            if as_json:
                print_json({**event, "cursor": cursor})
                continue
            actor = f"{event['actor']['type']} {event['actor']['name'] or ''}".strip()
            change = f" -> {event['to']}" if event["to"] else ""
            reason = f": {event['reason']}" if event["reason"] else ""
            line = f"{event['at'][:19]}Z  {event['type']} {event['subject']['id']}{change} by {actor}{reason}"
            say(line)


def _kept(hub: "Client", after: str | None, types: tuple[str, ...], size: int) -> "Iterator[FeedPage]":
    """The pages that there are now."""
    while True:
        page = hub.list_events(after=after, types=types or None, limit=size)
        yield page
        if page["next"] == after or not page["events"]:
            return
        after = page["next"]
