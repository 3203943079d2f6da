"""`waypost attention`: what needs somebody in a hub that runs."""

import shlex
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from waypost.cli.calling import calling, hub_options
from waypost.cli.options import json_option
from waypost.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from waypost_client.models import AttentionGroup

DEFAULT_LIMIT = 10


@click.command()
@click.option("--source", "source_id", type=click.IntRange(min=1), metavar="ID", help="At this source.")
@click.option("--code", "codes", multiple=True, metavar="CODE", help="For this reason; may be repeated.")
@click.option("--assignee", metavar="NAME", help="What this person cares for.")
@click.option("--unassigned", is_flag=True, help="What nobody cares for yet.")
@click.option("--snoozed", is_flag=True, help="With what is snoozed.")
@click.option("--limit", type=click.IntRange(0), default=DEFAULT_LIMIT, show_default=True,
              help="Items of each group, 100 at most, fewer with many groups; 0: none.")  # fmt: skip
@click.option("--after", metavar="CURSOR", help="What follows in one group: the cursor that ended its list.")
@hub_options
@json_option
def attention(
    source_id: int | None, codes: tuple[str, ...], assignee: str | None, unassigned: bool, snoozed: bool, limit: int,
    after: str | None, url: str, token: str, as_json: bool,
) -> None:  # fmt: skip
    """Show what needs somebody: by source and reason, the oldest first."""
    if unassigned and assignee is not None:
        raise click.UsageError("--unassigned and --assignee contradict each other: give only one of them.")
    with calling(url, token) as hub:
        found = hub.list_attention(
            source_id=source_id, codes=codes or None, assignee=assignee, unassigned=unassigned or None,
            snoozed=snoozed or None, limit=limit, after=after,
        )  # fmt: skip
    if as_json:
        print_json(found)
        return
    if not found["total"]:
        is_filtered = source_id is not None or codes or assignee is not None or unassigned
        if after is not None:
            say("Nothing comes after this in its group.")
        elif is_filtered:
            say("Nothing that these filters ask for needs anybody.")
        else:
            say("Nothing needs anybody.")
    for group in found["groups"]:
        _show(group, limit)
    if found["moreGroups"]:
        shown, total = len(found["groups"]), found["total"]
        say(f"These are {shown:,} groups, and there are more: {total:,} items in all. Narrow with --source or --code.")


def _command(cursor: str) -> str:
    """The command that shows what comes after the cursor, with the options of this one; without the token."""
    context = click.get_current_context()
    words = ["waypost", "attention"]
    for option in context.command.params:
        name, value = str(option.name), context.params.get(str(option.name))
        if name in ("after", "token") or context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        if name == "limit" and not value:  # a summary: the items are wanted now
            continue
        if isinstance(option, click.Option) and option.is_flag:
            words.append(option.opts[0])
            continue
        for one in value if isinstance(value, tuple) else (value,):
            words += [option.opts[0], str(one)]
    return shlex.join([*words, "--after", cursor])


def _show(group: "AttentionGroup", limit: int) -> None:
    where = f" at {group['sourceName']}" if group["sourceName"] else ""
    say(f"{group['title']} ({group['code']}){where}: {group['total']}, the oldest for {age(group['oldestAgeSeconds'])}")
    say(f"  {group['hint']}")
    if group["items"]:
        _show_items(group)
    if group["next"]:
        say(f"  {'There are more' if limit else 'To see them'}: {_command(group['next'])}")
    say("")


def _show_items(group: "AttentionGroup") -> None:
    rows: list[tuple[object, ...]] = []
    for item in group["items"]:
        request = item["fulfillmentRequest"]
        name, who, may = (
            (request["fulfillmentRequestNumber"], request["assignee"], ", ".join(request["allowedActions"]))
            if request
            else (item["subject"]["type"], None, "")
        )
        rows.append((item["subject"]["id"], name, age(item["ageSeconds"]), who, item["message"], may))
    print_table("items", ("Id", "Number", "Age", "Whose", "Why", "Allowed now"), rows)


def age(seconds: int) -> str:
    """A length of time for a person: `3 d 4 h`, `12 min`."""
    minutes = seconds // 60
    if minutes >= 1440:
        return f"{minutes // 1440} d {minutes % 1440 // 60} h"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
