"""Tokens: made, listed, rotated, revoked (contract section 1, architecture section 6).

A token is `wp_` and 32 random bytes; only its SHA-256 is stored, so it is shown once. All tokens that came
from one by rotation are a family, named by the id of the first: idempotency keys survive a rotation. `now` is
microseconds since 1970 UTC; randomness comes in as a function from a number of bytes to bytes.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import NamedTuple

from waypost.app.names import checked_name
from waypost.app.ports import Reads, Store, TokenRow, Tx
from waypost.domain.refusals import TOKEN_TYPES, Invalid, NotFound, Problem

PREFIX = "wp_"
SECRET_BYTES = 32
OVERLAP_S = 24 * 60 * 60  # how long the old token of a rotation stays good, unless told otherwise

Randomness = Callable[[int], bytes]


class TokenDraft(NamedTuple):
    """A token as asked for; a source's is bound to `source_id`, a channel's to `channel_id`."""

    account_id: int
    type: str
    name: str
    source_id: int | None = None
    channel_id: int | None = None
    expires_at: int | None = None  # microseconds; None: never


class Issued(NamedTuple):
    """A fresh token: the row as stored, and the secret, which nobody can find out again."""

    row: TokenRow
    secret: str


def digest_of(secret: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def new_secret(randomness: Randomness) -> str:
    """`wp_` and 43 characters of the URL-safe alphabet."""
    return PREFIX + base64.urlsafe_b64encode(randomness(SECRET_BYTES)).decode().rstrip("=")


def state_of(row: TokenRow, now: int) -> str:
    """`active`, `expired` or `revoked`."""
    if row.revoked_at is not None:
        return "revoked"
    return "expired" if row.expires_at is not None and row.expires_at <= now else "active"


async def find(reads: Reads, digest: bytes) -> TokenRow | None:
    """The token with this digest, good or not."""
    row = await reads.token(digest)
    return row if row is not None and hmac.compare_digest(row.digest, digest) else None


async def create_token(store: Store, draft: TokenDraft, now: int, randomness: Randomness) -> Issued:
    """A new token, the first of its family; raises `Invalid` with every problem."""
    problems: list[Problem] = []
    name = checked_name("name", draft.name, problems)
    problems += await _binding_problems(store.reads, draft)
    if draft.expires_at is not None and draft.expires_at <= now:
        problems.append(Problem("expires_at", "in_the_past", "The token would be expired from the start."))
    if problems:
        raise Invalid(problems)
    secret = new_secret(randomness)
    row = TokenRow(
        0, draft.account_id, draft.type, draft.source_id, draft.channel_id, name, 0, digest_of(secret),
        secret[-4:], now, draft.expires_at, None,
    )  # fmt: skip

    async def work(tx: Tx) -> TokenRow:
        (token_id,) = await tx.new_ids("token", 1)
        return await _insert(tx, row._replace(id=token_id, family=token_id))

    return Issued(await store.write(work), secret)


async def _binding_problems(reads: Reads, draft: TokenDraft) -> list[Problem]:
    """Whether the type is known, and its source or channel is given, alone, and of the same account."""
    if await reads.account(draft.account_id) is None:
        return [Problem("account_id", "unknown_account", f"There is no account {draft.account_id}.")]
    if draft.type not in TOKEN_TYPES:
        return [Problem("type", "unknown_type", f"A token's type is one of {', '.join(TOKEN_TYPES)}.")]
    problems = []
    known: dict[str, Sequence[int]] = {
        "source": [row.id for row in await reads.sources(draft.account_id)],
        "channel": [row.id for row in await reads.channels(draft.account_id)],
    }
    for kind, bound in (("source", draft.source_id), ("channel", draft.channel_id)):
        field = f"{kind}_id"
        if draft.type == kind and bound is None:
            problems.append(Problem(field, "required", f"A {kind} token is bound to a {kind}: say which."))
        elif draft.type != kind and bound is not None:
            problems.append(Problem(field, "not_allowed", f"A token of type {draft.type} has no {kind}."))
        elif bound is not None and bound not in known[kind]:
            problems.append(Problem(field, f"unknown_{kind}", f"The account has no {kind} {bound}."))
    return problems


async def revoke_token(store: Store, token_id: int, now: int, whole_family: bool = False) -> list[TokenRow]:
    """Make a token useless from now on, in every process within a second; the tokens that were revoked.

    With `whole_family`, every token that it came from or became by rotation, too. Revoking again changes
    nothing and is no error. Raises `NotFound`.
    """

    async def work(tx: Tx) -> list[TokenRow]:
        row = await _existing(tx, token_id)
        rows = [row]
        if whole_family:
            rows = [one for one in await store.reads.tokens(row.account_id) if one.family == row.family]
        return [one for one in rows if await tx.revoke_token(one.id, now)]

    return [row._replace(revoked_at=now) for row in await store.write(work)]


async def rotate_token(
    store: Store, token_id: int, now: int, randomness: Randomness, overlap_s: int = OVERLAP_S
) -> Issued:
    """A new secret for the same holder, in the same family; the old token stays good for `overlap_s`.

    The new one lives as long as the old one was meant to. Raises `NotFound`, or `Invalid` for a token that is
    no longer good or was rotated before.
    """
    if overlap_s < 0:
        raise Invalid([Problem("overlap", "out_of_range", "The overlap must not be negative.")])
    secret = new_secret(randomness)

    async def work(tx: Tx) -> TokenRow:
        old = await _existing(tx, token_id)
        await tx.expire_token(old.id, now + overlap_s * 1_000_000)
        _refuse_rotation(old, await store.reads.tokens(old.account_id), now)
        (new_id,) = await tx.new_ids("token", 1)
        lives_us = None if old.expires_at is None else old.expires_at - old.created_at
        return await _insert(
            tx,
            old._replace(
                id=new_id,
                digest=digest_of(secret),
                hint=secret[-4:],
                created_at=now,
                expires_at=None if lives_us is None else now + lives_us,
            ),
        )

    return Issued(await store.write(work), secret)


def _refuse_rotation(old: TokenRow, tokens: Sequence[TokenRow], now: int) -> None:
    """Refuse a token that is not good, or not the newest of its family. Judged after its row is locked."""
    state = state_of(old, now)
    if state != "active":
        message = f"Token {old.id} is {state}: create a new one instead."
        raise Invalid([Problem("token_id", f"token_{state}", message)])
    newer = [row.id for row in tokens if row.family == old.family and row.id > old.id]
    if newer:
        message = f"Token {old.id} was rotated before: rotate its successor, token {max(newer)}."
        raise Invalid([Problem("token_id", "already_rotated", message)])


async def _existing(tx: Tx, token_id: int) -> TokenRow:
    row = await tx.token_by_id(token_id)
    if row is None:
        raise NotFound("token")
    return row


async def _insert(tx: Tx, row: TokenRow) -> TokenRow:
    await tx.insert_row("token", row._asdict())
    return row
