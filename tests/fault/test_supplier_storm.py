"""A supplier that misbehaves at random while workers are killed and stand still: nothing is lost, nothing doubled.

`make storm` runs it with 5,000 requests; the suite with fewer, by the same code.
"""

import asyncio
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

from tests.delivery.conftest import house as house
from tests.delivery.test_weather import adds_up
from tests.support.database import rows
from tests.support.handing import House
from tests.support.merchant import Wanted
from tests.support.supplier import Behaviour, Supplier
from tests.support.worker_process import WorkerProcess
from waypost.domain.handover import Policy

REQUESTS = int(os.environ.get("WAYPOST_STORM", "240"))
SEED = int(os.environ.get("WAYPOST_STORM_SEED", "4"))
AT_ONCE = 500  # requests made in one transaction
BLOWS = 6  # times that a worker is killed or stood still
WITHIN_S = 60 + REQUESTS / 5
POLICY = Policy(attempts=5, first_delay_s=0.1, longest_delay_s=0.5, concurrency=24, failures=8, pause_s=0.5,
                longest_pause_s=2.0)  # fmt: skip
WEIGHTS: dict[Behaviour, int] = {
    "accept": 40, "slow": 15, "acknowledge": 10, "reject": 6, "error inside": 4, "later": 4, "busy": 2, "down": 5,
    "broken": 2, "broken after": 2, "garbage": 2, "close": 2, "die": 3, "hang": 1,
}  # fmt: skip
# The last two are no refusals, and end in one: tried often enough, or an answer that came when it had been given up.
REFUSED = {"out_of_stock", "address_invalid", "source_timeout", "source_unreachable", "source_rate_limited"}


def moody(order: dict[str, Any], time: int) -> Behaviour:
    """By the seed, the order and the time only: the same again in every run."""
    chance = random.Random(f"{SEED} {order['number']} {time}")
    return chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]


class Blows:
    """Two workers, one of which is struck now and then."""

    def __init__(self, url: str, folder: Path) -> None:
        self.workers = [WorkerProcess(url, folder / f"{place}.log") for place in range(2)]
        self._chance = random.Random(SEED)
        self.count: Counter[str] = Counter()

    async def strike(self) -> None:
        """Kill one, or let it stand still until after its leases."""
        victim = self._chance.choice(self.workers)
        if self._chance.random() < 0.7:
            self.count["killed"] += 1
            await victim.kill()
            await victim.start()
        else:
            self.count["stood still"] += 1
            await victim.stand_still()
            await asyncio.sleep(5.0)  # this is the fault itself: longer than a lease
            victim.go_on()


async def made(house: House) -> dict[int, str]:
    """The requests, half of them of a source that offers a look-up; their numbers by id."""
    ids: list[int] = []
    for first in range(0, REQUESTS, AT_ONCE):
        count = min(AT_ONCE, REQUESTS - first)
        ids += await house.merchant.requests(*[Wanted(source=place % 2) for place in range(count)])
    found = await rows(house.url, "SELECT id, number FROM fulfillment_request")
    return {row["id"]: row["number"] for row in found if row["id"] in set(ids)}


async def at_rest(house: House) -> bool:
    """Nothing is on its way, and nothing is going to be."""
    sql = """SELECT (SELECT count(*) FROM fulfillment_request_state WHERE status = 'processing') AS waiting,
      (SELECT count(*) FROM handover_attempt WHERE state <> 'settled') AS open,
      (SELECT count(*) FROM handover_attempt WHERE outcome = 'rejected' AND next_at IS NOT NULL) AS again"""
    return not any((await rows(house.url, sql))[0].values())


async def test_a_storm(house: House, tmp_path: Path) -> None:
    async with Supplier(moody) as supplier:
        numbers = await made(house)
        look_up = {"url": f"{supplier.url}/{{number}}", "afterS": [0.2, 1.0]}
        await house.push(supplier, POLICY, source=0, timeoutS=1, connectTimeoutS=1)
        await house.push(supplier, POLICY, source=1, timeoutS=1, connectTimeoutS=1, lookUp=look_up)
        blows = Blows(house.url, tmp_path)
        for worker in blows.workers:
            await worker.start()
        for blow in range(1, BLOWS + 1):
            await house.until(lambda blow=blow: _asked(supplier, blow * REQUESTS // (BLOWS + 2)), WITHIN_S)
            await blows.strike()
        await house.until(lambda: at_rest(house), WITHIN_S)
        assert [worker.runs for worker in blows.workers] == [True, True]
        for worker in blows.workers:
            assert await worker.stop() == 0
    await judge(house, supplier, numbers)
    assert blows.count["killed"] > 0
    assert len(supplier.behaved) > 8, "the supplier behaved too well to prove anything"


async def _asked(supplier: Supplier, orders: int) -> bool:
    return len(supplier.asked) >= orders


async def judge(house: House, supplier: Supplier, numbers: dict[int, str]) -> None:
    """The supplier's own book against what the hub believes."""
    states = await rows(house.url, "SELECT id, status, failure_code, handover FROM fulfillment_request_state")
    twice = {number: count for number, count in supplier.book.items() if count > 1}
    assert not twice, f"ordered twice: {twice}"
    assert len(states) == len(numbers) == REQUESTS
    for state in states:
        taken = supplier.book[numbers[state["id"]]]
        where = f"request {state['id']} stands in {state['status']} ({state['failure_code']}, {state['handover']})"
        if state["status"] in ("processed", "acknowledged"):
            assert taken == 1, f"{where}, and the supplier has not got it"
        else:
            assert state["status"] == "processing_error", where
            if state["failure_code"] != "outcome_unknown":
                assert state["failure_code"] in REFUSED, where
                assert taken == 0, f"{where}, and the supplier has got it"
    doubtful = [state for state in states if state["failure_code"] == "outcome_unknown"]
    assert all(state["handover"] in ("unknown", "delivered") for state in doubtful)
    keys = Counter(len(set(keys)) for keys in supplier.keys.values())
    assert set(keys) == {1}, "a key changed although no person released anything"
    await adds_up(house)
