"""What needs somebody, and the clock rules that raise it (issue 4; native)."""

import asyncio
import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.audit import audit
from tests.support.clock import ManualClock
from tests.support.database import rows
from tests.support.world import World
from waypost.app.changes import Changer
from waypost.app.clock_rules import Enforcement, enforce, tell_in_vain
from waypost.app.clock_rules import words as clock_rule_words
from waypost.app.ports.attention import Attention as Raised
from waypost.app.ports.attention import Place
from waypost.app.ports.clock_rules import Overdue, OverdueQuery
from waypost.delivery import clock_rules
from waypost.delivery.clock_rules import ClockWatch
from waypost.domain.attention import LATE
from waypost.domain.clock_rules import WATCHED, ClockRule
from waypost.domain.statuses import Status
from waypost.storage.group_commit import GroupWriter
from waypost.wire.attention import write_place
from waypost.wire.scalars import parse_datetime

FR = "/fulfillment-requests"
HOUR_S = 3600
HOUR_US = HOUR_S * 1_000_000
ONE = Place(1, "other", 1, 1)


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
    assert message == "It is released, and its source has not got it. This has lasted for more than 1 hour."
    # It moves on: what was told is true no longer, and settled with the move.
    await world.client().patch(f"{FR}/{unsent}/processed")
    assert "unsent" not in {code for _, code in await groups(world)}
    settled = await rows(migrated_url, "SELECT code FROM attention WHERE settled_at IS NOT NULL")
    assert [row["code"] for row in settled] == ["unsent"]


async def test_all_that_is_overdue_is_found_little_by_little_and_each_source_has_its_turn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_rules, "AT_ONCE", 2)
    watch = Watch(world)
    first, second = world.ours.sources
    ids = [await world.request() for _ in range(6)] + [await world.request(source=1)]
    await rules(world, {"condition": "unsent", "afterMinutes": 60})
    counts, seen = [await watch.after(2)], []
    for _ in range(4):
        seen.append({source: group["total"] for (source, _), group in (await groups(world)).items()})
        counts.append(await watch.after(0))
    assert counts == [2, 2, 2, 1, 0]
    assert seen[0] == {first: 2}
    assert seen[1] == {first: 3, second: 1}
    told = [item["subject"]["id"] for group in (await groups(world)).values() for item in group["items"]]
    assert sorted(told) == ids


async def test_what_is_overdue_is_found_as_plain_python_finds_it(world: World) -> None:
    """Each status, held and snoozed until then and then; told of or not; and what is shipped."""
    watch, client = Watch(world), world.client()
    made: dict[int, tuple[Status, int, int, int]] = {}  # status, source, held and snoozed until
    for status, condition in ((status, condition) for condition, status in WATCHED.items()):
        for place in range(9):
            begins = status if status != Status.PROCESSING else Status.UNPROCESSED
            id_ = await world.request(begins, source=place % 2)
            held, snoozed = place % 3, place // 3  # hours
            asked = {}
            if held and begins in (Status.UNPROCESSED, Status.PROCESSING_ERROR):
                asked["holdUntil"] = _shown(watch, held)
            else:
                held = 0
            if snoozed:
                asked["snoozedUntil"] = _shown(watch, snoozed)
            if asked:
                assert (await client.patch(f"{FR}/{id_}", json=asked)).status == 200
            if begins != status:
                assert (await client.patch(f"{FR}/{id_}/process")).status == 200
            made[id_] = status, world.ours.sources[place % 2], held, snoozed
        told = await world.request(status)
        raised = Raised(
            world.ours.account, world.ours.sources[0], "fulfillment_request", told, condition, "Look.", watch.clock()
        )
        assert await world.hub.store.write(lambda tx, raised=raised: tx.raise_attention([raised])) == 1
    shipped = (await client.get(f"{FR}/{await world.request(Status.ACKNOWLEDGED)}")).json()
    pieces = [{"sku": line["sku"], "quantity": line["quantity"]} for line in shipped["fulfillmentRequestItems"]]
    shipment = {"fulfillmentRequestId": shipped["id"], "shipment": {"trackingNumber": "T-1", "shipmentItems": pieces}}
    assert (await client.call("POST", "/shipments", json=shipment)).status == 200
    start = watch.clock()
    for status in WATCHED.values():
        for source in (None, *world.ours.sources):
            for now in (0.5, 1.5, 2.5, 9):  # hours from the start
                for since in (-0.5, 0.5, 1.5, 2.5):
                    query = OverdueQuery(
                        world.ours.account, status, source, (), start + int(since * HOUR_US),
                        start + int(now * HOUR_US), 99,
                    )  # fmt: skip
                    wanted = {
                        id_ for id_, (stands, of, held, snoozed) in made.items()
                        if stands == status and source in (None, of) and max(held, 0) <= since and snoozed <= now
                    }  # fmt: skip
                    found = await world.hub.reads.overdue(query)
                    assert {one.request_id for one in found} == wanted, query
                    assert len(found) == len(wanted)
                    assert await world.hub.reads.overdue(query._replace(left=tuple(made))) == []
                    but = await world.hub.reads.overdue(query._replace(but=(world.ours.sources[0],)))
                    assert {one.request_id for one in but} == {id_ for id_ in wanted if made[id_][1] != world.ours.sources[0]}
                    assert len(await world.hub.reads.overdue(query._replace(limit=1))) == min(1, len(wanted))


def _shown(watch: Watch, hours: float) -> str:
    """The moment so many hours from now."""
    moment = datetime.fromtimestamp(watch.clock() / 1e6 + hours * HOUR_S, UTC)
    return moment.isoformat()


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


async def test_a_bare_failure_settles_the_alert_about_its_request(world: World, migrated_url: str) -> None:
    watch = Watch(world)
    id_ = await world.request()
    await rules(world, {"condition": "unsent", "afterMinutes": 60})
    await watch.after(2)
    assert set(await groups(world)) == {(world.ours.sources[0], "unsent")}
    assert (await world.client("src").patch(f"{FR}/{id_}/processing-failed?error=No")).status == 204
    assert set(await groups(world)) == {(world.ours.sources[0], "other")}
    await audit(migrated_url)


async def test_a_bare_failure_keeps_who_cares_and_the_snooze(world: World, migrated_url: str) -> None:
    mine, later = await world.request(), await world.request()
    await world.client().patch(f"{FR}/{mine}", json={"assignee": "Mei"})
    await world.client().patch(f"{FR}/{later}", json={"snoozedUntil": "2999-01-01"})
    for id_ in (mine, later):
        await world.client("src").patch(f"{FR}/{id_}/processing-failed?error=No")
    assert [group["total"] for group in (await groups(world, "?assignee=Mei")).values()] == [1]
    assert [group["total"] for group in (await groups(world)).values()] == [1]
    await audit(migrated_url)


@pytest.mark.parametrize("meanwhile", [["processed"], ["processing-failed?error=No", "process"]], ids=["on", "back"])
async def test_a_rule_tells_nothing_of_a_request_that_has_moved_since_it_looked(
    world: World, migrated_url: str, meanwhile: list[str]
) -> None:
    id_ = await world.request()
    account, source = world.ours.account, world.ours.sources[0]
    rule = ClockRule(1, account, None, "unsent", 60, "alert", True, 1, 1)
    since = (await rows(migrated_url, "SELECT status_since FROM fulfillment_request_state"))[0]["status_since"]
    seen = Enforcement(rule, (Overdue(id_, source, since),))
    for action in meanwhile:
        assert (await world.client().patch(f"{FR}/{id_}/{action}")).status < 300
    for told in (enforce, tell_in_vain):
        await world.hub.store.write(lambda tx, told=told: told(tx, [seen], world.hub.clock()))  # type: ignore[misc]
    assert await groups(world) == {}
    assert await rows(migrated_url, "SELECT * FROM attention") == []
    await audit(migrated_url)


async def test_an_alert_is_raised_only_where_its_rule_watches(world: World, migrated_url: str) -> None:
    await world.raised("fulfillment_request", await world.request(Status.ACKNOWLEDGED), "unsent")
    assert await groups(world) == {}
    await audit(migrated_url)


@pytest.mark.parametrize("count", [1, 5])
async def test_bare_failures_need_somebody_at_once(world: World, migrated_url: str, count: int) -> None:
    ids = await world.requests(count)
    client = world.client("src")
    replies = await asyncio.gather(*(client.patch(f"{FR}/{id_}/processing-failed?error=No&code=x_own") for id_ in ids))
    assert {reply.status for reply in replies} == {204}
    assert [(spot, group["total"]) for spot, group in (await groups(world)).items()] == [
        ((world.ours.sources[0], "x_own"), count)
    ]
    await audit(migrated_url)


async def test_items_of_one_moment_are_neither_shown_twice_nor_passed_over(world: World) -> None:
    ids = [await world.request(Status.CANCELED) for _ in range(5)]
    spot, now = (world.ours.sources[0], LATE[0]), world.hub.clock()
    raised = [Raised(world.ours.account, spot[0], "fulfillment_request", id_, LATE[0], "Look.", now) for id_ in ids]
    await world.hub.store.write(lambda tx: tx.raise_attention(raised))
    seen, cursor = [], (await groups(world, "?limit=0"))[spot]["next"]
    while cursor is not None:
        group = (await groups(world, f"?limit=2&after={cursor}"))[spot]
        seen += [item["subject"]["id"] for item in group["items"]]
        cursor = group["next"]
    assert seen == ids


async def test_a_group_is_read_by_its_cursor_and_alone(world: World) -> None:
    ids = [await world.request(Status.PROCESSING_ERROR) for _ in range(5)]
    await world.request(Status.PROCESSING_ERROR, source=1)
    first = (await groups(world, "?limit=2"))[world.ours.sources[0], "other"]
    assert [item["subject"]["id"] for item in first["items"]] == ids[:2]
    # What is repaired meanwhile leaves; nothing is shown twice or passed over.
    await world.client().patch(f"{FR}/{ids[0]}/process")
    found = await groups(world, f"?limit=2&after={first['next']}")
    assert set(found) == {(world.ours.sources[0], "other")}
    second = found[world.ours.sources[0], "other"]
    assert [item["subject"]["id"] for item in second["items"]] == ids[2:4]
    assert (second["total"], second["oldestAt"]) == (4, first["items"][1]["since"])
    rest = (await groups(world, f"?limit=2&after={second['next']}"))[world.ours.sources[0], "other"]
    assert ([item["subject"]["id"] for item in rest["items"]], rest["next"], rest["total"]) == ([ids[4]], None, 4)
    whole = (await groups(world, "?limit=4"))[world.ours.sources[0], "other"]
    assert whole["next"] is None


async def test_the_summary_alone_has_totals_and_a_cursor_to_begin_with(world: World) -> None:
    ids = [await world.request(Status.PROCESSING_ERROR) for _ in range(3)]
    summary = (await groups(world, "?limit=0"))[world.ours.sources[0], "other"]
    assert (summary["total"], summary["items"]) == (3, [])
    page = (await groups(world, f"?after={summary['next']}"))[world.ours.sources[0], "other"]
    assert [item["subject"]["id"] for item in page["items"]] == ids
    for id_ in ids:
        await world.client().patch(f"{FR}/{id_}/void?reason=No")
    assert await groups(world, f"?after={summary['next']}") == {}


@pytest.mark.parametrize(
    "cursor",
    ["x", "MTo", "%C3%A4", "latest", "a" * 299, write_place(Place(2**63, "other", 1, 1)), f"{write_place(ONE)}%3D",
     base64.urlsafe_b64encode(b"01.other.1.1").decode().rstrip("="), write_place(ONE)[:-1]],
)  # fmt: skip
async def test_a_bad_cursor_is_refused_by_name(world: World, cursor: str) -> None:
    assert (await world.client().get(f"/attention?after={write_place(ONE)}")).status == 200
    reply = await world.client().get(f"/attention?after={cursor}&limit=-1")
    assert reply.status == 400
    assert sorted((error["parameter"], error["code"]) for error in reply.json()["errors"]) == [
        ("after", "bad_cursor"), ("limit", "out_of_range")
    ]  # fmt: skip


async def test_a_bad_parameter_is_told_with_its_value(world: World) -> None:
    for query, words in (
        ("limit=-1", "limit is at least 0, not '-1'."),
        ("limit=few", "limit is an integer, not 'few'."),
        ("codes=other,unsent,duplicate_number,x_own,nope", "codes are codes of groups of GET /attention, not 'nope'."),
        ("after=garbage", "after must be the `next` of an earlier reply, unchanged; not 'garbage'."),
        (f"after={'a' * 90}", f"after must be the `next` of an earlier reply, unchanged; not '{'a' * 60}…'."),
        (f"after={write_place(ONE)}&sourceId={ONE.source_id}&codes=x_other",
         "codes is not of the group that `after` reads on: pass the filters that gave the cursor."),
        (f"after={write_place(ONE)}&sourceId={ONE.source_id + 1}&codes={ONE.code}",
         "sourceId is not of the group that `after` reads on: pass the filters that gave the cursor."),
        ("assignee=Bob&unassigned=true", "unassigned=true and assignee contradict each other: send only one of them."),
    ):
        reply = await world.client().get(f"/attention?{query}")
        assert reply.status == 400
        assert [error["message"] for error in reply.json()["errors"]] == [words]
    feed = await world.client().get("/events?after=garbage")
    words = "after must be the `next` of an earlier reply, unchanged, or `latest`; not 'garbage'."
    assert feed.json()["errors"][0]["message"] == words
    assert (await world.client().get("/attention?assignee=Bob&unassigned=false")).status == 200


@pytest.mark.parametrize("limit", ["100", "101", "9" * 30])
async def test_a_larger_limit_counts_as_a_hundred(world: World, limit: str) -> None:
    spot = (world.ours.sources[0], LATE[0])
    ids = [await world.request() for _ in range(101)]
    raised = [Raised(world.ours.account, spot[0], "fulfillment_request", id_, LATE[0], "Look.", 1) for id_ in ids]
    await world.hub.store.write(lambda tx: tx.raise_attention(raised))
    group = (await groups(world, f"?limit={limit}"))[spot]
    assert (len(group["items"]), group["next"] is None) == (100, False)


async def test_a_summary_from_a_cursor_on_ends_with_the_group(world: World) -> None:
    spot = (world.ours.sources[0], "other")
    for _ in range(2):
        await world.request(Status.PROCESSING_ERROR)
    start = (await groups(world, "?limit=0"))[spot]["next"]
    assert (await groups(world, f"?limit=0&after={start}"))[spot]["next"] == start
    middle = (await groups(world, "?limit=1"))[spot]
    assert (await groups(world, f"?limit=0&after={middle['next']}"))[spot]["next"] == middle["next"]
    last = (await groups(world))[spot]["items"][-1]
    since = parse_datetime(last["since"])
    behind = write_place(Place(spot[0], "other", since, last["subject"]["id"]))
    group = (await groups(world, f"?limit=0&after={behind}"))[spot]
    assert (group["items"], group["next"], group["total"]) == ([], None, 2)


async def test_what_is_wrong_with_a_rule_is_told_with_its_value(world: World) -> None:
    body = [{"condition": "unshipped", "afterMinutes": 1, "action": "fail", "sourceId": 999999}]
    reply = await world.client().call("PUT", "/policies", json=body)
    assert [error["message"] for error in reply.json()["errors"]] == [
        "There is no source 999999.", "`fail` does not work with `unshipped`. It works with `unsent` and `unacknowledged`."
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("minutes", "length"),
    [(1, "1 minute"), (90, "90 minutes"), (60, "1 hour"), (120, "2 hours"), (1440, "1 day"), (2160, "36 hours"), (2880, "2 days")],
)
def test_a_rule_names_its_time_in_plain_words(minutes: int, length: str) -> None:
    rule = ClockRule(1, 1, None, "unshipped", minutes, "alert", True, 1, 1)
    expected = f"Its source has confirmed it, and has not shipped it. This has lasted for more than {length}."
    assert clock_rule_words(rule) == expected


async def test_a_hint_says_what_to_do(world: World) -> None:
    watch = Watch(world)
    await world.request(Status.ACKNOWLEDGED)
    await rules(world, {"condition": "unshipped", "afterMinutes": 60})
    await watch.after(2)
    hint = (await groups(world))[world.ours.sources[0], "unshipped"]["hint"]
    assert hint == "Ask the source for a ship date, and snooze it until then. Otherwise cancel or reroute it."


async def test_a_cursor_of_another_account_shows_nothing_of_it(world: World) -> None:
    for _ in range(2):
        await world.request(Status.PROCESSING_ERROR, merchant=world.theirs)
    theirs = (await world.client("acc", world.theirs).get("/attention?limit=1")).json()["groups"][0]["next"]
    assert theirs is not None
    assert await groups(world, f"?after={theirs}") == {}
