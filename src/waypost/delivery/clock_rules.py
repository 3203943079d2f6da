"""Watches the clock: every so often, the rules of each account are held against what stands too long."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from waypost.app.changes import Changer
from waypost.app.clock_rules import Enforcement, command_of, enforce
from waypost.app.ports import Clock, Reads, Tx
from waypost.app.ports.clock_rules import Overdue, OverdueQuery
from waypost.app.routing_again import RerouteAsk, reroute_request
from waypost.app.writer import Writer
from waypost.domain.clock_rules import WATCHED, ClockRule, Condition, Response, exceptions, overdue_since
from waypost.domain.refusals import Refusal

EVERY_S = 15.0
AT_ONCE = 200  # requests of one rule

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

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop`."""
        while not stop.is_set():
            try:
                await self.look()
            except Refusal as error:
                _log.warning("cannot look at the clock rules: %s", error.message)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every_s):
                    await stop.wait()

    async def look(self) -> int:
        """One look at every rule of every account; how many requests were overdue."""
        count = 0
        for account_id in await self._reads.ruled_accounts():
            rules = await self._reads.clock_rules(account_id)
            jobs = [job for rule in rules if rule.enabled for job in await self._due(rule, rules)]
            # Even with nothing overdue: what was told before may be true no longer.
            await self._writer.submit_alone(self._settle, jobs or [Enforcement(rules[0], ())])
            count += sum(len(job.overdue) for job in jobs)
        return count

    async def _settle(self, tx: Tx, jobs: Sequence[Enforcement]) -> list[int]:
        return await enforce(tx, jobs, self._clock())

    async def _due(self, rule: ClockRule, rules: Sequence[ClockRule]) -> list[Enforcement]:
        now = self._clock()
        condition = Condition(rule.condition)
        query = OverdueQuery(
            rule.account_id, condition, WATCHED[condition], rule.source_id, exceptions(rules, rule),
            overdue_since(rule, now), now, AT_ONCE,
        )  # fmt: skip
        overdue = await self._reads.overdue(query)
        if not overdue:
            return []
        refused = await self._routed_again(rule, overdue) if rule.response == Response.REROUTE else {}
        return [Enforcement(rule, tuple(overdue), refused)]

    async def _routed_again(self, rule: ClockRule, overdue: Sequence[Overdue]) -> dict[int, str]:
        """Each in a transaction of its own; why it could not be done, by request."""
        refused = {}
        for one in overdue:
            command = command_of(rule, one.request_id)
            if command is None:
                raise AssertionError("a rule that routes again asks for it")
            try:
                await self._changes.record(reroute_request(RerouteAsk(command, None)))
            except Refusal as refusal:
                refused[one.request_id] = refusal.message
        return refused
