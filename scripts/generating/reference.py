"""Reference pages: error codes, failure codes, events, settings, commands, contract coverage."""

from collections.abc import Sequence
from typing import Any

import click

from waypost.cli import waypost
from waypost.domain.catalogue import CATALOGUE, Kind
from waypost.domain.events import ORDER_EVENTS
from waypost.domain.failures import REGISTRY
from waypost.domain.lifecycle import TABLE
from waypost.domain.statuses import STATUSES
from waypost.importing.columns import INVENTORY, ORDERS
from waypost.settings import CALLER_SETTINGS, SETTINGS, Setting
from waypost.wire.codes import FIELDS, PROBLEMS
from waypost.wire.orders import ORDER_STATUS_NAMES

HEAD = "<!-- Made by `make generate`. Do not edit. -->\n"
METHODS = ("get", "put", "post", "delete", "patch")


def _table(title: str, intro: str, headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    return "\n".join([HEAD, f"# {title}\n", f"{intro}\n", _rows(headings, rows)])


def _rows(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(headings)} |", "|" + " --- |" * len(headings)]
    lines += [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def errors() -> str:
    """Every `code` of an error reply."""
    problems = [(f"`{one.code}`", str(one.status), one.cause, one.remedy) for one in PROBLEMS]
    also = [(f"`{one.code}`", one.cause, one.remedy) for one in PROBLEMS if one.in_errors]
    fields = [(f"`{one.code}`", one.cause, one.remedy) for one in FIELDS]
    intro = "Every error reply is `application/problem+json` with one of these in `code`. Its `type` is `/docs/errors#` and the code."
    headings = ("cause", "remedy")
    table = _table("Error codes", intro, ("code", "status", *headings), problems)
    beside = "Bad input (`invalid_input`) lists every fault in `errors[]`, each with one of these in its `code`."
    return table + "\n## Field codes\n\n" + beside + "\n\n" + _rows(("code", *headings), fields + also)


def failure_codes() -> str:
    """The failure registry."""
    rows = [(f"`{c.code}`", c.title, "yes" if c.retryable else "no", c.hint) for c in REGISTRY]
    intro = "Why a hand-over fails. A source may use codes of its own: `x_` and up to 60 of `a-z0-9_`."
    return _table("Failure codes", intro, ("code", "meaning", "can a retry help", "what to do"), rows)


def events() -> str:
    """The event types."""
    rows = []
    for event, kind in CATALOGUE.items():
        leads = {STATUSES[row.to].name for row in TABLE if row.event == event and row.to}
        leads |= {ORDER_STATUS_NAMES[status] for status, type_ in ORDER_EVENTS.items() if type_ == event}
        shown = (", ".join(sorted(leads)) or "unchanged", _shown(kind, kind.source), _shown(kind, kind.channel))
        rows.append((f"`{event}`", kind.says, *shown))
    intro = (
        "One event per change, written in its transaction: the timeline of a request or an order, the change feed, what webhooks"
        " send, and the audit trail of the account.\n\nAn account token sees all of them, whole. A source or channel token sees"
        " those about what is its own (a source: from the release of the request on), and of each what the last two columns"
        " name: \u201cyes\u201d, the members of `data`, `code` and `reason`. Of the actor it sees the type only. It sees `requestId`"
        " only where a token of its own type made the call. The same holds for a webhook that is bound to a source or a channel."
    )
    return _table("Events", intro, ("type", "what it says", "status afterwards", "source sees", "channel sees"), rows)


def _shown(kind: Kind, members: tuple[str, ...] | None) -> str:
    """What a source or a channel sees of an event."""
    if members is None:
        return "no"
    why = ("`code`", "`reason`") if kind.why else ()
    return ", ".join(("yes", *why, *(f"`data.{name}`" for name in members)))


def settings() -> str:
    """The settings."""

    def rows(listed: tuple[Setting, ...]) -> list[tuple[str, ...]]:
        return [
            (f"`{s.option}`", f"`{s.variable}`" + (f", `{s.file_variable}`" if s.file_variable else ""), f"`{s.default}`",
             s.unit or "", s.help)
            for s in listed
        ]  # fmt: skip

    headings = ("option", "variable", "default", "unit", "meaning")
    intro = "Each is an option of `waypost serve` and an environment variable; the option wins."
    calling = "The commands that call a hub over HTTP (`waypost fr` and its like) take these."
    table = _table("", "", headings, rows(CALLER_SETTINGS)).partition("\n|")[2]
    return _table("Settings", intro, headings, rows(SETTINGS)) + f"\n## Calling a hub\n\n{calling}\n\n|{table}"


def commands() -> str:
    """The commands, from their own help."""
    rows: list[tuple[str, ...]] = []
    context = click.Context(waypost, info_name="waypost")
    for name in waypost.list_commands(context):
        command = waypost.get_command(context, name)
        if isinstance(command, click.Group):
            rows += [(f"`waypost {name} {sub}`", one.get_short_help_str(200)) for sub, one in command.commands.items()]
        elif command is not None:
            rows.append((f"`waypost {name}`", command.get_short_help_str(200)))
    return _table("Commands", "`waypost COMMAND --help` tells the options.", ("command", "what it does"), rows)


_KINDS = {"text": "text", "whole": "whole number", "amount": "amount", "flag": "true or false", "list": "list"}


def import_columns() -> str:
    """The columns of files that are imported and exported."""
    parts = [HEAD, "# Columns of files\n", "See [importing and exporting](../importing.md). Names may be in any case and any order.\n"]
    for title, table in (("Orders", ORDERS), ("Inventory", INVENTORY)):
        parts += [f"## {title}\n", "| column | value | meaning |", "| --- | --- | --- |"]
        for column in table.columns:
            says = " ".join(filter(None, ("Required.", column.says) if column.required else (column.says,)))
            parts.append(f"| `{column.name}` | {_KINDS[column.kind]} | {says} |")
        parts += [f"| `{beginning}NAME` | text | The custom field NAME{' of the item' if len(path) > 1 else ''}. |"
                  for beginning, path in table.fields]  # fmt: skip
        parts.append("")
    return "\n".join(parts)


def coverage(document: dict[str, Any], not_yet: set[str]) -> str:
    """Which operations of the contract are served, and their aliases."""
    declared = [(f"{method.upper()} {path}", op) for path, item in document["paths"].items()
                for method, op in item.items() if method in METHODS]  # fmt: skip
    rows = [(f"`{call}`", f"`{op['operationId']}`", "not yet" if op["operationId"] in not_yet else "served")
            for call, op in declared]  # fmt: skip
    done = sum(row[2] == "served" for row in rows)
    intro = f"{done} of {len(rows)} operations are served; the others are declared in `contract/openapi.yaml` and not served yet."
    rows += [(f"`{call}`", f"`{name}`", f"alias of `{op['operationId']}`")
             for _, op in declared for name, call in op.get("x-aliases", {}).items()]  # fmt: skip
    rows.sort(key=lambda row: (row[2] == "not yet", row[0]))
    return _table("Contract coverage", intro, ("operation", "id", "state"), rows)
