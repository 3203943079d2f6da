"""A supplier whose answers are generated against settings that are generated, while workers are killed.

`make answers` makes 5,000 hand-overs; the suite makes fewer, by the same code.
"""

import hashlib
import io
import os
from collections import Counter
from pathlib import Path
from typing import Any

from tests.delivery.conftest import house as house
from tests.delivery.test_weather import adds_up
from tests.fault.test_supplier_storm import Blows
from tests.support.asgi import Client
from tests.support.database import rows
from tests.support.generated import ANSWERS, SETTINGS, GeneratedSupplier, drawn
from tests.support.handing import House
from tests.support.merchant import Wanted
from waypost.app.ports import Tx
from waypost.domain.failures import OUTCOME_UNKNOWN
from waypost.http.app import create_app
from waypost.http.gate import Gate
from waypost.http.log import LineLog

HANDOVERS = int(os.environ.get("WAYPOST_ANSWERS", "200"))
A_SOURCE = 25  # hand-overs: so few that no source counts as down for long
AT_ONCE = 500  # requests made in one transaction
BLOWS = max(4, HANDOVERS // 400)  # times that a worker is killed or stood still
WITHIN_S = 60 + HANDOVERS / 5
SETTLED_S = 10.0  # after the end of its lease; how often others look is a part of that, and a busy machine
POLICY = {"attempts": 4, "firstDelayS": 0.1, "longestDelayS": 0.3, "concurrency": 8, "failures": 100, "pauseS": 1,
          "longestPauseS": 1}  # fmt: skip
SECRET = "wp_generated"


async def client_of(house: House) -> Client:
    """The account's own client of the application."""

    async def token(tx: Tx) -> int:
        return await tx.insert_row("token", {
            "account_id": house.merchant.account, "type": "account", "source_id": None, "channel_id": None,
            "name": "settings", "family": 99, "digest": hashlib.sha256(SECRET.encode()).digest(), "hint": "ated",
            "created_at": 1,
        })  # fmt: skip

    await house.hub.store.write(token)
    return Client(create_app(house.hub, Gate(house.hub.tokens, None, ()), LineLog(io.StringIO())), SECRET)


async def set_up(house: House, supplier: GeneratedSupplier) -> int:
    """Sources, each with generated settings, those that are refused left out; how many sources."""
    count = max(HANDOVERS // A_SOURCE, 4)
    row = {"account_id": house.merchant.account, "required_fields": "[]", "auto_process": True, "created_at": 1}
    for place in range(len(house.merchant.sources), count):
        more = {**row, "name": f"Source {place}"}
        house.merchant.sources.append(await house.hub.store.write(lambda tx, more=more: tx.insert_row("source", more)))
    client = await client_of(house)
    sources = iter(house.merchant.sources)
    source = next(sources)
    replies: Counter[int] = Counter()
    for generated in drawn(SETTINGS, count * 3):
        settings: dict[str, Any] = {**generated, "url": supplier.url}
        look_up = {**settings.pop("lookUp"), "url": f"{supplier.url}/{{number}}"}
        if replies[200] % 3:  # every third source has none
            settings["lookUp"] = look_up
        body = {"kind": "http", "settings": settings, "policy": POLICY}
        reply = await client.call("PUT", f"/source/{source}/delivery", json=body)
        replies[reply.status] += 1
        assert reply.status in (200, 400), f"{reply.status} {reply.body!r} for {settings}"
        if reply.status == 200 and (source := next(sources, 0)) == 0:
            break
    assert replies[200] == count, f"too many settings were refused: {replies}"
    return count


async def made(house: House, sources: int) -> dict[int, str]:
    """The requests, spread over the sources; their numbers by id."""
    ids: list[int] = []
    for first in range(0, HANDOVERS, AT_ONCE):
        places = range(first, min(first + AT_ONCE, HANDOVERS))
        ids += await house.merchant.requests(*[Wanted(source=place % sources) for place in places])
    found = await rows(house.url, "SELECT id, number FROM fulfillment_request")
    return {row["id"]: row["number"] for row in found if row["id"] in set(ids)}


async def at_rest(house: House) -> bool:
    """Nothing is on its way, and nothing is going to be. Waits of a day, which a supplier asks for, pass meanwhile."""
    now = house.hub.clock()
    await rows(house.url, f"UPDATE handover_attempt SET next_at = {now} WHERE next_at > {now + 5_000_000}")
    sql = """SELECT (SELECT count(*) FROM fulfillment_request_state WHERE status = 'processing') AS waiting,
      (SELECT count(*) FROM handover_attempt WHERE state <> 'settled') AS open,
      (SELECT count(*) FROM handover_attempt WHERE outcome = 'rejected' AND next_at IS NOT NULL) AS again"""
    return not any((await rows(house.url, sql))[0].values())


async def test_whatever_a_supplier_answers_nothing_waits_for_ever_or_is_ordered_twice(
    house: House, tmp_path: Path
) -> None:
    async with GeneratedSupplier(drawn(ANSWERS, min(HANDOVERS, 2000))) as supplier:
        numbers = await made(house, await set_up(house, supplier))
        blows = Blows(house.url, tmp_path)
        for worker in blows.workers:
            await worker.start()
        try:
            for blow in range(1, BLOWS + 1):
                await house.until(lambda blow=blow: _settled(house, blow * HANDOVERS // (BLOWS + 2)), WITHIN_S)
                await blows.strike()
            await house.until(lambda: at_rest(house), WITHIN_S)
            assert [worker.runs for worker in blows.workers] == [True, True]
            for worker in blows.workers:
                assert await worker.stop() == 0
        finally:
            for worker in blows.workers:
                await worker.kill()
    await judge(house, supplier, numbers)
    assert blows.count["killed"] > 0


async def _settled(house: House, count: int) -> bool:
    sql = "SELECT count(DISTINCT request_id) AS done FROM handover_attempt WHERE state = 'settled'"
    return bool((await rows(house.url, sql))[0]["done"] >= count)


async def judge(house: House, supplier: GeneratedSupplier, numbers: dict[int, str]) -> None:
    """The supplier's own book against what the hub believes."""
    twice = {number: count for number, count in supplier.book.items() if count > 1}
    assert not twice, f"ordered twice: {twice}"
    states = await rows(house.url, "SELECT * FROM fulfillment_request_state")
    assert len(states) == len(numbers) == HANDOVERS
    seen: Counter[str] = Counter()
    for state in states:
        taken = supplier.book[numbers[state["id"]]]
        where = f"request {state['id']} stands in {state['status']} ({state['failure_code']}, {state['handover']})"
        seen[state["failure_code"] or state["status"]] += 1
        if state["status"] in ("processed", "acknowledged"):
            assert taken == 1, f"{where}, and the supplier has not got it"
        else:
            assert state["status"] == "processing_error", where
            assert state["failure_reason"], where
            assert taken == 0 or state["failure_code"] == OUTCOME_UNKNOWN, f"{where}, and the supplier has got it"
    assert {len(keys) for keys in supplier.keys.values()} == {1}, "a key changed, and no person released anything"
    late = f"SELECT id FROM handover_attempt WHERE settled_at > lease_until + {int(SETTLED_S * 1_000_000)}"
    assert await rows(house.url, late) == []
    assert len(seen) > 3, f"the supplier answered too much alike to prove anything: {seen}"
    assert supplier.looked_up, "nothing was looked up"
    assert max(supplier.asked.values()) > 1, "nothing was tried again"
    await adds_up(house)
