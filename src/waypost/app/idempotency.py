"""Idempotency keys, for every use case alike: a call with a key is applied once (contract section 1.4).

Use cases know nothing of keys. `once_per_key` stands between the writer and each of them: it answers repeats, lets the
use case do the rest, and stores the outcome of each successful call in the same transaction as its changes. The input
of a repeat is checked as ever, but whether the record exists, is visible or has changed since is not looked at.
`KeysUnderWay` refuses at once what this process is still busy with; between processes the database decides.
"""

import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Generic, NamedTuple, TypeVar

from waypost.app.commands import IdempotencyKey, KeyName, KeyRow
from waypost.app.first_format import outcome_of
from waypost.app.ports import Clock, KeptOutcome, Tx
from waypost.app.slices import in_slices
from waypost.app.stored_records import Unreadable, decoded, encoded
from waypost.app.writer import BatchWork
from waypost.domain.refusals import Defect, KeyInProgress, KeyReused, Refusal

J = TypeVar("J")
R = TypeVar("R")

KEPT_FOR_S = 24 * 60 * 60

_log = logging.getLogger("waypost.idempotency")


class KeyedJob(NamedTuple, Generic[J]):
    """A job of a use case, and the key that it came with. A dry run has none."""

    job: J
    account_id: int
    key: IdempotencyKey | None = None


class KeysUnderWay:
    """The idempotency keys whose calls are under way in this process."""

    def __init__(self) -> None:
        self._held: set[tuple[int, str]] = set()

    @contextmanager
    def hold(self, key: IdempotencyKey | None) -> Iterator[None]:
        """Hold `key` while its call runs; `KeyInProgress` when somebody else does."""
        if key is None:
            yield
            return
        if key.name in self._held:
            raise KeyInProgress
        self._held.add(key.name)
        try:
            yield
        finally:
            self._held.discard(key.name)


def once_per_key(
    work: BatchWork[J, R | Refusal], type_of: Callable[[J], Any], clock: Clock
) -> BatchWork[KeyedJob[J], R | Refusal]:
    """`work`, done once for each key. Calls of a batch that have the same one are a call and its repeats.

    `type_of` tells the type of a job's outcome, by which it is read back; it has a field `replayed`.
    """

    async def bound(tx: Tx, calls: Sequence[KeyedJob[J]]) -> Sequence[R | Refusal]:
        keys = {call.key.name: call.key for call in calls if call.key is not None}
        if not keys:
            return await work(tx, [call.job for call in calls])
        taken = await tx.claim_keys(list(keys.values()))
        batch = _Batch(calls, taken, type_of)
        new = await batch.new()
        results = await work(tx, [calls[place].job for place in new]) if new else ()
        batch.outcomes.update(zip(new, results, strict=True))
        kept = [one async for one in batch.to_keep(new)]
        if kept:
            await tx.keep(kept, clock())
        return batch.answers()

    return bound


class _Batch(Generic[J]):
    """The calls of one batch: which are new, and what each is answered with. `outcomes` are by place."""

    def __init__(
        self, calls: Sequence[KeyedJob[J]], taken: Mapping[KeyName, KeyRow | None], type_of: Callable[[J], Any]
    ) -> None:
        self._calls = calls
        self._taken = taken
        self._type_of = type_of
        self._first: dict[KeyName, int] = {}  # the place of the call that uses a free key
        self.outcomes: dict[int, Any] = {}

    async def new(self) -> list[int]:
        """The places of the calls that are to be done; those whose keys are taken have their outcomes now."""
        places = []
        for place, (job, _, key) in enumerate(self._calls):
            if key is None:
                places.append(place)
            elif key.name in self._taken:
                self.outcomes[place] = await _repeated(key, self._taken[key.name], self._type_of(job))
            elif self._first.setdefault(key.name, place) == place:
                places.append(place)
        return places

    async def to_keep(self, new: Sequence[int]) -> AsyncIterator[KeptOutcome]:
        """The records of those that were applied, or found already so. A refusal frees its key."""
        for place in new:
            _, account_id, key = self._calls[place]
            outcome = self.outcomes[place]
            if key is not None and not isinstance(outcome, Refusal):
                yield KeptOutcome(key, account_id, await in_slices(encoded(outcome)))

    def answers(self) -> list[Any]:
        """What each call is answered with, in their order."""
        return [self._answer(place, call.key) for place, call in enumerate(self._calls)]

    def _answer(self, place: int, key: IdempotencyKey | None) -> Any:
        if place in self.outcomes or key is None:
            return self.outcomes[place]
        # The client hung up, which ended its call for `KeysUnderWay`, and sent it again before this batch ran.
        first = self._first[key.name]
        outcome, used = self.outcomes[first], self._calls[first].key
        refused = isinstance(outcome, Refusal)
        if used is not None and used != key:
            return KeyInProgress() if refused else KeyReused(key.key, used.operation)
        return outcome if refused else outcome._replace(replayed=True)


async def _repeated(key: IdempotencyKey, kept: KeyRow | None, type_: Any) -> Any:
    """The outcome that is kept under the key, or why not."""
    if kept is None:
        return KeyInProgress()
    if kept.operation != key.operation or kept.fingerprint != key.fingerprint:
        return KeyReused(key.key, kept.operation)
    try:
        found = await in_slices(decoded(kept.outcome, type_, outcome_of))
        return found._replace(replayed=True)
    except Unreadable:
        _log.exception("the outcome of %s under an idempotency key cannot be read: nothing was done", key.operation)
        return Defect()

