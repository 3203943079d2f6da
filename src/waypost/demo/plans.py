"""What becomes of each demo request: the status it is to end in, and the steps that lead there."""

import random
from collections.abc import Iterator
from typing import NamedTuple

from waypost.app.actor import Actor
from waypost.app.commands import Command, FailureReport
from waypost.demo import catalog
from waypost.domain.lifecycle import Action
from waypost.domain.statuses import Status

S = Status

# One round of targets: every status once at least, the busy ones more often. Dealt in this order, shuffled per round.
ROUND = (
    *(S.ACKNOWLEDGED,) * 9, *(S.PROCESSING,) * 4, *(S.PROCESSED,) * 4, *(S.PROCESSING_ERROR,) * 3,
    *(S.UNPROCESSED,) * 2, S.CANCELED, S.CANCELED, S.VOIDED, S.ADDITIONAL_INFO_REQUIRED,
    S.NUMBER_EXCEEDS_MAX_LENGTH, S.DUPLICATE_NUMBER, S.CROSS_DOCKED,
)  # fmt: skip


class Step(NamedTuple):
    """One thing that happens to a request; `by` names who does it."""

    action: Action
    by: str
    report: FailureReport | None = None
    reason: str | None = None


class Plan(NamedTuple):
    """A request to be: where it goes, what it ends as, and how."""

    source: int
    target: Status
    steps: tuple[Step, ...]


def targets(chance: random.Random) -> Iterator[Status]:
    """Target after target, evenly dealt."""
    while True:
        dealt = list(ROUND)
        chance.shuffle(dealt)
        yield from dealt


def plan_for(target: Status, chance: random.Random) -> Plan:
    """A plan that ends in `target`."""
    source = _source_for(target, chance)
    if target in (S.UNPROCESSED, S.ADDITIONAL_INFO_REQUIRED, S.NUMBER_EXCEEDS_MAX_LENGTH, S.DUPLICATE_NUMBER,
                  S.CROSS_DOCKED):  # fmt: skip
        return Plan(source, target, ())
    steps: list[Step] = [] if source == catalog.OWN else [Step(Action.PROCESS, "person")]
    if target != S.PROCESSING_ERROR and chance.random() < 0.2:
        steps += [_failure(chance), Step(Action.PROCESS, "person")]
    steps += _ending(target, chance)
    return Plan(source, target, tuple(steps))


def _source_for(target: Status, chance: random.Random) -> int:
    if target == S.NUMBER_EXCEEDS_MAX_LENGTH:
        return catalog.LIMITED
    if target == S.ADDITIONAL_INFO_REQUIRED:
        return catalog.DEMANDING
    if target == S.UNPROCESSED:
        return chance.choice((catalog.UNLIMITED, catalog.LIMITED, catalog.DEMANDING))
    return chance.choice((catalog.UNLIMITED, catalog.LIMITED, catalog.DEMANDING, catalog.OWN))


def _failure(chance: random.Random) -> Step:
    code, words = chance.choice(catalog.FAILURES)
    return Step(Action.FAIL, "source", FailureReport(words, code))


def _ending(target: Status, chance: random.Random) -> list[Step]:
    handed_over = Step(Action.PROCESSED, "source")
    if target == S.PROCESSING:
        return []
    if target == S.PROCESSING_ERROR:
        return [handed_over, _failure(chance)] if chance.random() < 0.5 else [_failure(chance)]
    if target == S.CANCELED:
        return [handed_over, Step(Action.CANCEL, "source", reason=chance.choice(catalog.CANCEL_REASONS))]
    if target == S.VOIDED:
        return [Step(Action.VOID, "person", reason=chance.choice(catalog.VOID_REASONS))]
    if target == S.ACKNOWLEDGED:
        return [handed_over, Step(Action.ACKNOWLEDGE, "source")]
    return [handed_over]


def command(step: Step, request_id: int, actor: Actor) -> Command:
    """The step as a command for the road."""
    return Command(step.action, request_id, actor, details=step.report, reason=step.reason, wants_image=False)
