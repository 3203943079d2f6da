"""`waypost token`: who may call the API, and how far they see."""

import secrets
from typing import TYPE_CHECKING, Any

import click

from waypost.cli.database import on_store
from waypost.cli.options import Duration, Expiry, account_option, database_option, json_option
from waypost.cli.output import moment, moment_read, print_json, print_table, say, say_aside

if TYPE_CHECKING:
    from waypost.app.ports import Store, TokenRow
    from waypost.app.tokens import Issued


@click.group()
def token() -> None:
    """Create, list, rotate and revoke API tokens.

    An account token sees everything of its account, a source token what was released to its source, a
    channel token what comes from its channel. A token is shown once, when it is made: only its hash is kept.
    """


@token.command()
@click.option(
    "--type",
    "kind",
    type=click.Choice(("account", "source", "channel")),
    help="What the token is bound to; by default what --source or --channel say, else the account.",
)
@click.option("--source", metavar="ID|NAME", help="The source that a source token is bound to.")
@click.option("--channel", metavar="ID|NAME", help="The channel that a channel token is bound to.")
@click.option("--name", required=True, help="Who or what uses it; stands in the timeline as the author.")
@click.option("--expires", type=Expiry(), metavar="90d|DATE", help="When it ends; without this, never.")
@account_option
@database_option
@json_option
def create(
    kind: str | None, source: str | None, channel: str | None, name: str, expires: int | None,
    account: str | None, database: str, as_json: bool,
) -> None:  # fmt: skip
    """Create a token. The token alone goes to standard output."""
    from waypost.app.accounts import choose_account, choose_channel, choose_source
    from waypost.app.tokens import TokenDraft, create_token

    wanted = kind or ("source" if source else "channel" if channel else "account")

    async def work(store: "Store") -> "Issued":
        owner = (await choose_account(store, account)).id
        source_id = (await choose_source(store, owner, source)).id if source else None
        channel_id = (await choose_channel(store, owner, channel)).id if channel else None
        draft = TokenDraft(owner, wanted, name, source_id, channel_id, expires)
        return await create_token(store, draft, store.now(), secrets.token_bytes)

    _print_issued(on_store(database, work), as_json, "created")


@token.command("list")
@account_option
@database_option
@json_option
def list_(account: str | None, database: str, as_json: bool) -> None:
    """List the tokens of an account, good or not. The tokens themselves are not known any more."""
    from waypost.app.accounts import choose_account
    from waypost.app.tokens import state_of

    async def work(store: "Store") -> "tuple[list[TokenRow], int]":
        return await store.reads.tokens((await choose_account(store, account)).id), store.now()

    rows, at = on_store(database, work)
    if as_json:
        print_json([as_object(row, at) for row in rows])
        return
    print_table(
        "tokens",
        ("Id", "Type", "Bound to", "Name", "Hint", "State", "Expires", "Family", "Created"),
        [
            (row.id, row.type, row.source_id or row.channel_id, row.name, f"…{row.hint}", state_of(row, at),
             moment_read(row.expires_at), row.family, moment_read(row.created_at))
            for row in rows
        ],
    )  # fmt: skip


@token.command()
@click.argument("token_id", type=click.IntRange(min=1))
@click.option("--family", is_flag=True, help="Also all tokens that it came from or became by rotation.")
@database_option
@json_option
def revoke(token_id: int, family: bool, database: str, as_json: bool) -> None:
    """Revoke the token with this id: every server refuses it within one second."""
    from waypost.app.tokens import revoke_token

    async def work(store: "Store") -> "tuple[list[TokenRow], int]":
        at = store.now()
        return await revoke_token(store, token_id, at, family), at

    rows, at = on_store(database, work)
    if as_json:
        print_json([as_object(row, at) for row in rows])
    elif rows:
        for row in rows:
            say(f"Token {row.id} is revoked: {row.name}.")
    else:
        say(f"Token {token_id} was revoked before.")


@token.command()
@click.argument("token_id", type=click.IntRange(min=1))
@click.option(
    "--overlap",
    type=Duration(),
    default="24h",
    show_default=True,
    metavar="DURATION",
    help="How long the old token stays good; 0s ends it at once.",
)
@database_option
@json_option
def rotate(token_id: int, overlap: int, database: str, as_json: bool) -> None:
    """Make a new token for the holder of this one, which ends after an overlap.

    Both are of one family: a call that is repeated with the new token is known by its Idempotency-Key.
    """
    from waypost.app.tokens import rotate_token

    issued = on_store(database, lambda store: rotate_token(store, token_id, store.now(), secrets.token_bytes, overlap))
    _print_issued(issued, as_json, f"made from token {token_id}")


def _print_issued(issued: "Issued", as_json: bool, how: str) -> None:
    row = issued.row
    if as_json:
        print_json({**as_object(row, row.created_at), "token": issued.secret})
        return
    bound = row.source_id or row.channel_id
    binding = f" for {row.type} {bound}" if bound else ""
    ends = f", good until {moment_read(row.expires_at)}" if row.expires_at else ""
    say_aside(f"Token {row.id} ({row.name}) {how}{binding}{ends}. It is shown only now:")
    click.echo(issued.secret)  # noqa: TID251 - a token, of the URL-safe alphabet


def as_object(row: "TokenRow", at: int) -> dict[str, Any]:
    """A token for a program, without its secret; its state as of `at`."""
    from waypost.app.tokens import state_of

    return {
        "id": row.id,
        "accountId": row.account_id,
        "type": row.type,
        "sourceId": row.source_id,
        "channelId": row.channel_id,
        "name": row.name,
        "family": row.family,
        "hint": row.hint,
        "state": state_of(row, at),
        "createdAt": moment(row.created_at),
        "expiresAt": moment(row.expires_at),
        "revokedAt": moment(row.revoked_at),
    }
