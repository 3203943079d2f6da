"""Handing over, as the worker does it: claim, begin to send, settle, try again. Each is a batch in one transaction.

An attempt and its request change together: requests are locked first, then their attempts, and every change of a
request is settled at the desk. `sending` is committed before anything leaves.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from waypost.app.actor import Actor, Scope
from waypost.app.attempt_ends import NOT_TAKEN, cleaned, delivered_since, ended_row, in_doubt
from waypost.app.attempt_ends import Settlement as Settlement
from waypost.app.commands import Command, Done, FailureReport, Handover
from waypost.app.desk import Desk
from waypost.app.ports import Tx, no_changes
from waypost.app.ports.attention import Attention
from waypost.app.ports.delivery import Claimed, Confirmed, Ended, OpenAttempt, Started
from waypost.app.ports.kinds import Result
from waypost.app.slices import Pace, in_slices
from waypost.app.transitions import ask_for, steps_at
from waypost.domain.handover import (
    ARRIVED,
    LATE_DELIVERY,
    AttemptState,
    Outcome,
    surprise,
)
from waypost.domain.lifecycle import Action, Move, decide
from waypost.domain.refusals import Refusal, Stale
from waypost.domain.statuses import STATUSES, Status


def worker_of(account_id: int) -> Actor:
    """The author of what the worker does."""
    return Actor("worker", Scope(account_id), None, "delivery")


class ClaimAsk(NamedTuple):
    """How many requests of which sources a worker has room for."""

    worker: str
    wanted: tuple[tuple[int, int, bool], ...]  # source id, count, whether it only finds out if the source is back
    lease_us: int


async def claim(tx: Tx, asks: Sequence[ClaimAsk], now: int) -> list[list[Claimed]]:
    """Take on what may be handed over; first what other workers claimed and left."""
    found: list[list[Claimed]] = []
    for ask in asks:
        mine: list[Claimed] = []
        until = now + ask.lease_us
        for source_id, count, probing in ask.wanted:
            taken = await tx.take_over_claims(source_id, ask.worker, count, now, until)
            # What has waited for its time comes first. Not in a trial: one bad request would keep its source down.
            for waited in (False, True) if probing else (True, False):
                if len(taken) < count:
                    rest = count - len(taken)
                    taken += await tx.claim_requests(source_id, ask.worker, rest, now, until, waited)
            mine += taken
        found.append(mine)
    return found


class Start(NamedTuple):
    """A claimed attempt whose request is ready to leave. `version` is that of the request it was written from."""

    attempt: Claimed
    worker: str
    version: int
    request: str  # JSON, nothing secret
    lease_us: int
    settings_version: int


class Begun(StrEnum):
    """Whether it may leave."""

    YES = "yes"
    CHANGED = "changed"  # write it anew
    NO = "no"  # somebody else has it, or the request has moved


async def advance(tx: Tx, jobs: Sequence[Start | Settlement], now: int) -> list[Begun | Outcome | None]:
    """Take attempts a step on, those that begin and those that end in one transaction.

    A start writes `sending`, on attempt and request, before anything leaves; asked twice, it says the same. A
    settlement settles attempt and request; None: it was settled already, and there is nothing new.
    """
    jobs = [job if isinstance(job, Start) else job._replace(result=cleaned(job.result)) for job in jobs]
    commands = [_command(job) for job in jobs]
    desk, attempts = await _load(tx, commands, [job.attempt for job in jobs], now)
    bench = _Bench(desk, attempts, now, await delivered_since(tx, jobs))
    results: list[Begun | Outcome | None] = []
    pace = Pace()
    for place, (command, job) in enumerate(zip(commands, jobs, strict=True)):
        if isinstance(job, Start):
            results.append(bench.start(place, command, job))
        else:
            results.append(bench.settle(place, command, job))
        await pace.spend(steps_at(desk, place))
    await bench.write(tx)
    return results


def _command(job: Start | Settlement) -> Command:
    details, expected = None, None
    if isinstance(job, Start):
        outcome, expected = "sending", frozenset({job.version})
        details = Handover(None, job.attempt.number, job.attempt.release)
    else:
        outcome = "acknowledged" if job.result.outcome is Outcome.ACKNOWLEDGED else "settled"
    return Command(
        Action.HAND_OVER, job.attempt.request_id, worker_of(job.attempt.account_id), wants_image=False,
        details=details, outcome=outcome, expected=expected,
    )  # fmt: skip


class _Bench:
    """One batch at work. `attempts`: as they are, and become.

    `had`: requests of which an earlier attempt turned out to be delivered while this one was on its way.
    """

    def __init__(self, desk: Desk, attempts: dict[int, OpenAttempt], now: int, had: set[int]) -> None:
        self._desk = desk
        self._attempts = attempts
        self._now = now
        self._had = had
        self._started: list[Started] = []
        self._ended: list[Ended] = []
        self._late: list[tuple[str, int, int]] = []
        self._numbers: dict[int, Confirmed] = {}
        self._attention: list[Attention] = []

    def start(self, place: int, command: Command, job: Start) -> Begun:
        """An attempt that is to leave."""
        attempt = self._attempts[job.attempt.id]
        if attempt.worker != job.worker or attempt.state == AttemptState.SETTLED:
            return Begun.NO
        if attempt.state == AttemptState.SENDING:  # the answer to the first call was lost
            return Begun.YES
        state = self._desk.state_at(place)
        if state is not None and state.status == Status.PROCESSING and state.waits_until > self._now:
            return self._withdraw(attempt, "It is held: it was repaired after it was claimed.")
        settled = self._desk.settle(place, command)
        if isinstance(settled, Done):
            lease_until = self._now + job.lease_us
            self._started.append(Started(attempt.id, self._now, lease_until, job.request, job.settings_version))
            self._attempts[attempt.id] = attempt._replace(state=AttemptState.SENDING)
            return Begun.YES
        if isinstance(settled, Stale):
            return Begun.CHANGED
        return self._withdraw(attempt, settled.message)

    def _withdraw(self, attempt: OpenAttempt, why: str) -> Begun:
        withdrawn = Result(Outcome.WITHDRAWN, message=why)
        self._ended.append(ended_row(attempt, withdrawn, self._now))
        self._attempts[attempt.id] = attempt._replace(state=AttemptState.SETTLED, outcome=Outcome.WITHDRAWN)
        return Begun.NO

    def settle(self, place: int, command: Command, job: Settlement) -> Outcome | None:
        """An attempt that has come to an end."""
        attempt = self._attempts[job.attempt.id]
        if job.lapsed:
            is_his = attempt.state == AttemptState.SENDING and attempt.lease_until <= self._now
        else:
            is_his = attempt.worker == job.worker or (job.sent and attempt.state != AttemptState.CLAIMED)
        if not is_his:
            return None
        if attempt.state == AttemptState.SETTLED:
            return self._learn(place, command, attempt, job)
        outcome = self._end(place, command, attempt, job)
        self._attempts[attempt.id] = attempt._replace(state=AttemptState.SETTLED, outcome=outcome)
        return outcome

    def _end(self, place: int, command: Command, attempt: OpenAttempt, job: Settlement) -> Outcome:
        """An attempt that is open."""
        ended = ended_row(attempt, job.result, self._now, job)
        result = job.result._replace(outcome=Outcome(ended.outcome))
        if attempt.request_id in self._had and result.outcome in NOT_TAKEN:
            ended, result = ended._replace(next_at=None), in_doubt(result)
        state = self._desk.state_at(place)
        if state is None:
            raise AssertionError("a request is never deleted")
        if isinstance(decide(state.status, Action.HAND_OVER, result.outcome), Move):
            key: str = result.outcome
        else:
            key = "settled"
            self._surprise(attempt, state.status, result)
        self._ask(place, command, attempt, result, key, ended.next_at)
        self._ended.append(ended)
        self._name(attempt, result)
        return Outcome(ended.outcome)

    def _learn(self, place: int, command: Command, attempt: OpenAttempt, job: Settlement) -> Outcome | None:
        """The true answer of an attempt that somebody has given up meanwhile."""
        result = job.result
        if result.outcome is Outcome.DEFERRED:  # the source has not got it
            result = result._replace(outcome=Outcome.REJECTED, retryable=True)
        known = attempt.late_outcome or attempt.outcome
        if result.outcome not in (*ARRIVED, Outcome.REJECTED) or known != Outcome.UNKNOWN:
            return None
        state = self._desk.state_at(place)
        # Released again, and not on its way yet: the source has it, so nothing is sent.
        spared = state is not None and state.status == Status.PROCESSING and state.handover != "sending"
        key: str = result.outcome if spared and result.outcome in ARRIVED else "late"
        self._ask(place, command, attempt, result, key)
        self._late.append((result.outcome, self._now, attempt.id))
        self._name(attempt, result)
        if result.outcome in ARRIVED:
            self._had.add(attempt.request_id)
            self._raise(attempt, LATE_DELIVERY, "The source has it after all: its answer came late.")
        elif state is not None:
            self._surprise(attempt, state.status, result)
        return result.outcome

    def _ask(
        self, place: int, command: Command, attempt: OpenAttempt, result: Result, key: str, next_at: int | None = None
    ) -> None:
        report = None
        if result.outcome not in ARRIVED:
            words = result.message or "The source did not say why."
            report = FailureReport(words, result.code or "other", result.retryable)
        told = Handover(result.outcome, attempt.number, attempt.release, report, result.reference, next_at)
        settled = self._desk.settle(place, command._replace(details=told, outcome=key))
        if isinstance(settled, Refusal):
            raise AssertionError(f"the life cycle does not know what to do with {key}: {settled.message}")

    def _surprise(self, attempt: OpenAttempt, status: Status, result: Result) -> None:
        code = surprise(status, result.outcome)
        if code is not None:
            came = "has it" if code == LATE_DELIVERY else "did not take it"
            self._raise(attempt, code, f"The source {came}, but it stands in {STATUSES[status].name}.")

    def _raise(self, attempt: OpenAttempt, code: str, message: str) -> None:
        self._attention.append(
            Attention(attempt.account_id, attempt.source_id, "fulfillment_request", attempt.request_id, code, message,
                      self._now)
        )  # fmt: skip

    def _name(self, attempt: OpenAttempt, result: Result) -> None:
        if result.reference is not None and result.outcome in ARRIVED:
            self._numbers[attempt.request_id] = Confirmed(attempt.request_id, result.reference)

    async def write(self, tx: Tx) -> None:
        """Write all of it."""
        changes = await in_slices(self._desk.changes()) or no_changes(self._now)
        started, ended = self._started, self._ended
        if not {one.id for one in started}.isdisjoint(one.id for one in ended):
            # No worker asks for that; yet one statement that writes a row twice would lose one of the two.
            await tx.write(no_changes(self._now)._replace(started=started))
            started = []
        await tx.write(changes._replace(started=started, ended=ended, confirmed=list(self._numbers.values())))
        await tx.note_late(self._late)
        await tx.raise_attention(self._attention)


async def retry(tx: Tx, attempts: Sequence[Claimed], now: int) -> list[bool]:
    """Release again what its source refused for now; dropped where somebody has seen to the request since."""
    commands = [
        Command(Action.PROCESS, one.request_id, worker_of(one.account_id), reason="Tried again.", outcome="retry",
                wants_image=False)
        for one in attempts
    ]  # fmt: skip
    desk, known = await _load(tx, commands, attempts, now)
    tried: list[bool] = []
    marks: list[tuple[int | None, int]] = []
    pace = Pace()
    for place, (command, one) in enumerate(zip(commands, attempts, strict=True)):
        state, attempt = desk.state_at(place), known[one.id]
        fresh = state is not None and state.attempt_count == attempt.release and attempt.retried_as is None
        again = fresh and isinstance(desk.settle(place, command), Done)
        tried.append(again)
        marks.append((attempt.release + 1 if again else attempt.retried_as, attempt.id))
        await pace.spend(steps_at(desk, place))
    await _write(tx, desk)
    await tx.mark_retried(marks)
    return tried


async def _load(
    tx: Tx, commands: Sequence[Command], attempts: Sequence[Claimed], now: int
) -> tuple[Desk, dict[int, OpenAttempt]]:
    accounts = sorted({attempt.account_id for attempt in attempts})
    loaded = await tx.load([ask_for(command) for command in commands], accounts)
    return Desk(loaded, now), await tx.open_attempts([attempt.id for attempt in attempts])


async def _write(tx: Tx, desk: Desk) -> None:
    changes = await in_slices(desk.changes())
    if changes is not None:
        await tx.write(changes)
