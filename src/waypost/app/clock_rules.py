"""Clock rules at work: requests that stand too long are told of, and where the rule says so, acted upon.

What is done goes down the one road, as the hub itself; what cannot be done is told to somebody instead.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from waypost.app.actor import Actor, Scope, system
from waypost.app.commands import Command, FailureReport, Settled
from waypost.app.desk import Desk
from waypost.app.ports import Ask, Tx
from waypost.app.ports.attention import Attention
from waypost.app.ports.clock_rules import Overdue
from waypost.app.records import Made, Notice, RecordChange
from waypost.app.slices import in_slices
from waypost.app.transitions import ask_for, settle_each
from waypost.domain.clock_rules import MEANINGS, ClockRule, Condition, Response, is_possible
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import Invalid, Problem, Refusal

RULES_AT_MOST = 200
RULES_REPLACED = "policies.updated"
NAME = "clock rules"
IN_VAIN = "the hub met an error of its own, which its log names."


class RuleDraft(NamedTuple):
    """A rule as asked for."""

    source_id: int | None
    condition: Condition
    after_minutes: int
    response: Response
    enabled: bool


def replace_clock_rules(actor: Actor, drafts: Sequence[RuleDraft]) -> RecordChange[list[ClockRule]]:
    """All rules of the account, in the place of those there are."""
    account = actor.scope.account_id

    async def work(tx: Tx, at: int) -> Made[list[ClockRule]]:
        await _check(tx, actor, drafts)
        was = await tx.clock_rules_of(account)
        known = {(one.source_id, one.condition): one.created_at for one in was}
        now = [
            ClockRule(place, account, one.source_id, one.condition, one.after_minutes, one.response, one.enabled,
                   known.get((one.source_id, one.condition), at), at)
            for place, one in enumerate(drafts, 1)
        ]  # fmt: skip
        if [_content(one) for one in was] == [_content(one) for one in now]:
            return Made(was)
        await tx.replace_clock_rules(account, now)
        return Made(now, (Notice("account", account, RULES_REPLACED, {"policies": len(now)}),))

    return RecordChange(actor, work, list[ClockRule])


def _content(rule: ClockRule) -> tuple[Any, ...]:
    return (*rule[1:6], bool(rule.enabled))


async def _check(tx: Tx, actor: Actor, drafts: Sequence[RuleDraft]) -> None:
    named = sorted({one.source_id for one in drafts if one.source_id is not None})
    known = await tx.source_rows(actor.scope, named)
    problems = []
    seen: set[tuple[int | None, str]] = set()
    for place, one in enumerate(drafts):
        if one.source_id is not None and one.source_id not in known:
            problems.append(Problem(f"/{place}/source_id", "unknown_source", f"There is no source {one.source_id}."))
        if not is_possible(one.condition, one.response):
            possible = " and ".join(f"`{each}`" for each in Condition if is_possible(each, one.response))
            words = f"`{one.response}` does not work with `{one.condition}`. It works with {possible}."
            problems.append(Problem(f"/{place}/action", "not_possible", words))
        if (one.source_id, one.condition) in seen:
            words = "There is a rule for this source and condition already."
            problems.append(Problem(f"/{place}/condition", "repeated_rule", words))
        seen.add((one.source_id, one.condition))
    if problems:
        raise Invalid(problems)


class Enforcement(NamedTuple):
    """One rule with the requests that it finds overdue. `refused`: why what it wanted could not be done, by request."""

    rule: ClockRule
    overdue: tuple[Overdue, ...]
    refused: Mapping[int, str] = {}


def words(rule: ClockRule) -> str:
    """Why the rule speaks."""
    return f"{MEANINGS[Condition(rule.condition)]} This has lasted for more than {_length(rule.after_minutes)}."


def _length(minutes: int) -> str:
    """In the largest unit that has no remainder: `1 day`, `36 hours`, `90 minutes`."""
    unit, size = next(one for one in (("day", 1440), ("hour", 60), ("minute", 1)) if minutes % one[1] == 0)
    count = minutes // size
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def command_of(rule: ClockRule, request_id: int) -> Command | None:
    """What the rule asks of one request; None: it only tells."""
    actor = system(rule.account_id, NAME)
    if rule.response == Response.FAIL:
        report = FailureReport(words(rule), "source_timeout", retryable=True)
        return Command(Action.FAIL, request_id, actor, details=report, wants_image=False)
    if rule.response in (Response.CANCEL, Response.REROUTE):
        action = Action.CANCEL if rule.response == Response.CANCEL else Action.VOID
        return Command(action, request_id, actor, reason=words(rule), wants_image=False)
    return None


async def enforce(tx: Tx, jobs: Sequence[Enforcement], now: int) -> list[int]:
    """Fail, cancel or tell, as the rules say; how many requests each rule was about.

    What a rule routes again has been tried before, in transactions of their own: here it is told when that was refused.
    """
    asked = [
        (command, job.rule)
        for job in jobs
        for one in job.overdue
        if job.rule.response != Response.REROUTE and (command := command_of(job.rule, one.request_id)) is not None
    ]
    desk = await _load(tx, jobs, [ask_for(command) for command, _ in asked], now)
    outcomes = await settle_each(desk, [command for command, _ in asked])
    settled = {
        (command.request_id, rule.condition): outcome
        for (command, rule), outcome in zip(asked, outcomes, strict=True)
    }
    changes = await in_slices(desk.changes())
    if changes is not None:
        await tx.write(changes)
    await _tell(tx, jobs, desk, settled, now)
    return [len(job.overdue) for job in jobs]


async def _load(tx: Tx, jobs: Sequence[Enforcement], asks: Sequence[Ask], now: int) -> Desk:
    """All requests that the rules are about, locked: what is told of one is true until the transaction ends."""
    every = [Ask(one.request_id, Scope(job.rule.account_id)) for job in jobs for one in job.overdue]
    return Desk(await tx.load([*asks, *every], sorted({job.rule.account_id for job in jobs})), now)


async def _tell(
    tx: Tx, jobs: Sequence[Enforcement], desk: Desk, settled: Mapping[tuple[int, str], Settled], now: int
) -> None:
    since = {state.id: state.status_since for state in desk.states()}
    await tx.raise_attention([told for job in jobs for told in _told(job, settled, since, now)])


async def tell_in_vain(tx: Tx, jobs: Sequence[Enforcement], now: int) -> list[int]:
    """Tell of these requests that the hub itself failed to do what their rules say; how many each rule was about."""
    failed = [
        job if job.rule.response == Response.ALERT
        else job._replace(refused={one.request_id: IN_VAIN for one in job.overdue})
        for job in jobs
    ]  # fmt: skip
    await _tell(tx, failed, await _load(tx, jobs, (), now), {}, now)
    return [len(job.overdue) for job in jobs]


def _told(
    job: Enforcement, settled: Mapping[tuple[int, str], Settled], since: Mapping[int, int], now: int
) -> Iterator[Attention]:
    """What somebody is told: nothing of a request whose wait the rule, or somebody else meanwhile, has ended.

    `since`: when each request came into its status.
    """
    rule = job.rule
    for one in job.overdue:
        if since.get(one.request_id) != one.since:
            continue
        outcome = settled.get((one.request_id, rule.condition))
        refused = outcome.message if isinstance(outcome, Refusal) else job.refused.get(one.request_id)
        if refused is None and rule.response != Response.ALERT:
            continue
        message = words(rule) + ("" if refused is None else f" The rule could not {rule.response} it: {refused}")
        yield Attention(
            rule.account_id, one.source_id, "fulfillment_request", one.request_id, rule.condition, message, now
        )
