"""What a command prints: JSON for a program, a table or a sentence for a person.

Whatever is printed may hold text that somebody stored. Characters that end a line, steer a terminal or turn the
direction of the text are spelled out, so that stored text can look like nothing but itself.
"""

import json
import re
import select
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import click

_OUTSIDE_ASCII = re.compile(r"[^\x00-\x7e]")  # in JSON, what is below is escaped already
WIDE = 1000  # columns, where no terminal limits them: nothing is cut or wrapped


def print_json(value: Any) -> None:
    """`value` on one line; what no terminal should be sent is escaped as JSON has it."""
    click.echo(_OUTSIDE_ASCII.sub(_escaped, json.dumps(value, ensure_ascii=False)))


def _escaped(found: re.Match[str]) -> str:
    return found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1]


def say(sentence: str) -> None:
    """A sentence for a person who asked for a change."""
    click.echo(printable(sentence))


def say_aside(sentence: str) -> None:
    """A sentence beside the output proper, which a program may be reading."""
    click.echo(printable(sentence), err=True)


def nobody_reads() -> bool:
    """Whether standard output or standard error is a pipe whose reader has closed it."""
    poll = select.poll()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # a stream that is no file, or closed
            poll.register(stream.fileno(), 0)  # 0: reports only errors and hang-ups
    return bool(poll.poll(0))


def print_table(title: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table; `title` names what is listed, also when there is nothing."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    listed = list(rows)
    if not listed:
        say(f"No {title} found.")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in listed:
        table.add_row(*(Text(_cell(value)) for value in row))
    console = Console() if sys.stdout.isatty() else Console(width=WIDE)
    console.print(table)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return printable(str(value))


def printable(text: str) -> str:
    """`text` on one line, with what could end it or steer a terminal spelled out."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def moment(at: int | None) -> str | None:
    """A moment for a program: ISO 8601 with six digits."""
    from waypost.wire.scalars import format_datetime

    return None if at is None else format_datetime(at)


def moment_read(at: int | None) -> str | None:
    """A moment for a person: to the second, UTC."""
    written = moment(at)
    return None if written is None else f"{written[:10]} {written[11:19]}Z"
