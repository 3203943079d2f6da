"""Webhook configurations over HTTP: made, changed, rotated, deleted; bad input; what lies outside one's account."""

from typing import Any

import pytest

from tests.support.asgi import Reply
from tests.support.database import rows
from tests.support.world import World

ROOT = "/webhook/configurations"
GOOD: dict[str, Any] = {
    "configurationName": "Order desk",
    "webhookUrl": "https://example.com/hook",
    "subscribedEvents": ["fulfillment_request.failed", "order.*", "FulfillmentRequestProcessingEvent"],
}


async def create(world: World, **more: Any) -> dict[str, Any]:
    reply = await world.client().post(ROOT, json={**GOOD, **more})
    assert reply.status == 201, reply.body
    made: dict[str, Any] = reply.json()
    return made


def faults(reply: Reply) -> set[tuple[str, str]]:
    """(place, code) of each fault of a refused call."""
    assert reply.status == 400, reply.body
    return {(fault.get("pointer") or fault.get("parameter"), fault["code"]) for fault in reply.json()["errors"]}


@pytest.mark.parametrize("root", ["/webhhok/configurations", ROOT])
async def test_it_is_made_shown_and_changed_under_either_spelling(world: World, root: str) -> None:
    client = world.client()
    source, channel = world.ours.sources[0], world.ours.channels[0]
    more = {"sourceId": source, "channelId": channel, "notificationEmail": "desk@example.com", "strictOrder": True}
    reply = await client.post(root, json={**GOOD, **more})
    assert reply.status == 201
    made = reply.json()
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert {key: made[key] for key in (*GOOD, *more)} == {**GOOD, **more}
    assert (made["status"], made["timeoutSeconds"], made["disabledReason"]) == ("active", 15, None)
    assert (await client.get(f"{root}/{made['id']}")).json() == made
    assert (await client.get(root)).json() == [made]
    reply = await client.patch(f"{root}/{made['id']}", json={"configurationName": "Other", "subscribedEvents": ["*"]})
    assert reply.status == 200
    changed = reply.json()
    assert (changed["configurationName"], changed["subscribedEvents"]) == ("Other", ["*"])
    assert changed["webhookUrl"] == GOOD["webhookUrl"]
    assert "secret" not in changed


async def test_every_change_is_an_event(world: World, migrated_url: str) -> None:
    made = await create(world)
    client = world.client()
    path = f"{ROOT}/{made['id']}"
    await client.patch(path, json={"status": "disabled"})
    await client.patch(path, json={"status": "disabled"})  # it is so already
    await client.post(f"{path}/rotate-secret")
    await client.patch(path, json={"status": "deleted"})
    feed = (await client.get("/events?types=webhook.*")).json()["events"]
    assert [event["type"].split(".")[1] for event in feed] == ["created", "updated", "secret_rotated", "updated"]
    assert all(event["subject"] == {"type": "webhook", "id": made["id"]} for event in feed)
    assert "whsec" not in str(await rows(migrated_url, "SELECT * FROM event"))


async def test_one_that_was_deleted_is_not_listed_and_stays_so(world: World) -> None:
    made = await create(world)
    client = world.client()
    path = f"{ROOT}/{made['id']}"
    assert (await client.patch(path, json={"status": "deleted"})).json()["status"] == "deleted"
    assert (await client.get(ROOT)).json() == []
    assert (await client.get(path)).json()["status"] == "deleted"
    assert faults(await client.patch(path, json={"status": "active"})) == {("id", "webhook_deleted")}
    assert faults(await client.post(f"{path}/test")) == {("id", "webhook_not_active")}


async def test_another_accounts_are_not_there(world: World) -> None:
    made = await create(world)
    theirs = world.client(merchant=world.theirs)
    path = f"{ROOT}/{made['id']}"
    assert (await theirs.get(path)).status == 404
    assert (await theirs.get(f"{path}/deliveries")).status == 404
    assert (await theirs.patch(path, json={"status": "deleted"})).status == 404
    for action in ("rotate-secret", "test", "replay"):
        reply = await theirs.post(f"{path}/{action}", json={"eventId": 1} if action == "replay" else None)
        assert reply.status == 404, action
    assert (await theirs.get(ROOT)).json() == []
    reply = await theirs.post(ROOT, json={**GOOD, "sourceId": world.ours.sources[0], "channelId": world.ours.channels[0]})
    assert faults(reply) == {("/sourceId", "unknown_source"), ("/channelId", "unknown_channel")}


async def test_every_fault_at_once(world: World) -> None:
    reply = await world.client().post(
        ROOT,
        json={
            "configurationName": " ", "webhookUrl": "ftp://x", "subscribedEvents": ["order.*", "order.eaten", "Order"],
            "status": "deleted", "notificationEmail": "nobody", "timeoutSeconds": 31,
        },
    )  # fmt: skip
    assert faults(reply) == {
        ("/configurationName", "blank"), ("/notificationEmail", "wrong_form"), ("/timeoutSeconds", "out_of_range"),
    }  # fmt: skip
    reply = await world.client().post(
        ROOT,
        json={
            "configurationName": "x", "webhookUrl": "ftp://x", "subscribedEvents": ["order.*", "order.eaten", "Order"],
            "status": "deleted",
        },
    )  # fmt: skip
    assert faults(reply) == {
        ("/webhookUrl", "bad_url"), ("/subscribedEvents/1", "unknown_value"), ("/subscribedEvents/2", "unknown_value"),
        ("/status", "unknown_value"),
    }  # fmt: skip
    assert faults(await world.client().post(ROOT, json={})) == {
        ("/configurationName", "required"), ("/webhookUrl", "required"), ("/subscribedEvents", "required"),
    }  # fmt: skip
    assert (await world.client().get(ROOT)).json() == []


@pytest.mark.parametrize(
    "url",
    [
        "https://user@example.com/", "https://user:pass@example.com/", "https://10.0.0.1/",
        "https://169.254.169.254/latest", "https://[::1]/", "https://[::ffff:10.0.0.1]/",
        "https://[fd00:ec2::254]/", "https://[fe80::1%25eth0]/", "https://224.0.0.1/", "https://0.0.0.0/",
        "https://168.63.129.16/", "https://example.com:22/", "https://example.com/#part", "https://", "example.com",
        "https://example.com:99999/", "https://100.100.100.200/",
    ],
)  # fmt: skip
async def test_urls_that_are_never_called(world: World, url: str) -> None:
    reply = await world.client().post(ROOT, json={**GOOD, "webhookUrl": url})
    assert faults(reply) == {("/webhookUrl", "bad_url")}
    made = await create(world)
    reply = await world.client().patch(f"{ROOT}/{made['id']}", json={"webhookUrl": url})
    assert faults(reply) == {("/webhookUrl", "bad_url")}


async def test_a_repeat_with_the_same_key_gives_the_same_bytes(world: World) -> None:
    headers = {"Idempotency-Key": "once"}
    first = await world.client().post(ROOT, json=GOOD, headers=headers)
    again = await world.client().post(ROOT, json=GOOD, headers=headers)
    # But for the secret, which is shown once.
    assert again.json() == {**first.json(), "secret": None}
    assert again.body == first.body.replace(f'"{first.json()["secret"]}"'.encode(), b"null")
    assert again.headers["idempotent-replayed"] == "true"
    assert len((await world.client().get(ROOT)).json()) == 1
    assert (await world.client().post(ROOT, json={**GOOD, "strictOrder": True}, headers=headers)).status == 422


async def test_a_dry_run_makes_nothing(world: World) -> None:
    reply = await world.client().post(f"{ROOT}?dryRun=true", json=GOOD)
    assert (reply.status, reply.json()["wouldReplyStatus"]) == (200, 201)
    assert (await world.client().get(ROOT)).json() == []


async def test_there_is_an_end_to_how_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waypost.app.webhooks.CONFIGURATIONS_AT_MOST", 2)
    await create(world)
    gone = await create(world)
    assert faults(await world.client().post(ROOT, json=GOOD)) == {("/configurationName", "too_many")}
    await world.client().patch(f"{ROOT}/{gone['id']}", json={"status": "deleted"})
    await create(world)


async def test_replays_that_cannot_be(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await create(world, subscribedEvents=["*"])
    client, path = world.client(), f"{ROOT}/{made['id']}/replay"
    await world.request()
    assert faults(await client.post(path, json={})) == {("/eventId", "required")}
    assert faults(await client.post(path, json={"fromEventId": 3, "toEventId": 2})) == {("/toEventId", "out_of_range")}
    assert faults(await client.post(path, json={"fromEventId": 1, "toEventId": 5001})) == {("/toEventId", "out_of_range")}
    assert (await client.post(path, json={"eventId": 99})).json() == {"queued": 0}
    monkeypatch.setattr("waypost.app.webhooks.REPLAYED_AT_MOST", 0)
    assert faults(await client.post(path, json={"eventId": 1})) == {("/toEventId", "too_many")}
    reply = await client.post("/webhook/event/retry", json={"eventIds": [1, 98, 1, 99], "isAutomatedRetry": True})
    assert faults(reply) == {("/eventIds/1", "unknown_event"), ("/eventIds/3", "unknown_event")}
    assert faults(await client.post("/webhook/event/retry", json={"eventIds": []})) == {("/eventIds", "too_few_items")}


async def test_the_log_is_filtered_and_paged(world: World) -> None:
    made = await create(world)
    client, path = world.client(), f"{ROOT}/{made['id']}"
    tests = [(await client.post(f"{path}/test")).json() for _ in range(3)]
    assert (await client.get(f"{path}/deliveries")).json() == tests
    assert (await client.get(f"{path}/deliveries?sinceId={tests[0]['id']}&filterPageSize=1")).json() == tests[1:2]
    assert (await client.get(f"{path}/deliveries?filterPageSize=2&filterPageNumber=2")).json() == tests[2:]
    assert (await client.get(f"{path}/deliveries?filterStatus=pending,failed")).json() == tests
    twice = "filterStatus=pending,PENDING&filterStatus=pending"
    assert (await client.get(f"{path}/deliveries?{twice}&filterPageSize=2")).json() == tests[:2]
    assert (await client.get(f"{path}/deliveries?filterStatus=delivered")).json() == []
    assert faults(await client.get(f"{path}/deliveries?filterStatus=lost")) == {("filterStatus", "unknown_value")}


@pytest.mark.parametrize("root", ["/webhhok/configurations", ROOT])
async def test_its_version_makes_changes_conditional(world: World, root: str) -> None:
    client = world.client()
    made = await client.post(root, json=GOOD)
    path = f"{root}/{made.json()['id']}"
    assert (made.headers["etag"], made.json()["version"]) == ('"1"', 1)
    read = await client.get(path)
    assert (read.headers["etag"], read.json()["version"]) == ('"1"', 1)
    name = {"configurationName": "Other"}
    stale = await client.patch(path, json=name, headers={"If-Match": '"2"'})
    assert (stale.status, stale.json()["code"]) == (412, "precondition_failed")
    assert (await client.patch(path, json=name, headers={"If-Match": "2"})).status == 400
    assert (await client.patch(path, json=name, headers={"If-Match": 'W/"1"'})).status == 412
    changed = await client.patch(path, json=name, headers={"If-Match": '"7", "1"'})
    assert (changed.status, changed.headers["etag"], changed.json()["version"]) == (200, '"2"', 2)
    same = await client.patch(path, json=name, headers={"If-Match": "*"})
    assert (same.status, same.headers["etag"]) == (200, '"2"')
    rotate = f"{ROOT}/{made.json()['id']}/rotate-secret"
    assert (await client.post(rotate, headers={"If-Match": '"1"'})).status == 412
    dry = await client.post(f"{rotate}?dryRun=true", headers={"If-Match": '"2"'})
    assert (dry.status, dry.headers.get("etag")) == (200, None)
    assert (await client.post(rotate, headers={"If-Match": '"2"'})).headers["etag"] == '"3"'
    gone = await client.patch(path, json={"status": "deleted"}, headers={"If-Match": '"2"'})
    assert gone.status == 412
