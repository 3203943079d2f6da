"""Tokens: what is stored, whom they are bound to, and how they end."""

import hashlib
import itertools

import pytest

from waypost.app.accounts import SourceDraft, create_account, create_channel, create_source
from waypost.app.ports import AccountRow, ChannelRow, SourceRow, Store
from waypost.app.tokens import (
    TokenDraft,
    create_token,
    digest_of,
    find,
    new_secret,
    revoke_token,
    rotate_token,
    state_of,
)
from waypost.domain.refusals import Invalid, NotFound

NOW = 1_776_643_200_000_000
HOUR = 3600 * 1_000_000
DAY = 24 * HOUR


class CountedRandomness:
    """Bytes that are never the same twice."""

    def __init__(self) -> None:
        self._next = itertools.count()

    def __call__(self, count: int) -> bytes:
        return hashlib.sha256(str(next(self._next)).encode()).digest()[:count]


@pytest.fixture
def randomness() -> CountedRandomness:
    return CountedRandomness()


@pytest.fixture
async def account(store: Store) -> AccountRow:
    return await create_account(store, "Acme", NOW)


@pytest.fixture
async def source(store: Store, account: AccountRow) -> SourceRow:
    return await create_source(store, SourceDraft(account.id, "Warehouse"), NOW)


@pytest.fixture
async def channel(store: Store, account: AccountRow) -> ChannelRow:
    return await create_channel(store, account.id, "Shop", NOW)


def test_a_secret_is_wp_and_32_random_bytes() -> None:
    secret = new_secret(lambda count: b"\xff" * count)
    assert secret == "wp_" + "_" * 42 + "8"
    assert new_secret(lambda count: bytes(count)) == "wp_" + "A" * 43


async def test_only_the_hash_of_a_token_is_stored(
    store: Store, account: AccountRow, randomness: CountedRandomness
) -> None:
    issued = await create_token(store, TokenDraft(account.id, "account", "  admin "), NOW, randomness)
    row = await find(store.reads, digest_of(issued.secret))
    assert row == issued.row
    assert row.digest == hashlib.sha256(issued.secret.encode()).digest()
    assert (row.name, row.hint, row.family) == ("admin", issued.secret[-4:], row.id)
    assert issued.secret not in repr(row)
    assert await find(store.reads, digest_of("wp_other")) is None


async def test_a_token_is_bound_to_what_it_says(
    store: Store, account: AccountRow, source: SourceRow, channel: ChannelRow, randomness: CountedRandomness
) -> None:
    drafts = [
        TokenDraft(account.id, "account", "a"),
        TokenDraft(account.id, "source", "s", source_id=source.id, expires_at=NOW + DAY),
        TokenDraft(account.id, "channel", "c", channel_id=channel.id),
    ]
    for draft in drafts:
        await create_token(store, draft, NOW, randomness)
    rows = await store.reads.tokens(account.id)
    assert [(row.type, row.source_id, row.channel_id, row.expires_at) for row in rows] == [
        ("account", None, None, None),
        ("source", source.id, None, NOW + DAY),
        ("channel", None, channel.id, None),
    ]
    assert len({row.digest for row in rows}) == len({row.family for row in rows}) == 3


async def test_every_problem_of_a_draft_is_named_at_once(
    store: Store, account: AccountRow, source: SourceRow, randomness: CountedRandomness
) -> None:
    draft = TokenDraft(account.id, "channel", " ", source_id=source.id, channel_id=999, expires_at=NOW)
    with pytest.raises(Invalid) as caught:
        await create_token(store, draft, NOW, randomness)
    assert [(problem.field, problem.code) for problem in caught.value.problems] == [
        ("name", "required"),
        ("source_id", "not_allowed"),
        ("channel_id", "unknown_channel"),
        ("expires_at", "in_the_past"),
    ]
    assert await store.reads.tokens(None) == []


@pytest.mark.parametrize(("kind", "code"), [("source", "required"), ("channel", "required"), ("robot", "unknown_type")])
async def test_a_binding_must_be_given(
    store: Store, account: AccountRow, randomness: CountedRandomness, kind: str, code: str
) -> None:
    with pytest.raises(Invalid) as caught:
        await create_token(store, TokenDraft(account.id, kind, "x"), NOW, randomness)
    assert [problem.code for problem in caught.value.problems] == [code]


async def test_another_accounts_source_cannot_be_bound(
    store: Store, source: SourceRow, randomness: CountedRandomness
) -> None:
    other = await create_account(store, "Other", NOW)
    with pytest.raises(Invalid) as caught:
        await create_token(store, TokenDraft(other.id, "source", "x", source_id=source.id), NOW, randomness)
    assert [problem.code for problem in caught.value.problems] == ["unknown_source"]


async def test_an_unknown_account_has_no_tokens(store: Store, randomness: CountedRandomness) -> None:
    with pytest.raises(Invalid) as caught:
        await create_token(store, TokenDraft(7, "account", "x"), NOW, randomness)
    assert [problem.code for problem in caught.value.problems] == ["unknown_account"]


@pytest.mark.parametrize(
    ("name", "code"),
    [("x" * 201, "too_long"), ("\0", "bad_characters"), ("a\udc80b", "bad_characters"), ("\t\n", "required")],
)
async def test_a_name_is_text_of_1_to_200_characters(
    store: Store, account: AccountRow, randomness: CountedRandomness, name: str, code: str
) -> None:
    with pytest.raises(Invalid) as caught:
        await create_token(store, TokenDraft(account.id, "account", name), NOW, randomness)
    assert [(problem.field, problem.code) for problem in caught.value.problems] == [("name", code)]
    longest = await create_token(store, TokenDraft(account.id, "account", "\U0001f69a" * 200), NOW, randomness)
    assert len(longest.row.name) == 200


async def test_a_rotated_token_stays_good_for_the_overlap(
    store: Store, account: AccountRow, source: SourceRow, randomness: CountedRandomness
) -> None:
    draft = TokenDraft(account.id, "source", "edi", source_id=source.id, expires_at=NOW + 90 * DAY)
    old = await create_token(store, draft, NOW, randomness)
    later = NOW + 30 * DAY
    new = await rotate_token(store, old.row.id, later, randomness)
    rows = await store.reads.tokens(account.id)
    assert rows[0] == old.row._replace(expires_at=later + DAY)
    assert rows[1] == new.row
    assert (new.row.family, new.row.source_id, new.row.name) == (old.row.family, source.id, "edi")
    assert new.row.expires_at == later + 90 * DAY
    assert new.secret != old.secret
    assert [state_of(rows[0], later + DAY - 1), state_of(rows[0], later + DAY)] == ["active", "expired"]


async def test_rotation_can_end_the_old_token_at_once_and_keeps_forever_forever(
    store: Store, account: AccountRow, randomness: CountedRandomness
) -> None:
    old = await create_token(store, TokenDraft(account.id, "account", "x"), NOW, randomness)
    new = await rotate_token(store, old.row.id, NOW + 1, randomness, overlap_s=0)
    rows = await store.reads.tokens(account.id)
    assert [state_of(row, NOW + 1) for row in rows] == ["expired", "active"]
    assert new.row.expires_at is None


async def test_rotation_never_lengthens_the_old_tokens_life(
    store: Store, account: AccountRow, randomness: CountedRandomness
) -> None:
    draft = TokenDraft(account.id, "account", "x", expires_at=NOW + HOUR)
    old = await create_token(store, draft, NOW, randomness)
    await rotate_token(store, old.row.id, NOW, randomness)
    assert (await store.reads.tokens(account.id))[0].expires_at == NOW + HOUR


async def test_only_the_newest_good_token_of_a_family_is_rotated(
    store: Store, account: AccountRow, randomness: CountedRandomness
) -> None:
    first = await create_token(store, TokenDraft(account.id, "account", "x"), NOW, randomness)
    second = await rotate_token(store, first.row.id, NOW, randomness)
    with pytest.raises(Invalid, match=f"token {second.row.id}"):
        await rotate_token(store, first.row.id, NOW, randomness)
    third = await rotate_token(store, second.row.id, NOW, randomness)
    assert third.row.family == first.row.id
    await revoke_token(store, third.row.id, NOW)
    with pytest.raises(Invalid, match="revoked"):
        await rotate_token(store, third.row.id, NOW, randomness)
    with pytest.raises(Invalid, match="expired"):
        await rotate_token(store, second.row.id, NOW + 2 * DAY, randomness)
    rows = await store.reads.tokens(account.id)
    assert [row.expires_at for row in rows] == [NOW + DAY, NOW + DAY, None]


async def test_a_refused_rotation_leaves_the_old_token_as_it_was(
    store: Store, account: AccountRow, randomness: CountedRandomness
) -> None:
    old = await create_token(store, TokenDraft(account.id, "account", "x"), NOW, randomness)
    with pytest.raises(Invalid, match="negative"):
        await rotate_token(store, old.row.id, NOW, randomness, overlap_s=-1)
    await revoke_token(store, old.row.id, NOW)
    with pytest.raises(Invalid):
        await rotate_token(store, old.row.id, NOW, randomness)
    assert await store.reads.tokens(account.id) == [old.row._replace(revoked_at=NOW)]


async def test_a_revoked_token_stays_revoked_from_the_first_time(
    store: Store, account: AccountRow, randomness: CountedRandomness
) -> None:
    token = (await create_token(store, TokenDraft(account.id, "account", "x"), NOW, randomness)).row
    assert await revoke_token(store, token.id, NOW) == [token._replace(revoked_at=NOW)]
    assert await revoke_token(store, token.id, NOW + HOUR) == []
    (row,) = await store.reads.tokens(account.id)
    assert row.revoked_at == NOW
    assert state_of(row, NOW) == "revoked"


async def test_a_whole_family_is_revoked_and_nobody_else(
    store: Store, account: AccountRow, randomness: CountedRandomness
) -> None:
    first = await create_token(store, TokenDraft(account.id, "account", "x"), NOW, randomness)
    other = await create_token(store, TokenDraft(account.id, "account", "y"), NOW, randomness)
    await rotate_token(store, first.row.id, NOW, randomness)
    revoked = await revoke_token(store, first.row.id, NOW, whole_family=True)
    assert [row.family for row in revoked] == [first.row.id] * 2
    states = {row.id: state_of(row, NOW) for row in await store.reads.tokens(account.id)}
    assert [id_ for id_, state in states.items() if state == "active"] == [other.row.id]


async def test_an_unknown_token_is_not_found(store: Store, randomness: CountedRandomness) -> None:
    with pytest.raises(NotFound, match="no such token"):
        await revoke_token(store, 7, NOW)
    with pytest.raises(NotFound, match="no such token"):
        await rotate_token(store, 7, NOW, randomness)
