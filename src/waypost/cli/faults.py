"""What went wrong, as one sentence for a person."""

import os
from typing import Any

import click

from waypost.cli.output import printable


class Refused(click.ClickException):
    """The command was understood and not carried out: exit code 1."""

    exit_code = 1

    def format_message(self) -> str:
        """The message; it may quote stored text, and what a hub has answered."""
        return printable(self.message)


def worded(error: Exception) -> str:
    """The sentence for `error`. A defect is named as one, and with WAYPOST_LOG_LEVEL=debug shown in full."""
    from waypost.domain.refusals import Refusal
    from waypost.storage.copying import CopyFailed
    from waypost.storage.location import CannotOpen

    if isinstance(error, Refusal | CannotOpen | CopyFailed):
        return error.message
    if type(error).__module__.startswith("waypost_client"):  # loaded by the commands that call a hub only
        return _no_reply(error) if hasattr(error, "sent") else getattr(error, "message", str(error))
    if os.environ.get("WAYPOST_LOG_LEVEL") == "debug":
        raise error
    kind = type(error).__name__
    return f"Waypost failed unexpectedly ({kind}: {error}). WAYPOST_LOG_LEVEL=debug shows where."


def _no_reply(error: Any) -> str:
    if error.sent:
        return f"No reply came, so a change may have been made or not: {error}."
    return f"No hub can be reached there: {error}."
