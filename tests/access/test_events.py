"""Every type of event × every type of token: what is seen of it in timelines, the feed and webhooks.

What may be seen stands in `domain.catalogue`; `docs/reference/events.md` is made from it and read by people. Here one
event of each type is planted, with a word in every place that an event has, and the three ways to read are held
against the table. Some events that the table hides are also made by real calls, in `test_planted_words.py`.
"""

import asyncio
import json
import re
from typing import Any

from tests.events.conftest import Sending
from tests.events.conftest import receiver as receiver
from tests.events.conftest import sending as sending
from tests.events.conftest import shifted as shifted
from tests.http.test_invoices import post as invoice
from tests.http.test_shipments import post as ship
from tests.support.filled import run_sql
from tests.support.receiver import Receiver
from tests.support.world import World
from waypost.domain.catalogue import CATALOGUE
from waypost.domain.statuses import Status

# Every member that the data of some event has, and one that none has.
MEMBERS = sorted({name for kind in CATALOGUE.values() for name in (*(kind.source or ()), *(kind.channel or ()))}
                 | {"assignee", "holdReasons", "secret", "overlapSeconds", "quantity", "subject"})  # fmt: skip
READERS = {
    "acc": ("account", None), "src": ("source", "sourceId"), "chn": ("channel", "channelId"),
    "src2": (None, "sourceId"), "chn2": (None, "channelId"),
}  # fmt: skip
_WORD = re.compile(r"planted-[a-zA-Z.]+")


async def _subjects(world: World) -> dict[str, int]:
    """One thing of each kind that belongs to the first source and the first channel."""
    request = await world.request(Status.PROCESSING)
    shown = (await world.client().get(f"/fulfillment-requests/{request}")).json()
    shipped = await ship(world, request, ("SKU-A", 1))
    assert shipped.status == 200, shipped.body
    invoiced = await invoice(world, request)
    assert invoiced.status == 200, invoiced.body
    return {"fulfillment_request": request, "order": shown["orderId"], "shipment": shipped.json()["id"],
            "source_invoice": invoiced.json()["id"]}  # fmt: skip


async def _plant(world: World, url: str, subjects: dict[str, int]) -> int:
    """One event of each type, in their order; the seq before the first."""
    account = world.ours.account
    ((last, at),) = await run_sql(url, f"SELECT last_seq, last_at FROM account_counter WHERE account_id = {account}")
    data = json.dumps({name: f"planted-data.{name}" for name in MEMBERS} | {"changed": ["planted-data.changed"]})
    for place, type_ in enumerate(CATALOGUE, 1):
        subject = type_.partition(".")[0]
        values = (
            f"{account}, {last + place}, {at + place}, '{subject}', {subjects.get(subject, world.ours.sources[0])}, '{type_}',"
            f" NULL, NULL, 'user', 77, 'planted-actor', 'planted-code', 'planted-reason', 'planted-call', '{data}'"
        )
        await run_sql(url, f"INSERT INTO event VALUES ({values})")
    await run_sql(url, f"UPDATE account_counter SET last_seq = {last + len(CATALOGUE)} WHERE account_id = {account}")
    return int(last)


def _seen(events: list[dict[str, Any]], after: int) -> dict[str, set[str]]:
    """The planted words that are seen of each planted event, by type."""
    return {one["type"]: set(_WORD.findall(json.dumps(one))) for one in events if one["seq"] > after}


def _declared(who: str | None) -> dict[str, set[str]]:
    """What the table says that a token of this type sees of what is its own."""
    whole = {"planted-actor", "planted-code", "planted-reason", "planted-call", *(f"planted-data.{m}" for m in MEMBERS)}
    whole |= {"planted-data.changed"}
    if who == "account":
        return dict.fromkeys(CATALOGUE, whole)
    found: dict[str, set[str]] = {}
    for type_, kind in CATALOGUE.items():
        members = {"source": kind.source, "channel": kind.channel, None: None}[who]
        if members is not None:
            why = {"planted-code", "planted-reason"} if kind.why else set()
            found[type_] = why | {f"planted-data.{member}" for member in members}
    return found


async def test_what_is_seen_of_each_type_is_what_the_table_declares(sending: Sending, receiver: Receiver) -> None:
    world = sending.world
    subjects = await _subjects(world)
    hooks = {}
    for short, (_, binding) in READERS.items():
        place = 1 if short.endswith("2") else 0
        bound = {"sourceId": world.ours.sources[place], "channelId": world.ours.channels[place]}
        given = {} if binding is None else {binding: bound[binding]}
        hooks[short] = await sending.configure(receiver.url.replace("/hook", f"/{short}"), "*", **given)
    last = await _plant(world, sending.database_url, subjects)
    async with sending.running():
        for short in ("acc", "src", "chn"):
            await sending.settled(hooks[short]["id"])
        await asyncio.sleep(0.5)  # what is for nobody's eyes moves no cursor: the two siblings get this long to be sent it
    for short, (who, _) in READERS.items():
        declared = _declared(who)
        client = world.client(short)
        feed = (await client.get("/events?limit=500")).json()["events"]
        assert _seen(feed, last) == declared, f"feed of {short}"
        sent = [one.json() for one in receiver.received if one.path == f"/{short}"]
        assert _seen(sent, last) == declared, f"webhook of {short}"
        for subject, path in (("fulfillment_request", "fulfillment-requests"), ("order", "orders")):
            reply = await client.get(f"/{path}/{subjects[subject]}/events")
            timeline = _seen(reply.json(), last) if reply.status == 200 else {}
            of_it = {type_: words for type_, words in declared.items() if type_.startswith(f"{subject}.")}
            assert timeline == of_it, f"timeline of the {subject} for {short}"
    assert not (await world.client("acc", world.theirs).get("/events?limit=500")).json()["events"]


async def test_a_message_that_waits_is_judged_again_before_it_is_sent(sending: Sending, receiver: Receiver) -> None:
    """Messages that an older release put up for an endpoint which may not see their events are never sent."""
    world = sending.world
    subjects = await _subjects(world)
    last = await _plant(world, sending.database_url, subjects)
    hook = await sending.configure(receiver.url, "*", sourceId=world.ours.sources[0])
    hidden = last + 1 + list(CATALOGUE).index("fulfillment_request.attended")
    await run_sql(
        sending.database_url,
        "INSERT INTO webhook_delivery (webhook_id, message_id, seq, name, status, attempts, next_at, log, created_at,"
        f" updated_at) VALUES ({hook['id']}, 'evt_x', {hidden}, 'fulfillment_request.attended', 'pending', 1, 1, '[]', 1, 1)",
    )
    async with sending.running():

        async def done() -> bool:
            return not [one for one in await sending.deliveries(hook["id"]) if one["status"] == "pending"]

        await sending.until(done)
    assert "attended" not in repr([one.body for one in receiver.received])
