"""Who sees what (contract section 1.3): in SQL, so that outside a scope nothing exists, on the road or off it."""

import pytest

from tests.support.commands import command, fail
from tests.support.database import contents, rows
from tests.support.merchant import Merchant, Wanted, open_merchant
from waypost.app.actor import Actor, Scope
from waypost.app.changes import Changer
from waypost.app.commands import Edit
from waypost.app.lists import Pull
from waypost.app.ports import RequestQuery, Store
from waypost.app.ports.events import FeedQuery
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import NotAllowed, NotFound
from waypost.domain.statuses import BLOCKED, Status

HIDDEN = {
    Status.UNPROCESSED,
    Status.ADDITIONAL_INFO_REQUIRED,
    Status.NUMBER_EXCEEDS_MAX_LENGTH,
    Status.DUPLICATE_NUMBER,
    Status.CROSS_DOCKED,
}


async def strangers(merchant: Merchant, store: Store) -> dict[str, Actor]:
    """Actors who must not see a request of the merchant's first source and first channel."""
    foreign = await open_merchant(store, "Theirs")
    return {
        "another source": merchant.actor("source", source=1),
        "another channel": merchant.actor("channel", channel=1),
        "another account": foreign.actor(),
        "another account's source": foreign.actor("source"),
        "another account's channel": foreign.actor("channel"),
        # No token is like this one, but the account must hold by itself.
        "our source under their account": Actor("source", Scope(foreign.account, merchant.sources[0]), 1, "x", 7),
    }


@pytest.mark.parametrize("wants_image", [True, False])
async def test_outside_the_scope_nothing_is_found(
    wants_image: bool, merchant: Merchant, changes: Changer, store: Store, migrated_url: str
) -> None:
    id_ = await merchant.request()
    actors = await strangers(merchant, store)
    before = await contents(migrated_url)
    for who, actor in actors.items():
        for action in (Action.FAIL, Action.PROCESSED, Action.ACKNOWLEDGE):
            with pytest.raises(NotFound):
                await changes.change(command(action, id_, actor, wants_image=wants_image))
        assert await store.reads.request(actor.scope, id_) is None, who
        assert await store.reads.timeline(actor.scope, id_) is None, who
        assert await store.reads.requests(RequestQuery(actor.scope)) == [], who
        assert await store.reads.count_requests(RequestQuery(actor.scope)) == 0, who
        assert (await changes.pull(Pull(actor, None, None))).done == (), who
        assert (await changes.pull(Pull(actor, merchant.sources[0], None))).done == (), who
    assert await contents(migrated_url) == before


async def test_inside_the_scope_it_is_found(merchant: Merchant, changes: Changer, store: Store) -> None:
    for who in ("account", "source", "channel"):
        id_ = await merchant.request()
        actor = merchant.actor(who)
        assert (await changes.change(fail(id_, actor))).moved
        read = await store.reads.request(actor.scope, id_)
        assert read is not None
        assert read.state.status == Status.PROCESSING_ERROR


@pytest.mark.parametrize("wants_image", [True, False])
async def test_a_source_does_not_see_what_is_not_released(
    wants_image: bool, merchant: Merchant, changes: Changer, store: Store
) -> None:
    ids = dict(zip(Status, await merchant.requests(*Status), strict=True))
    actor = merchant.actor("source")
    for status, id_ in ids.items():
        expected = NotFound if status in HIDDEN else NotAllowed
        if status not in (Status.PROCESSING, Status.PROCESSED):
            with pytest.raises(expected):
                await changes.change(fail(id_, actor, wants_image=wants_image))
        seen = await store.reads.request(actor.scope, id_)
        assert (seen is None) == (status in HIDDEN)
        assert (await store.reads.timeline(actor.scope, id_) is None) == (status in HIDDEN)
    visible = [id_ for status, id_ in ids.items() if status not in HIDDEN]
    assert [one.state.id for one in await store.reads.requests(RequestQuery(actor.scope))] == visible
    for status in HIDDEN:
        assert await store.reads.requests(RequestQuery(actor.scope, statuses=(status,))) == []


@pytest.mark.parametrize("action", [Action.VOID, Action.CANCEL])
@pytest.mark.parametrize("first", sorted(HIDDEN))
async def test_what_ends_before_its_release_stays_hidden(
    action: Action, first: Status, merchant: Merchant, changes: Changer, store: Store
) -> None:
    never = await merchant.request(first)
    scope = merchant.actor("source").scope
    await changes.change(command(action, never, merchant.actor(), reason="S1 is unreliable"))
    assert await store.reads.request(scope, never) is None
    assert await store.reads.version(scope, never) is None
    assert await store.reads.timeline(scope, never) is None
    assert await store.reads.requests(RequestQuery(scope)) == []
    assert await store.reads.count_requests(RequestQuery(scope)) == 0
    assert (await store.reads.feed(FeedQuery(scope))).events == []
    with pytest.raises(NotFound):
        await changes.change(command(action, never, merchant.actor("source")))


async def test_a_source_sees_nothing_of_what_was_before_the_release(
    merchant: Merchant, changes: Changer, store: Store
) -> None:
    id_ = await merchant.request(Status.UNPROCESSED)
    scope = merchant.actor("source").scope
    edit = Edit({"note": "S1 is unreliable"}, {"assignee": "Mei"}, ())
    await changes.change(command(Action.EDIT, id_, merchant.actor(), outcome="content", details=edit, reason="internal"))
    await changes.change(command(Action.PROCESS, id_, merchant.actor()))
    await changes.change(command(Action.PROCESSED, id_, merchant.actor("source")))
    types = ["fulfillment_request.processing", "fulfillment_request.processed"]
    seen = await store.reads.timeline(scope, id_)
    assert seen is not None
    assert [event.type for event in seen] == types
    assert [event.type for event in (await store.reads.feed(FeedQuery(scope))).events] == types
    whole = await store.reads.timeline(merchant.actor().scope, id_)
    assert whole is not None
    assert [event.type for event in whole[:2]] == ["fulfillment_request.generated", "fulfillment_request.edited"]


async def test_a_channel_sees_its_orders_requests_in_every_status(merchant: Merchant, store: Store) -> None:
    ids = await merchant.requests(*Status)
    scope = merchant.actor("channel").scope
    assert [one.state.id for one in await store.reads.requests(RequestQuery(scope))] == ids


async def test_a_request_that_was_hidden_appears_when_it_is_released(
    merchant: Merchant, changes: Changer, store: Store
) -> None:
    id_ = await merchant.request(BLOCKED[0])
    scope = merchant.actor("source").scope
    assert await store.reads.request(scope, id_) is None
    await changes.change(command(Action.PROCESS, id_, merchant.actor()))
    assert await store.reads.request(scope, id_) is not None


async def test_orders_are_for_their_account_and_channel(merchant: Merchant, store: Store, migrated_url: str) -> None:
    await merchant.request(order="O1")
    ((order,),) = [tuple(row.values()) for row in await rows(migrated_url, "SELECT id FROM orders")]
    foreign = await open_merchant(store, "Theirs")
    for actor in (merchant.actor(), merchant.actor("channel")):
        view = await store.reads.order(actor.scope, order)
        assert view is not None
        assert view.order.order_number == "O1"
        assert [row[3] for row in view.requests] == [Status.PROCESSING]
    for actor in (merchant.actor("channel", channel=1), merchant.actor("source"), foreign.actor()):
        assert await store.reads.order(actor.scope, order) is None


async def test_a_pull_takes_only_what_its_source_may_have(merchant: Merchant, changes: Changer) -> None:
    mine, other, *_ = await merchant.requests(
        Wanted(), Wanted(source=1), Wanted(Status.UNPROCESSED), Wanted(Status.PROCESSED)
    )
    taken = await changes.pull(Pull(merchant.actor("source"), None, None))
    assert [one.image.state.id for one in taken.done if one.image] == [mine]
    taken = await changes.pull(Pull(merchant.actor(), merchant.sources[1], None))
    assert [one.image.state.id for one in taken.done if one.image] == [other]
