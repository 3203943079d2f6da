"""The attention list after any walk of changes: its groups, totals and items are what the requests' rows come to."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from tests.http.test_attention import FR, Watch, rules
from tests.support.asgi import Reply
from tests.support.checking import adds_up
from tests.support.database import several
from tests.support.world import World
from waypost.app.webhooks import disabling
from waypost.domain.attention import LATE
from waypost.domain.statuses import Status

STEPS = 60
STARTS = (Status.UNPROCESSED, Status.PROCESSING, Status.PROCESSED, Status.ACKNOWLEDGED, Status.PROCESSING_ERROR,
          Status.DUPLICATE_NUMBER, Status.ADDITIONAL_INFO_REQUIRED)  # fmt: skip
ACTIONS = ("process?confirm=resend", "processed", "processing-failed?error=no", "processing-failed?error=no&code=x_own",
           "processing-failed?error=no&code=duplicate_number", "acknowledge", "cancel", "void")  # fmt: skip
CARE: tuple[dict[str, Any], ...] = (
    {"assignee": "Mei"}, {"assignee": "Zoë"}, {"assignee": None}, {"snoozedUntil": "2999-01-01"},
    {"snoozedUntil": "2020-01-01"}, {"snoozedUntil": None}, {"assignee": "Mei", "snoozedUntil": "2999-01-01"},
)  # fmt: skip
FILTERS = ("", "snoozed=true", "assignee=Mei", "assignee=Mei&snoozed=true", "unassigned=true",
           "unassigned=true&snoozed=true", "codes=x_own,duplicate_number")  # fmt: skip
_ROWS = [
    "SELECT s.*, f.assignee, f.snoozed_until FROM fulfillment_request_state s JOIN fulfillment_request f ON f.id = s.id",
    "SELECT * FROM attention WHERE settled_at IS NULL",
]
Spot = tuple[int | None, str]  # source and code


class Walk:
    """One walk of a world: each step changes something, most of them what needs somebody."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = random.Random(seed)
        self.ids: list[int] = []
        self.watch = Watch(world)
        self.done = Counter[str]()

    async def step(self) -> None:
        """One change."""
        kind = self.chance.choice(("new", "new", "new", "act", "act", "many", "bulk", "care", "care", "clock", "late",
                                   "hook", "settle"))  # fmt: skip
        if kind == "new" or not self.ids:
            source = self.chance.randrange(2)
            self.ids.append(await self.world.request(self.chance.choice(STARTS), source=source))
        else:
            await getattr(self, f"_{kind}")()
        self.done[kind] += 1

    def _one(self) -> int:
        return self.chance.choice(self.ids)

    async def _act(self, id_: int | None = None) -> Reply:
        call = self.world.client().call
        return await call("PATCH", f"{FR}/{id_ or self._one()}/{self.chance.choice(ACTIONS)}")

    async def _many(self) -> None:
        """At once: they share a batch, the same request at times twice."""
        ids = [self._one() for _ in range(6)]
        client = self.world.client()
        await asyncio.gather(*(client.call("PATCH", f"{FR}/{id_}/processing-failed?error=no") for id_ in ids[:4]),
                             *(self._act(id_) for id_ in ids[4:]))  # fmt: skip

    async def _bulk(self) -> None:
        ids = sorted({self._one() for _ in range(4)})
        action = self.chance.choice(("process", "cancel", "processed"))
        body = {"action": action, "items": [{"id": id_} for id_ in ids]}
        await self.world.client().post(f"{FR}/bulk", json=body)

    async def _care(self) -> None:
        await self.world.client().patch(f"{FR}/{self._one()}", json=self.chance.choice(CARE))

    async def _clock(self) -> None:
        action = self.chance.choice(("alert", "alert", "reroute"))
        conditions = [("unsent", "alert"), ("unacknowledged", action), ("unshipped", "alert"), ("unrepaired", "alert")]
        await rules(self.world, *({"condition": condition, "afterMinutes": 60, "action": does}
                                  for condition, does in conditions))  # fmt: skip
        await self.watch.after(2)

    async def _late(self) -> None:
        await self.world.raised("fulfillment_request", self._one(), self.chance.choice(LATE))

    async def _hook(self) -> None:
        body = {"configurationName": "Desk", "webhookUrl": "https://example.com/x", "subscribedEvents": ["*"]}
        id_ = (await self.world.client().post("/webhook/configurations", json=body)).json()["id"]
        await self.world.hub.changes.record(disabling(self.world.ours.account, id_, "gone", "It answered 410."))
        if self.chance.random() < 0.5:
            await self.world.client().call("PATCH", f"/webhook/configurations/{id_}", json={"status": "active"})

    async def _settle(self) -> None:
        found = (await self.world.client().get("/attention?snoozed=true")).json()["groups"]
        items = [{"subject": item["subject"], "code": group["code"]} for group in found for item in group["items"]]
        if items:
            some = self.chance.sample(items, min(2, len(items)))
            dry = self.chance.choice(("", "?dryRun=true"))
            await self.world.client().post(f"/attention/settle{dry}", json={"note": "Seen to.", "items": some})


async def _expected(url: str, now: int) -> dict[str, dict[Spot, list[tuple[int, int]]]]:
    """By filter, then by group: (since, subject) of each item, the oldest first. From the rows that say why."""
    states, raised = await several(url, _ROWS)
    by_id = {state["id"]: state for state in states}
    nobody = {"assignee": None, "snoozed_until": None}
    every = [
        ((one["source_id"], (one["failure_code"] or "other") if failed else one["status"]), one["status_since"],
         one["id"], one)
        for one in states
        if (failed := one["status"] == "processing_error") or one["status"] in ("duplicate_number",
            "additional_info_required", "number_exceeds_max_length", "cross_docked")
    ]  # fmt: skip
    for one in raised:
        request = by_id[one["subject_id"]] if one["subject"] == "fulfillment_request" else nobody
        every.append(((one["source_id"], one["code"]), one["raised_at"], one["subject_id"], request))
    found: dict[str, dict[Spot, list[tuple[int, int]]]] = {}
    for query in FILTERS:
        wanted = found.setdefault(query, defaultdict(list))
        for spot, since, subject, care in sorted(every, key=lambda one: one[1:3]):
            is_snoozed = (care["snoozed_until"] or 0) > now and "snoozed" not in query
            is_other = ("assignee=Mei" in query and care["assignee"] != "Mei") or (
                "unassigned" in query and care["assignee"] is not None
            )
            if not is_snoozed and not is_other and ("codes" not in query or spot[1] in ("x_own", "duplicate_number")):
                wanted[spot].append((since, subject))
    return found


async def _walked(world: World, query: str) -> dict[Spot, list[int]]:
    """The subjects of each group, read by its cursor in pages of two."""
    client, found = world.client(), {}
    summary = (await client.get(f"/attention?limit=0&{query}")).json()
    assert summary["total"] == sum(group["total"] for group in summary["groups"])
    for group in summary["groups"]:
        assert group["items"] == []
        subjects: list[int] = []
        cursor = group["next"]
        while cursor is not None:
            page = (await client.get(f"/attention?limit=2&{query}&after={cursor}")).json()
            assert [(one["sourceId"], one["code"]) for one in page["groups"]] == [(group["sourceId"], group["code"])]
            shown = page["groups"][0]
            assert {**shown, "items": [], "next": "", "oldestAgeSeconds": 0} == {
                **group, "items": [], "next": "", "oldestAgeSeconds": 0}  # fmt: skip
            subjects += [item["subject"]["id"] for item in shown["items"]]
            cursor = shown["next"]
        assert len(subjects) == group["total"]
        found[group["sourceId"], group["code"]] = subjects
    return found


def _oldest(reply: Any) -> Iterator[tuple[Spot, str]]:
    for group in reply["groups"]:
        assert group["oldestAt"] == group["items"][0]["since"]
        yield (group["sourceId"], group["code"]), group["oldestAt"]


@pytest.mark.parametrize("seed", range(3))
async def test_the_groups_are_what_a_recount_finds_after_any_walk(world: World, migrated_url: str, seed: int) -> None:
    walk = Walk(world, seed)
    for place in range(STEPS):
        await walk.step()
        if place % 4 == 3:
            await adds_up(migrated_url)
    assert len(walk.done) >= 8
    expected = await _expected(migrated_url, world.hub.clock())
    assert sum(len(items) for items in expected["snoozed=true"].values()) > 5
    for query in FILTERS:
        found = await _walked(world, query)
        assert found == {spot: [subject for _, subject in items] for spot, items in expected[query].items()}, query
        shown = (await world.client().get(f"/attention?{query}")).json()
        order = sorted(expected[query].items(), key=lambda entry: (entry[1][0][0], entry[0][0] or 0, entry[0][1]))
        assert [spot for spot, _ in _oldest(shown)] == [spot for spot, _ in order]
