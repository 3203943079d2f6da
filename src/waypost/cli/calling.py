"""Commands that call a hub over HTTP, with a token, as any client does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from waypost.cli.options import setting_option
from waypost.settings import setting

if TYPE_CHECKING:
    from waypost_client import Client

F = TypeVar("F", bound=Callable[..., Any])

NO_TOKEN = setting("token").default


def hub_options(command: F) -> F:
    """`--url` and `--token`: which hub, and as whom."""
    return setting_option("url")(setting_option("token")(command))


@contextmanager
def calling(url: str, token: str) -> "Iterator[Client]":
    """A client of that hub; without a token, wrong usage."""
    from waypost_client import Client

    if token == NO_TOKEN:
        raise click.UsageError("Say whose token to call with: --token, WAYPOST_TOKEN or WAYPOST_TOKEN_FILE.")
    with Client(url, token) as client:
        yield client
