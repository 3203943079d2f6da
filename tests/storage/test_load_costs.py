"""Requests that are changed together cost as much as each of them alone: what is loaded does not depend on how many."""

from tests.growth.counting import counted_store
from tests.support.clock import ManualClock
from tests.support.merchant import Merchant
from waypost.app.changes import Changer
from waypost.app.commands import Command
from waypost.app.lists import Bulk
from waypost.domain.lifecycle import Action
from waypost.storage.group_commit import GroupWriter

FEW, TIMES = 20, 8


async def test_each_costs_the_same_however_many_are_changed_together(
    merchant: Merchant, migrated_url: str, clock: ManualClock
) -> None:
    ids = [await merchant.request() for _ in range(FEW + FEW * TIMES)]
    async with counted_store(migrated_url, generic=True) as (counted, counter):
        writer = GroupWriter(counted)

        async def cost(some: list[int]) -> int:
            commands = [Command(Action.CANCEL, id_, merchant.actor(), None, wants_image=False) for id_ in some]
            counter.taken()
            await Changer(writer, clock).bulk(Bulk(tuple(commands)))
            return sum(counter.taken().values())

        few, many = await cost(ids[:FEW]), await cost(ids[FEW:])
        await writer.close()
    assert many <= 1.2 * TIMES * few, (few, many)
