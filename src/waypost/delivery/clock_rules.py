"""Watches the clock: every so often, the rules of each account are held against what stands too long."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from waypost.app.batch_size import ALWAYS_FIT
from waypost.app.changes import Changer
from waypost.app.clock_rules import IN_VAIN, Enforcement, command_of, enforce, tell_in_vain
from waypost.app.ports import Clock, Reads, Tx
from waypost.app.ports.clock_rules import Overdue, OverduePage, OverdueQuery
from waypost.app.routing_again import RerouteAsk, reroute_request
from waypost.app.slices import parts
from waypost.app.transitions import loads_lines
from waypost.app.writer import Writer
from waypost.domain.clock_rules import WATCHED, ClockRule, Condition, Response, exceptions, overdue_since
from waypost.domain.refusals import Defect, LockHeld, Refusal, Unavailable

EVERY_S = 15.0
AT_ONCE = 200  # requests of one rule, and of one transaction
LOOKS_AT_MOST = 100  # of one rule; what lies behind is looked at next time

_Spot = tuple[int | None, str]  # the source and the condition of a rule

_log = logging.getLogger("waypost.clock_rules")


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
        # By account, of each rule: the last request that was looked at, if more follow. What is locked stays
        # overdue, and the others must not wait behind it.
        self._reached: dict[int, dict[_Spot, int]] = {}

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
        was, reached = self._reached[account_id], dict[_Spot, int]()
        for rule in rules:
            if rule.enabled:
                with _defects_logged("look at clock rule %d of account %d", rule.id, account_id):
                    spot = rule.source_id, rule.condition
                    page = await self._overdue(rule, rules, was.get(spot, 0))
                    if page.reached is not None:
                        reached[spot] = page.reached
                    jobs += await self._due(rule, page.found)
        singles = [job._replace(overdue=(one,)) for job in jobs for one in job.overdue]
        for some in parts(singles, AT_ONCE, weight=_weight):
            await self._enforced(some)
        self._reached[account_id] = reached
        return sum(len(job.overdue) for job in jobs)

    async def _enforced(self, jobs: Sequence[Enforcement]) -> None:
        """All in one transaction; where that fails, each request by itself, and of those that fail somebody is told.

        Each of the jobs has one request.
        """
        account_id = jobs[0].rule.account_id
        try:
            await self._writer.submit_alone(self._settle, jobs)
            return
        except LockHeld:
            _log.warning("something of account %d is locked: its clock rules are enforced one by one", account_id)
        except Unavailable:
            raise
        except Exception:
            _log.exception("the clock rules of account %d are enforced one by one", account_id)
        await _side_by_side(map(self._enforced_alone, jobs))

    async def _enforced_alone(self, one: Enforcement) -> None:
        """One rule and one request. Raises `Unavailable`, but for a request that is locked: its turn comes again."""
        account_id, request_id = one.rule.account_id, one.overdue[0].request_id
        try:
            await self._writer.submit_alone(self._settle, [one])
        except LockHeld:
            _log.warning("request %d of account %d is locked: its clock rule waits", request_id, account_id)
        except Unavailable:
            raise
        except Exception:
            _log.exception("clock rule %d of account %d fails with request %d", one.rule.id, account_id, request_id)
            with _defects_logged("tell of request %d of account %d", request_id, account_id):
                await self._writer.submit_alone(self._tell, [one])

    async def _settle(self, tx: Tx, jobs: Sequence[Enforcement]) -> list[int]:
        return await enforce(tx, jobs, self._clock())

    async def _tell(self, tx: Tx, jobs: Sequence[Enforcement]) -> list[int]:
        return await tell_in_vain(tx, jobs, self._clock())

    async def _overdue(self, rule: ClockRule, rules: Sequence[ClockRule], after: int) -> OverduePage:
        """Looks on until enough is found or nothing follows, within reason."""
        now = self._clock()
        condition = Condition(rule.condition)
        query = OverdueQuery(
            rule.account_id, condition, WATCHED[condition], rule.source_id, exceptions(rules, rule),
            overdue_since(rule, now), now, AT_ONCE, after,
        )  # fmt: skip
        page = await self._reads.overdue(query)
        found = page.found
        for _ in range(LOOKS_AT_MOST - 1):
            if len(found) >= AT_ONCE or page.reached is None:
                break
            page = await self._reads.overdue(query._replace(after=page.reached, limit=AT_ONCE - len(found)))
            found += page.found
        return OverduePage(found, page.reached)

    async def _due(self, rule: ClockRule, overdue: Sequence[Overdue]) -> list[Enforcement]:
        if not overdue:
            return []
        if rule.response != Response.REROUTE:
            return [Enforcement(rule, tuple(overdue))]
        refused, locked = await self._routed_again(rule, overdue)
        return [Enforcement(rule, tuple(one for one in overdue if one.request_id not in locked), refused)]

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


def _weight(one: Enforcement) -> int:
    """A request whose lines are loaded weighs so much that a transaction holds no more of them than always fit."""
    command = command_of(one.rule, one.overdue[0].request_id)
    return AT_ONCE // ALWAYS_FIT if command is not None and loads_lines(command) else 1


async def _side_by_side(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """All of them, as each that is locked takes its time; then raises what the first of them raised."""
    for end in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(end, BaseException):
            raise end


@contextmanager
def _defects_logged(what: str, *about: int) -> Iterator[None]:
    """Logs what fails in the hub itself, and goes on. Raises `Unavailable`: that is no defect."""
    try:
        yield
    except Unavailable:
        raise
    except Exception:
        _log.exception(f"cannot {what}", *about)
