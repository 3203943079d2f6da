"""`waypost serve`: the HTTP API, until it is told to end."""

import secrets
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from waypost.cli.faults import Refused
from waypost.cli.options import database_option, secret_key_file, setting_option
from waypost.cli.output import say
from waypost.private_files import open_private

if TYPE_CHECKING:
    from waypost.app.hub import Hub
    from waypost.settings import Network

DEMO_ORDERS = 200
DEMO_SEED = 1
DEMO_TOKEN_NAME = "make serve"


@click.command()
@database_option
@setting_option("host")
@setting_option("port")
@setting_option("rate_limit")
@setting_option("burst")
@setting_option("client_timeout")
@setting_option("idle_timeout")
@setting_option("max_connections")
@setting_option("max_connections_per_address")
@setting_option("max_calls_per_token")
@setting_option("max_held_mib")
@setting_option("trusted_proxy")
@setting_option("allow_targets")
@setting_option("delivery_concurrency")
@click.option("--worker/--no-worker", default=True, help="Hand requests to their sources, too; on by default.")
@setting_option("log_level")
@click.option(
    "--log",
    type=click.Path(dir_okay=False),
    default="-",
    show_default="standard error",
    help="The file that the log is appended to; - for standard error.",
)
@click.option(
    "--demo", is_flag=True, help="Fill an empty database with the demo merchant; print tokens and a call to try."
)
def serve(
    database: str, host: str, port: int, rate_limit: float | None, burst: int,
    client_timeout: float, idle_timeout: float, max_connections: int, max_connections_per_address: int,
    max_calls_per_token: int, max_held_mib: int,
    trusted_proxy: "tuple[Network, ...]", allow_targets: "tuple[Network, ...]", delivery_concurrency: int,
    worker: bool, log_level: str, log: str, demo: bool,
) -> None:  # fmt: skip
    """Serve the HTTP API.

    One JSON line per request goes to the log. SIGTERM and Ctrl-C end it: what runs is finished, new calls are
    refused, and it is gone within ten seconds.
    """
    from waypost.http.rates import Rate
    from waypost.main import CannotListen, Outward, ServerSettings, run_server
    from waypost.server.limits import Limits

    async def ready(url: str, hub: "Hub") -> None:
        say(f"Waypost listens on {url} - reference and try-out: {url}/docs/")
        if demo:
            await _introduce(url, hub, log)
        sys.stdout.flush()

    rate = None if rate_limit is None else Rate(burst, rate_limit)
    with ExitStack() as stack:
        outward = Outward(allow_targets, delivery_concurrency)
        limits = Limits(
            client_timeout, idle_timeout, max_connections, max_connections_per_address,
            held_bytes=max_held_mib * 2**20,
        )  # fmt: skip
        settings = ServerSettings(
            database, host, port, rate, trusted_proxy, opened(log, stack), log_level, outward, worker,
            secret_key_file(), limits, max_calls_per_token,
        )  # fmt: skip
        try:
            run_server(settings, ready)
        except CannotListen as error:
            raise Refused(str(error)) from error


def opened(log: str, stack: ExitStack) -> TextIO:
    """The log, which nobody but its owner may read."""
    if log == "-":
        return sys.stderr
    try:
        return stack.enter_context(open_private(Path(log), "a"))
    except OSError as error:
        raise Refused(f"The log {log} cannot be written: {(error.strerror or str(error)).lower()}.") from error


async def _introduce(url: str, hub: "Hub", log: str) -> None:
    """Fill an empty database; then tokens, and one line that fails a real request when it is pasted."""
    from waypost.app.actor import Scope
    from waypost.app.ports import RequestQuery
    from waypost.demo import fill
    from waypost.domain.statuses import Status

    if not await hub.reads.accounts():
        made = await fill(hub.store, DEMO_ORDERS, DEMO_SEED, hub.clock(), secrets.token_bytes)
        say(f"The database was empty: it now holds the demo merchant with {made.orders} orders.")
        tokens = [("account", made.account_token), ("source", made.source_tokens[0].token),
                  ("channel", made.channel_tokens[0].token)]  # fmt: skip
    else:
        tokens = await _fresh_tokens(hub)
    for kind, token in tokens:
        say(f"{kind:>8} token: {token}")
    account = (await hub.reads.accounts())[0].id
    query = RequestQuery(Scope(account), statuses=(Status.PROCESSING,), limit=1)
    standing = await hub.reads.requests(query)
    if log != "-":
        say(f"Requests are logged in {log}; Ctrl-C ends the server.")
    if not standing:
        say("No fulfillment request stands in Processing now: release one with PATCH …/{id}/process.")
        return
    say("Fail a fulfillment request, by pasting this:")
    target = f"{url}/fulfillment-requests/{standing[0].state.id}/processing-failed?error=Out%20of%20stock"
    # A command to be pasted: URL, id and token.
    click.echo(f"curl -i -X PATCH -H 'X-API-TOKEN: {tokens[0][1]}' '{target}'")  # noqa: TID251


async def _fresh_tokens(hub: "Hub") -> list[tuple[str, str]]:
    """New tokens of the first merchant, in place of those of an earlier start: old ones cannot be shown again."""
    from waypost.app.tokens import TokenDraft, create_token, revoke_token

    account = (await hub.reads.accounts())[0].id
    for row in await hub.reads.tokens(account):
        if row.name == DEMO_TOKEN_NAME and row.revoked_at is None:
            await revoke_token(hub.store, row.id, hub.clock())
    sources, channels = await hub.reads.sources(account), await hub.reads.channels(account)
    drafts = [TokenDraft(account, "account", DEMO_TOKEN_NAME)]
    drafts += [TokenDraft(account, "source", DEMO_TOKEN_NAME, source_id=row.id) for row in sources[:1]]
    drafts += [TokenDraft(account, "channel", DEMO_TOKEN_NAME, channel_id=row.id) for row in channels[:1]]
    made = [await create_token(hub.store, draft, hub.clock(), secrets.token_bytes) for draft in drafts]
    return [(issued.row.type, issued.secret) for issued in made]
