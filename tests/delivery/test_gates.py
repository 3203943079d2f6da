"""What one source may be sent now, and whose call may leave."""

import asyncio

from waypost.delivery.gates import Gate
from waypost.delivery.turns import Turns
from waypost.domain.handover import Policy


def test_a_gate_keeps_the_concurrency() -> None:
    gate = Gate(Policy(concurrency=2), 0.0)
    for left in (2, 1, 0):
        assert gate.room(0.0) == left
        gate.begin(0.0)
    gate.end(0.0)
    gate.end(0.0)
    assert gate.room(0.0) == 1


def quick(policy: Policy, start_s: float, calls: int = 1000) -> Gate:
    """A gate of a source that has taken so many calls within the last second, each begun within `start_s`."""
    gate = Gate(policy, 0.0)
    for number in range(calls):
        gate.begin(number / calls)
        gate.started(start_s)
        gate.end(number / calls)
    return gate


def test_as_many_are_begun_ahead_as_end_meanwhile() -> None:
    gate = quick(Policy(concurrency=64), start_s=0.0105)
    assert gate.room(1.0) == 64 + 10
    assert gate.ahead(1.0) == 10
    assert quick(Policy(concurrency=64), start_s=0.5).ahead(1.0) == 32, "half as many again at most"
    assert quick(Policy(concurrency=64), start_s=0.01, calls=20).ahead(1.0) == 0, "it takes its time"
    assert quick(Policy(concurrency=1), start_s=0.5).ahead(1.0) == 0, "one after the other"
    assert quick(Policy(concurrency=64, rate=1000.0), start_s=0.5).ahead(1.0) == 0, "its rate says when"
    assert gate.ahead(3.0) == 0, "it has stopped to answer"
    for _ in range(gate.policy.failures):
        gate.failed(1.0, None)
    assert gate.ahead(1.0) == 0
    assert gate.is_paused(1.0)


async def test_turns_are_kept_in_all_and_for_each_and_taken_in_order() -> None:
    turns = Turns(3)
    one, other = Gate(Policy(concurrency=2), 0.0), Gate(Policy(concurrency=9), 0.0)
    came: list[str] = []

    async def take(gate: Gate, name: str) -> None:
        await turns.take(gate)
        came.append(name)

    names = [(one, "a"), (one, "b"), (one, "c"), (other, "d"), (other, "e"), (one, "f")]
    tasks = [asyncio.create_task(take(*asked)) for asked in names]
    await asyncio.sleep(0.01)
    assert came == ["a", "b", "d"], "two of one, three in all"
    turns.give_back(other)
    await asyncio.sleep(0.01)
    assert came[3:] == ["e"], "c has no room with its source yet"
    tasks[2].cancel()
    await asyncio.sleep(0.01)
    turns.give_back(one)
    await asyncio.sleep(0.01)
    assert came[4:] == ["f"], "who has left takes no turn"
    assert (one.calling, other.calling) == (2, 1)


async def test_a_turn_that_is_given_to_somebody_who_is_leaving_is_given_back() -> None:
    turns, gate = Turns(1), Gate(Policy(), 0.0)
    await turns.take(gate)
    leaving = asyncio.create_task(turns.take(gate))
    after = asyncio.create_task(turns.take(gate))
    await asyncio.sleep(0)
    turns.give_back(gate)  # it is his now
    leaving.cancel()
    await asyncio.wait([leaving, after], timeout=1)
    assert leaving.cancelled()
    assert after.done()
    assert gate.calling == 1


def test_a_gate_keeps_the_rate() -> None:
    gate = Gate(Policy(rate=2.0), 0.0)
    assert gate.room(0.0) == 1
    gate.begin(0.0)
    assert gate.room(0.0) == 0
    assert gate.wait_s(0.0) == 0.5
    assert gate.room(0.5) == 1
    assert gate.room(100.0) == 2


def test_a_source_that_fails_in_a_row_is_left_alone_for_longer_each_time() -> None:
    gate = Gate(Policy(failures=2, pause_s=10, longest_pause_s=30), 0.0)
    assert not gate.failed(0.0, None)
    assert not gate.succeeded()
    assert not gate.failed(0.0, None)
    assert gate.failed(0.0, None)
    assert (gate.room(9.9), gate.room(10.0)) == (0, 1)
    assert not gate.failed(10.0, None)  # it is known already
    assert (gate.room(29.9), gate.room(30.0)) == (0, 1)
    gate.failed(30.0, None)
    gate.failed(60.0, None)
    assert (gate.room(89.9), gate.room(90.0)) == (0, 1)
    assert gate.succeeded()
    assert gate.room(90.0) == Policy().concurrency


def test_a_source_gets_the_time_it_asks_for_within_reason() -> None:
    gate = Gate(Policy(longest_pause_s=30), 0.0)
    gate.pause(0.0, 5.0)
    assert (gate.room(4.9), gate.wait_s(2.0), gate.room(5.0) > 0) == (0, 3.0, True)
    gate.pause(5.0, 9999.0)
    assert gate.room(35.0) > 0
