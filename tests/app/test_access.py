"""Who holds a token, and how soon a revoked or expired one is refused."""

import hashlib

import pytest

from tests.support.clock import ManualClock
from tests.support.merchant import Merchant
from waypost.app.access import Denied, TokenBook
from waypost.app.actor import Scope
from waypost.app.ports import Store


class Seconds:
    """A monotonic clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def issue(store: Store, merchant: Merchant, secret: str, **given: object) -> int:
    """A token as stored; its id."""
    row = {
        "account_id": merchant.account, "type": "account", "name": "ERP", "family": 5, "hint": secret[-4:],
        "digest": hashlib.sha256(secret.encode()).digest(), "created_at": 1, **given,
    }  # fmt: skip
    return await store.write(lambda tx: tx.insert_row("token", row))


@pytest.fixture
def seconds() -> Seconds:
    """Time as it passes."""
    return Seconds()


@pytest.fixture
def book(store: Store, clock: ManualClock, seconds: Seconds) -> TokenBook:
    """The book under test."""
    return TokenBook(store.reads, clock, seconds)


async def test_a_token_stands_for_its_holder(book: TokenBook, store: Store, merchant: Merchant) -> None:
    plain = await issue(store, merchant, "wp_a")
    await issue(store, merchant, "wp_s", type="source", source_id=merchant.sources[1])
    await issue(store, merchant, "wp_c", type="channel", channel_id=merchant.channels[0])
    holder = await book.holder("wp_a")
    assert (holder.token_id, holder.actor.type, holder.actor.name, holder.actor.family) == (plain, "account", "ERP", 5)
    assert holder.actor.scope == Scope(merchant.account)
    assert (await book.holder("wp_s")).actor.scope == Scope(merchant.account, source_id=merchant.sources[1])
    assert (await book.holder("wp_c")).actor.scope == Scope(merchant.account, channel_id=merchant.channels[0])


@pytest.mark.parametrize("secret", ["", "wp_", "wp_A", "wp_a ", "wp_\udcff", "x" * 10_000])
async def test_any_other_token_is_denied(secret: str, book: TokenBook, store: Store, merchant: Merchant) -> None:
    await issue(store, merchant, "wp_a")
    with pytest.raises(Denied) as caught:
        await book.holder(secret)
    assert caught.value.reason == "unknown"


async def test_a_revoked_token_is_refused_within_a_second(
    book: TokenBook, store: Store, merchant: Merchant, seconds: Seconds
) -> None:
    id_ = await issue(store, merchant, "wp_a")
    await book.holder("wp_a")
    await store.write(lambda tx: tx.revoke_token(id_, 5))
    seconds.now += 0.99
    with pytest.raises(Denied) as caught:
        await book.holder("wp_a")
    assert (caught.value.reason, caught.value.token_id) == ("revoked", id_)


async def test_an_expired_token_is_refused_at_once(
    book: TokenBook, store: Store, merchant: Merchant, clock: ManualClock
) -> None:
    id_ = await issue(store, merchant, "wp_a", expires_at=clock() + 1_000_000)
    await book.holder("wp_a")
    clock.advance(0.999)
    await book.holder("wp_a")
    clock.advance(0.001)
    with pytest.raises(Denied) as caught:
        await book.holder("wp_a")
    assert (caught.value.reason, caught.value.token_id) == ("expired", id_)


async def test_a_holder_is_remembered_between_two_calls(
    book: TokenBook, store: Store, merchant: Merchant, seconds: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    await issue(store, merchant, "wp_a")
    looks = 0
    token = store.reads.token

    async def counted(digest: bytes) -> object:
        nonlocal looks
        looks += 1
        return await token(digest)

    monkeypatch.setattr(store.reads, "token", counted)
    for _ in range(5):
        await book.holder("wp_a")
    assert looks == 1
    seconds.now += 1
    await book.holder("wp_a")
    assert looks == 2
