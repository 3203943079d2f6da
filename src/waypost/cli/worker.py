"""`waypost worker`: hands requests to their sources and sends webhooks, beside a server or without one."""

from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from waypost.cli.options import database_option, secret_key_file, setting_option
from waypost.cli.output import say
from waypost.cli.serve import opened

if TYPE_CHECKING:
    from waypost.app.hub import Hub
    from waypost.settings import Network


@click.command()
@database_option
@setting_option("allow_targets")
@setting_option("delivery_concurrency")
@setting_option("log_level")
@click.option(
    "--log",
    type=click.Path(dir_okay=False),
    default="-",
    show_default="standard error",
    help="The file that the log is appended to; - for standard error.",
)
def worker(
    database: str, allow_targets: "tuple[Network, ...]", delivery_concurrency: int, log_level: str, log: str
) -> None:
    """Hand requests to their sources, and send webhooks, until told to end.

    Several may run on one PostgreSQL database. `waypost serve` does this work, too, unless it is started with
    --no-worker. SIGTERM and Ctrl-C end it: what is being sent may end, and nothing new is begun.
    """
    from waypost.main import Outward, WorkerSettings, run_worker

    async def ready(hub: "Hub") -> None:
        say("The worker hands requests to their sources and sends webhooks; Ctrl-C ends it.")

    with ExitStack() as stack:
        outward = Outward(allow_targets, delivery_concurrency)
        run_worker(WorkerSettings(database, opened(log, stack), log_level, outward, secret_key_file()), ready)
