"""Everything that needs somebody has an end: every code is held against how it ends (issue 4; native)."""

from typing import Any

import pytest

from tests.support.world import World
from waypost.app.commands import Command, FailureReport
from waypost.app.webhooks import disabling
from waypost.domain.attention import LATE, SOURCE_DOWN, STANDING, WEBHOOK_DEFECT, WEBHOOK_DISABLED
from waypost.domain.clock_rules import WATCHED, Condition
from waypost.domain.failures import BY_CODE
from waypost.domain.lifecycle import Action
from waypost.domain.statuses import BLOCKED, Status

FR = "/fulfillment-requests"
OVERDUE = {str(condition): WATCHED[condition] for condition in Condition}
EVERY_CODE = {*BY_CODE, *map(str, BLOCKED), *STANDING}


async def shown(world: World, query: str = "?snoozed=true") -> dict[str, dict[str, Any]]:
    """The first item of each group, by its code."""
    reply = await world.client().get(f"/attention{query}")
    assert reply.status == 200, reply.body
    return {group["code"]: {**group["items"][0], "title": group["title"]} for group in reply.json()["groups"]}


async def settle(world: World, code: str, id_: int, subject: str = "fulfillment_request", **more: Any) -> Any:
    body = {"note": " Seen to. ", "items": [{"subject": {"type": subject, "id": id_}, "code": code}], **more}
    return await world.client().post("/attention/settle", json=body)


async def pushed(world: World) -> int:
    """A source that is handed its requests; its id."""
    source = world.ours.sources[0]
    body = {"kind": "http", "settings": {"url": "http://127.0.0.1:65001/orders"}}
    reply = await world.client().call("PUT", f"/source/{source}/delivery", json=body)
    assert reply.status == 200, reply.body
    return source


async def standing(world: World, code: str) -> tuple[str, int]:
    """What raises the code, as it is raised; its subject."""
    if code == SOURCE_DOWN:
        subject, id_ = "source", await pushed(world)
    elif code in (WEBHOOK_DEFECT, WEBHOOK_DISABLED):
        body = {"configurationName": "Desk", "webhookUrl": "https://example.com/x", "subscribedEvents": ["*"]}
        id_ = (await world.client().post("/webhook/configurations", json=body)).json()["id"]
        if code == WEBHOOK_DEFECT:
            await world.raised("webhook", id_, code)
        else:
            await world.hub.changes.record(disabling(world.ours.account, id_, "gone", "It answered 410."))
        return "webhook", id_
    else:
        status = Status.CANCELED if code == LATE[0] else OVERDUE.get(code, Status.ACKNOWLEDGED)
        subject, id_ = "fulfillment_request", await world.request(status)
    await world.raised(subject, id_, code)
    return subject, id_


def test_every_code_is_either_repaired_or_settled() -> None:
    assert not STANDING.keys() & (BY_CODE.keys() | set(map(str, BLOCKED)))
    assert {*LATE, SOURCE_DOWN, WEBHOOK_DEFECT, WEBHOOK_DISABLED, *OVERDUE} == set(STANDING)


@pytest.mark.parametrize("code", sorted(BY_CODE))
async def test_a_failure_ends_when_it_is_repaired_and_not_before(world: World, code: str) -> None:
    id_ = await world.request()
    report = FailureReport("It broke", code)
    await world.hub.changes.change(Command(Action.FAIL, id_, world.ours.actor, details=report))
    item = (await shown(world))[code]
    assert not item["settleable"]
    assert "process" in item["fulfillmentRequest"]["allowedActions"]
    reply = await settle(world, code, id_)
    assert reply.json()["results"][0]["status"] == 400
    assert code in await shown(world)
    released = await world.client().patch(f"{FR}/{id_}/process?confirm=resend")
    assert released.status == 200
    assert await shown(world) == {}


@pytest.mark.parametrize("status", BLOCKED)
async def test_a_blocked_request_ends_when_it_is_let_go_or_given_up(world: World, status: Status) -> None:
    id_ = await world.request(status)
    item = (await shown(world))[str(status)]
    assert not item["settleable"]
    assert (await settle(world, status, id_)).json()["results"][0]["refusal"] == "not_settleable"
    assert {"process", "cancel", "void"} <= set(item["fulfillmentRequest"]["allowedActions"])
    assert (await world.client().patch(f"{FR}/{id_}/void?reason=No")).status == 200
    assert await shown(world) == {}


@pytest.mark.parametrize("code", sorted(STANDING))
async def test_what_stands_is_settled_by_hand_with_a_note(world: World, code: str) -> None:
    subject, id_ = await standing(world, code)
    item = (await shown(world))[code]
    assert item["settleable"]
    assert item["title"] != code, "a person reads this"
    dry = await world.client().post("/attention/settle?dryRun=true", json={
        "note": "x", "items": [{"subject": {"type": subject, "id": id_}, "code": code}]})  # fmt: skip
    assert dry.json()["change"] == "move"
    assert code in await shown(world)
    reply = await settle(world, code, id_, subject)
    assert reply.json() == {
        "results": [{"subject": {"type": subject, "id": id_}, "code": code, "status": 200, "refusal": None}]
    }
    assert code not in await shown(world)
    event = (await world.client().get("/events?types=attention.settled")).json()["events"][-1]
    assert (event["code"], event["reason"]) == (code, "Seen to.")
    assert event["data"] == {"subject": {"type": subject, "id": id_}}
    assert event["actor"]["type"] == "account"
    again = await settle(world, code, id_, subject)
    assert again.json()["results"][0] == {
        "subject": {"type": subject, "id": id_}, "code": code, "status": 404, "refusal": "not_found"
    }  # fmt: skip


async def test_settling_many_leaves_neighbours_alone_and_repeats_itself(world: World) -> None:
    _, id_ = await standing(world, LATE[0])
    items = [{"subject": {"type": "fulfillment_request", "id": n}, "code": code}
             for n, code in ((id_ + 999, LATE[0]), (id_, LATE[0]), (id_, "other"))]  # fmt: skip
    key = {"Idempotency-Key": "settle-1"}
    first, second = [
        await world.client().post("/attention/settle", json={"note": "n", "items": items}, headers=key)
        for _ in range(2)
    ]
    assert [one["status"] for one in first.json()["results"]] == [404, 200, 400]
    assert (second.body, second.headers["idempotent-replayed"]) == (first.body, "true")


async def test_another_account_settles_nothing_of_ours(world: World) -> None:
    subject, id_ = await standing(world, LATE[0])
    body = {"note": "n", "items": [{"subject": {"type": subject, "id": id_}, "code": LATE[0]}]}
    theirs = await world.client("acc", world.theirs).post("/attention/settle", json=body)
    assert theirs.json()["results"][0]["status"] == 404
    assert (await world.client("src").post("/attention/settle", json=body)).status == 401
    assert LATE[0] in await shown(world)


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"items": [{"subject": {"type": "source", "id": 1}, "code": "x"}]}, ["/note"]),
        ({"note": " ", "items": [{"subject": {"type": "order", "id": 1}, "code": "x"}]},
         ["/items/0/subject/type", "/note"]),
        ({"note": "n", "items": []}, ["/items"]),
        ({"note": "n", "items": [{"subject": {"type": "source"}, "code": ""}]},
         ["/items/0/code", "/items/0/subject/id"]),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named(world: World, body: Any, pointers: list[str]) -> None:
    reply = await world.client().post("/attention/settle", json=body)
    assert reply.status == 400
    assert sorted(error["pointer"] for error in reply.json()["errors"]) == pointers


@pytest.mark.parametrize("how", ["paused", "polls", "archived"])
async def test_a_source_that_is_to_be_sent_nothing_is_not_down(world: World, how: str) -> None:
    _, source = await standing(world, SOURCE_DOWN)
    assert SOURCE_DOWN in await shown(world)
    settings = {"kind": "http", "settings": {"url": "http://127.0.0.1:65001/orders"}, "paused": True}
    if how == "archived":
        reply = await world.client().patch(f"/source/{source}", json={"archived": True})
    else:
        asked = settings if how == "paused" else {"kind": "poll", "settings": {}}
        reply = await world.client().call("PUT", f"/source/{source}/delivery", json=asked)
    assert reply.status == 200, reply.body
    assert await shown(world) == {}


@pytest.mark.parametrize("status", ["active", "deleted"])
async def test_a_webhook_that_was_given_up_ends_when_it_is_seen_to(world: World, status: str) -> None:
    _, id_ = await standing(world, WEBHOOK_DISABLED)
    item = (await shown(world))[WEBHOOK_DISABLED]
    assert item["message"] == "Desk: It answered 410."
    await world.client().patch(f"/webhook/configurations/{id_}", json={"configurationName": "Other"})
    assert WEBHOOK_DISABLED in await shown(world)
    await world.client().patch(f"/webhook/configurations/{id_}", json={"status": status})
    assert await shown(world) == {}


async def test_a_defect_of_a_webhook_ends_with_it(world: World) -> None:
    _, id_ = await standing(world, WEBHOOK_DEFECT)
    await world.client().patch(f"/webhook/configurations/{id_}", json={"status": "disabled"})
    await world.client().patch(f"/webhook/configurations/{id_}", json={"status": "active"})
    assert WEBHOOK_DEFECT in await shown(world), "the message that was not sent is still to be sent"
    await world.client().patch(f"/webhook/configurations/{id_}", json={"status": "deleted"})
    assert await shown(world) == {}
