"""What needs somebody, and the clock rules that raise it (issue 4; native)."""

from functools import partial
from typing import Any

import pytest

from tests.support.audit import audit
from tests.support.clock import ManualClock
from tests.support.database import rows
from tests.support.world import World
from waypost.app.changes import Changer
from waypost.app.ports.clock_rules import OverdueQuery
from waypost.delivery import clock_rules
from waypost.delivery.clock_rules import ClockWatch
from waypost.domain.clock_rules import WATCHED
from waypost.domain.statuses import Status
from waypost.storage.group_commit import GroupWriter

FR = "/fulfillment-requests"
HOUR_S = 3600


class Watch:
    """The watch over a world, under a clock that a test can turn."""

    def __init__(self, world: World) -> None:
        self.clock = ManualClock(world.hub.clock())
        self.writer = GroupWriter(world.hub.store)
        changes = Changer(self.writer, self.clock)
        self.watch = ClockWatch(world.hub.reads, self.writer, changes, self.clock, every_s=0.02)

    async def after(self, hours: float) -> int:
        """Look so much later."""
        self.clock.advance(hours * HOUR_S)
        return await self.watch.look()


async def rules(world: World, *given: dict[str, Any]) -> None:
    reply = await world.client().call("PUT", "/policies", json=list(given))
    assert reply.status == 200, reply.body


async def groups(world: World, query: str = "") -> dict[tuple[int, str], dict[str, Any]]:
    reply = await world.client().get(f"/attention{query}")
    assert reply.status == 200, reply.body
    found = {(group["sourceId"], group["code"]): group for group in reply.json()["groups"]}
    assert reply.json()["total"] == sum(group["total"] for group in found.values())
    return found


async def test_failures_and_blocked_requests_are_grouped_by_source_and_reason(world: World) -> None:
    ours = world.ours
    for status in (*[Status.PROCESSING_ERROR] * 3, Status.DUPLICATE_NUMBER, Status.PROCESSING, Status.CANCELED):
        await world.request(status)
    await world.request(Status.PROCESSING_ERROR, source=1)
    await world.request(Status.PROCESSING_ERROR, merchant=world.theirs)
    found = await groups(world, "?limit=2")
    assert {spot: group["total"] for spot, group in found.items()} == {
        (ours.sources[0], "other"): 3, (ours.sources[0], "duplicate_number"): 1, (ours.sources[1], "other"): 1
    }  # fmt: skip
    group = found[ours.sources[0], "other"]
    assert (group["sourceName"], group["title"], len(group["items"])) == ("ours source 1", "Other", 2)
    item = group["items"][0]
    shown = (await world.client().get(f"{FR}/{item['subject']['id']}")).json()
    assert item["message"] == shown["processingErrorReason"]
    assert item["since"] == shown["failure"]["failedAt"]
    request = item["fulfillmentRequest"]
    for name in ("id", "fulfillmentRequestNumber", "allowedActions", "version", "assignee"):
        assert request[name] == shown[name]
    assert set(await groups(world, f"?sourceId={ours.sources[1]}")) == {(ours.sources[1], "other")}
    assert set(await groups(world, "?codes=duplicate_number")) == {(ours.sources[0], "duplicate_number")}


async def test_what_is_cared_for_or_put_off_is_found_so(world: World) -> None:
    mine, nobodys, later = [await world.request(Status.PROCESSING_ERROR) for _ in range(3)]
    await world.client().patch(f"{FR}/{mine}", json={"assignee": "Mei"})
    await world.client().patch(f"{FR}/{later}", json={"snoozedUntil": "2999-01-01"})

    async def ids(query: str) -> list[int]:
        found = await groups(world, query)
        return sorted(item["subject"]["id"] for group in found.values() for item in group["items"])

    assert await ids("") == [mine, nobodys]
    assert await ids("?assignee=Mei") == [mine]
    assert await ids("?unassigned=true") == [nobodys]
    assert await ids("?snoozed=true") == [mine, nobodys, later]
    await world.client().patch(f"{FR}/{mine}/process")
    assert await ids("") == [nobodys]


async def test_each_condition_counts_from_its_status_on(world: World, migrated_url: str) -> None:
    watch = Watch(world)
    unsent, unacknowledged = await world.request(), await world.request(Status.PROCESSED)
    unshipped, failed = await world.request(Status.ACKNOWLEDGED), await world.request(Status.PROCESSING_ERROR)
    await rules(
        world, {"condition": "unsent", "afterMinutes": 60}, {"condition": "unacknowledged", "afterMinutes": 120},
        {"condition": "unshipped", "afterMinutes": 180}, {"condition": "unrepaired", "afterMinutes": 240},
    )  # fmt: skip
    assert await watch.after(0) == 0
    told = []
    for _ in range(4):
        told.append(await watch.after(1.01))
    assert told == [1, 1, 1, 1]
    assert await watch.after(10) == 0  # nobody is told twice
    found = await groups(world)
    subjects = {code: [item["subject"]["id"] for item in group["items"]] for (_, code), group in found.items()}
    assert subjects == {"unsent": [unsent], "unacknowledged": [unacknowledged], "unshipped": [unshipped],
                        "unrepaired": [failed], "other": [failed]}  # fmt: skip
    message = found[world.ours.sources[0], "unsent"]["items"][0]["message"]
    assert message == "It is released, and its source has not got it. This has lasted for more than 1 hours."
    # It moves on: what was told is true no longer, at once for who asks, and settled at the next look.
    await world.client().patch(f"{FR}/{unsent}/processed")
    assert "unsent" not in {code for _, code in await groups(world)}
    await watch.after(0.01)
    settled = await rows(migrated_url, "SELECT code FROM attention WHERE settled_at IS NOT NULL")
    assert [row["code"] for row in settled] == ["unsent"]


async def test_each_look_is_short_and_all_that_stands_is_looked_at(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_rules, "OverdueQuery", partial(OverdueQuery, look=2))
    watch = Watch(world)
    for status, condition in ((Status.PROCESSING, "unsent"), (Status.ACKNOWLEDGED, "unshipped")):
        ids = [await world.request(status) for _ in range(7)]
        later = ids[:5]
        for id_ in later:
            await world.client().patch(f"{FR}/{id_}", json={"snoozedUntil": "2999-01-01"})
        await rules(world, {"condition": condition, "afterMinutes": 60})
        assert await watch.after(2) == 2
        told = (await groups(world, "?snoozed=true"))[world.ours.sources[0], condition]
        assert sorted(item["subject"]["id"] for item in told["items"]) == ids[5:]
        assert await watch.after(2) == 0
    at = {"account_id": world.ours.account, "source_id": None, "but": (), "since": watch.clock(), "now": 2**62}
    for condition, status in WATCHED.items():
        for source in (None, *world.ours.sources):
            query = OverdueQuery(**at | {"source_id": source}, condition=condition, status=status, limit=100)
            whole = await world.hub.reads.overdue(query)
            assert whole.reached is None
            for short in (query._replace(look=2), query._replace(look=7, limit=1)):
                page, parts = await world.hub.reads.overdue(short), list[Any]()
                parts += page.found
                while page.reached is not None:
                    page = await world.hub.reads.overdue(short._replace(after=page.reached))
                    parts += page.found
                assert parts == whole.found


async def test_a_rule_acts_and_says_why(world: World, migrated_url: str) -> None:
    watch = Watch(world)
    failing, canceling = await world.request(), await world.request(Status.PROCESSED)
    await rules(world, {"condition": "unsent", "afterMinutes": 30, "action": "fail"},
                {"condition": "unacknowledged", "afterMinutes": 30, "action": "cancel"})  # fmt: skip
    assert await watch.after(1) == 2
    failed = (await world.client().get(f"{FR}/{failing}")).json()
    assert (failed["failure"]["code"], failed["failure"]["retryable"]) == ("source_timeout", True)
    assert failed["failure"]["failedBy"] == {"type": "system", "id": None, "name": "clock rules"}
    canceled = (await world.client().get(f"{FR}/{canceling}")).json()
    assert canceled["fulfillmentRequestStatus"]["name"] == "Canceled"
    assert "30 minutes" in canceled["cancelReason"]
    assert set(await groups(world)) == {(world.ours.sources[0], "source_timeout")}
    await audit(migrated_url)


async def test_a_rule_routes_again_or_tells_why_it_could_not(world: World) -> None:
    watch = Watch(world)
    id_ = await world.request(Status.PROCESSED)
    await rules(world, {"condition": "unacknowledged", "afterMinutes": 30, "action": "reroute"})
    await watch.after(1)
    request = (await world.client().get(f"{FR}/{id_}")).json()
    found = await groups(world)
    if request["fulfillmentRequestStatus"]["name"] == "Voided":
        assert found == {}
    else:
        message = found[world.ours.sources[0], "unacknowledged"]["items"][0]["message"]
        assert "The rule could not reroute it: " in message


async def test_a_rule_routes_nothing_again_that_its_source_may_have(world: World, migrated_url: str) -> None:
    """To order it elsewhere is to order it twice, perhaps: that takes a person's word."""
    watch = Watch(world)
    id_ = await world.request()
    await world.client().patch(f"{FR}/{id_}/processing-failed?error=Nobody+knows&code=outcome_unknown")
    await rules(world, {"condition": "unrepaired", "afterMinutes": 30, "action": "reroute"})
    await watch.after(1)
    request = (await world.client().get(f"{FR}/{id_}")).json()
    assert request["fulfillmentRequestStatus"]["name"] == "Processing Error"
    message = (await groups(world))[world.ours.sources[0], "unrepaired"]["items"][0]["message"]
    assert "The rule could not reroute it: The source may have it" in message
    await audit(migrated_url)


async def test_a_sources_own_rule_goes_before_the_general_one(world: World) -> None:
    watch = Watch(world)
    first, second = await world.request(), await world.request(source=1)
    general = {"condition": "unsent", "afterMinutes": 60}
    await rules(world, general, {**general, "sourceId": world.ours.sources[1], "enabled": False})
    assert await watch.after(2) == 1
    assert set(await groups(world)) == {(world.ours.sources[0], "unsent")}
    await rules(world, general, {**general, "sourceId": world.ours.sources[1], "afterMinutes": 180})
    assert await watch.after(0.5) == 0
    assert await watch.after(1) == 1
    assert {source for source, _ in await groups(world)} == {*world.ours.sources}
    assert first < second


async def test_what_is_held_or_snoozed_is_not_overdue(world: World) -> None:
    watch = Watch(world)
    held, snoozed = await world.request(Status.UNPROCESSED), await world.request()
    await world.client().patch(f"{FR}/{held}", json={"holdUntil": "2999-01-01"})
    await world.client().patch(f"{FR}/{held}/process")
    await world.client().patch(f"{FR}/{snoozed}", json={"snoozedUntil": "2999-01-01"})
    await rules(world, {"condition": "unsent", "afterMinutes": 60})
    assert await watch.after(100) == 0


async def test_rules_are_replaced_as_a_whole(world: World) -> None:
    first = {"condition": "unsent", "afterMinutes": 60, "action": "fail", "sourceId": world.ours.sources[0]}
    await rules(world, first, {"condition": "unshipped", "afterMinutes": 60})
    shown = (await world.client().get("/policies")).json()
    assert [(one["condition"], one["action"], one["sourceId"]) for one in shown] == [
        ("unsent", "fail", world.ours.sources[0]), ("unshipped", "alert", None)
    ]  # fmt: skip
    dry = await world.client().call("PUT", "/policies?dryRun=true", json=[])
    assert dry.json()["change"] == "move"
    key = {"Idempotency-Key": "p-1"}
    again = [await world.client().call("PUT", "/policies", json=[first], headers=key) for _ in range(2)]
    assert again[0].body == again[1].body
    assert again[1].headers["idempotent-replayed"] == "true"
    await rules(world)
    assert (await world.client().get("/policies")).json() == []


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ([{"condition": "late", "afterMinutes": 1}], ["/0/condition"]),
        ([{"condition": "unsent", "afterMinutes": 0}, {"condition": "unsent"}], ["/0/afterMinutes", "/1/afterMinutes"]),
        ([{"condition": "unshipped", "afterMinutes": 1, "action": "fail"}], ["/0/action"]),
        ([{"condition": "unsent", "afterMinutes": 1, "sourceId": 999999}], ["/0/sourceId"]),
        ([{"condition": "unsent", "afterMinutes": 1}] * 2, ["/1/condition"]),
        ({"condition": "unsent"}, [""]),
    ],
)
async def test_bad_rules_are_named_and_change_nothing(world: World, body: Any, pointers: list[str]) -> None:
    reply = await world.client().call("PUT", "/policies", json=body)
    assert reply.status == 400
    assert sorted(error["pointer"] for error in reply.json()["errors"]) == sorted(pointers)
    assert (await world.client().get("/policies")).json() == []
