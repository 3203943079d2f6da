"""Watches the clock: every so often, the rules of each account are held against what stands too long."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, TypeVar

from waypost.app.batch_size import ALWAYS_FIT
from waypost.app.changes import Changer
from waypost.app.clock_rules import IN_VAIN, Enforcement, command_of, enforce, tell_in_vain
from waypost.app.ports import Clock, Reads, Tx
from waypost.app.ports.clock_rules import Overdue, OverdueQuery
from waypost.app.routing_again import RerouteAsk, reroute_request
from waypost.app.slices import parts
from waypost.app.transitions import loads_lines
from waypost.app.writer import Writer
from waypost.domain.clock_rules import WATCHED, ClockRule, Condition, Response, exceptions, overdue_since
from waypost.domain.refusals import Defect, LockHeld, Refusal, Unavailable

EVERY_S = 15.0
AT_ONCE = 200  # requests of one rule, and of one transaction

_Spot = tuple[int | None, str]  # the source and the condition of a rule
T = TypeVar("T")

_log = logging.getLogger("waypost.clock_rules")


class _Reached(NamedTuple):
    """How far the looks of a rule have come that found more than they took.

    What could not be done stays overdue, and the others must not wait behind it, nor one source behind another.
    """

    source_id: int = 0  # the next look begins behind this one
    left: frozenset[int] = frozenset()  # requests that could not be dealt with


class ClockWatch:
    """One watch. Several may run side by side: what one has told or ended, the others find told or ended."""

    def __init__(
        self, reads: Reads, writer: Writer, changes: Changer, clock: Clock, every_s: float = EVERY_S
    ) -> None:
        self._reads = reads
        self._writer = writer
        self._changes = changes
        self._clock = clock
        self._every_s = every_s
        self._reached: dict[int, dict[_Spot, _Reached]] = {}  # by account, of each rule that has found many

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop`."""
        while not stop.is_set():
            try:
                await self.look()
            except Refusal as error:
                _log.warning("cannot look at the clock rules: %s", error.message)
            except Exception:
                _log.exception("cannot look at the clock rules")
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every_s):
                    await stop.wait()

    async def look(self) -> int:
        """One look at every rule of every account; how many requests were overdue.

        Raises `Unavailable` where the accounts cannot be read. What fails with one account, rule or request is logged,
        and does not stop the others.
        """
        count = 0
        accounts = await self._reads.ruled_accounts()
        self._reached = {account_id: self._reached.get(account_id, {}) for account_id in accounts}
        for account_id in accounts:
            try:
                with _defects_logged("look at the clock rules of account %d", account_id):
                    count += await self._look_at(account_id)
            except Unavailable as error:  # perhaps only what is locked for this account
                _log.warning("cannot look at the clock rules of account %d: %s", account_id, error.message)
        return count

    async def _look_at(self, account_id: int) -> int:
        rules = await self._reads.clock_rules(account_id)
        jobs: list[Enforcement] = []
        was, full = self._reached[account_id], dict[_Spot, list[Overdue]]()
        left: set[int] = set()
        for rule in rules:
            if rule.enabled:
                with _defects_logged("look at clock rule %d of account %d", rule.id, account_id):
                    spot = rule.source_id, rule.condition
                    found = await self._overdue(rule, rules, was.get(spot, _Reached()))
                    if len(found) == AT_ONCE:
                        full[spot] = found
                    job, locked = await self._due(rule, found)
                    jobs += [job] if job.overdue else []
                    left |= locked
        singles = [job._replace(overdue=(one,)) for job in jobs for one in job.overdue]
        for some in parts(singles, AT_ONCE, weight=_weight):
            left |= await self._enforced(some)
        self._reached[account_id] = {
            spot: _Reached(found[-1].source_id, was.get(spot, _Reached()).left | left.intersection(_ids(found)))
            for spot, found in full.items()
        }
        return sum(len(job.overdue) for job in jobs)

    async def _enforced(self, jobs: Sequence[Enforcement]) -> set[int]:
        """All in one transaction; where that fails, each request by itself, and of those that fail somebody is told.

        Each of the jobs has one request. Gives those for which nothing could be done.
        """
        account_id = jobs[0].rule.account_id
        try:
            await self._writer.submit_alone(self._settle, jobs)
            return set()
        except LockHeld:
            _log.warning("something of account %d is locked: its clock rules are enforced one by one", account_id)
        except Unavailable:
            raise
        except Exception:
            _log.exception("the clock rules of account %d are enforced one by one", account_id)
        are_done = await _side_by_side(map(self._enforced_alone, jobs))
        return {one.overdue[0].request_id for one, is_done in zip(jobs, are_done, strict=True) if not is_done}

    async def _enforced_alone(self, one: Enforcement) -> bool:
        """One rule and one request; whether it was done, or told of.

        Raises `Unavailable`, but for a request that is locked: its turn comes again.
        """
        account_id, request_id = one.rule.account_id, one.overdue[0].request_id
        try:
            await self._writer.submit_alone(self._settle, [one])
            return True
        except LockHeld:
            _log.warning("request %d of account %d is locked: its clock rule waits", request_id, account_id)
        except Unavailable:
            raise
        except Exception:
            _log.exception("clock rule %d of account %d fails with request %d", one.rule.id, account_id, request_id)
            with _defects_logged("tell of request %d of account %d", request_id, account_id):
                await self._writer.submit_alone(self._tell, [one])
                return True
        return False

    async def _settle(self, tx: Tx, jobs: Sequence[Enforcement]) -> list[int]:
        return await enforce(tx, jobs, self._clock())

    async def _tell(self, tx: Tx, jobs: Sequence[Enforcement]) -> list[int]:
        return await tell_in_vain(tx, jobs, self._clock())

    async def _overdue(self, rule: ClockRule, rules: Sequence[ClockRule], reached: _Reached) -> list[Overdue]:
        now = self._clock()
        query = OverdueQuery(
            rule.account_id, WATCHED[Condition(rule.condition)], rule.source_id, exceptions(rules, rule),
            overdue_since(rule, now), now, AT_ONCE, reached.source_id, tuple(reached.left),
        )  # fmt: skip
        return await self._reads.overdue(query)

    async def _due(self, rule: ClockRule, overdue: Sequence[Overdue]) -> tuple[Enforcement, set[int]]:
        """What is to be enforced; and the requests that were to be routed again and are locked."""
        if rule.response != Response.REROUTE:
            return Enforcement(rule, tuple(overdue)), set()
        refused, locked = await self._routed_again(rule, overdue)
        return Enforcement(rule, tuple(one for one in overdue if one.request_id not in locked), refused), locked

    async def _routed_again(self, rule: ClockRule, overdue: Sequence[Overdue]) -> tuple[dict[int, str], set[int]]:
        """Each in a transaction of its own; why it could not be done, by request, and which are locked now."""
        refused: dict[int, str] = {}
        locked: set[int] = set()

        async def route_again(request_id: int) -> None:
            command = command_of(rule, request_id)
            if command is None:
                raise AssertionError("a rule that routes again asks for it")
            try:
                await self._changes.record(reroute_request(RerouteAsk(command, None)))
            except LockHeld:
                locked.add(request_id)
            except Unavailable:
                raise
            except Exception as error:
                is_refused = isinstance(error, Refusal) and not isinstance(error, Defect)
                if not is_refused:
                    _log.exception("request %d cannot be routed again", request_id)
                refused[request_id] = str(error) if is_refused else IN_VAIN

        await _side_by_side(route_again(one.request_id) for one in overdue)
        return refused, locked


def _ids(overdue: Iterable[Overdue]) -> Iterator[int]:
    return (one.request_id for one in overdue)


def _weight(one: Enforcement) -> int:
    """A request whose lines are loaded weighs so much that a transaction holds no more of them than always fit."""
    command = command_of(one.rule, one.overdue[0].request_id)
    return AT_ONCE // ALWAYS_FIT if command is not None and loads_lines(command) else 1


async def _side_by_side(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """What each of them gives: all are waited for, as each that is locked takes its time.

    Raises what the first that fails has raised.
    """
    ends = []
    for end in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(end, BaseException):
            raise end
        ends.append(end)
    return ends


@contextmanager
def _defects_logged(what: str, *about: int) -> Iterator[None]:
    """Logs what fails in the hub itself, and goes on. Raises `Unavailable`: that is no defect."""
    try:
        yield
    except Unavailable:
        raise
    except Exception:
        _log.exception(f"cannot {what}", *about)
