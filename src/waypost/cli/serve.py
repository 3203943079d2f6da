"""`waypost serve`: the HTTP API, until it is told to end."""

from typing import TYPE_CHECKING

import click

from waypost.cli.faults import Refused
from waypost.cli.options import database_option, setting_option
from waypost.cli.output import say

if TYPE_CHECKING:
    from waypost.app.hub import Hub
    from waypost.settings import Network


@click.command()
@database_option
@setting_option("host")
@setting_option("port")
@setting_option("rate_limit")
@setting_option("burst")
@setting_option("trusted_proxy")
@setting_option("log_level")
def serve(
    database: str, host: str, port: int, rate_limit: float | None, burst: int,
    trusted_proxy: "tuple[Network, ...]", log_level: str,
) -> None:  # fmt: skip
    """Serve the HTTP API.

    One JSON line per request goes to standard error. SIGTERM and Ctrl-C end it: what runs is finished, new calls
    are refused, and it is gone within ten seconds.
    """
    from waypost.http.rates import Rate
    from waypost.main import CannotListen, ServerSettings, run_server

    async def ready(url: str, hub: "Hub") -> None:
        say(f"Waypost listens on {url} (reference: {url}/docs).")

    rate = None if rate_limit is None else Rate(burst, rate_limit)
    settings = ServerSettings(database, host, port, rate, trusted_proxy, log_level=log_level)
    try:
        run_server(settings, ready)
    except CannotListen as error:
        raise Refused(str(error)) from error
