"""What a batch leaves behind beside its rows: events, numbered from the locked counters, and idempotency records."""

from typing import NamedTuple

from waypost.app.actor import Actor
from waypost.app.commands import Command, IdempotencyKey, KeyRow
from waypost.app.idempotency import same_call
from waypost.app.ports import KeptOutcome, Loaded
from waypost.domain.attention import decides
from waypost.domain.events import ORDER_EVENTS, Event
from waypost.domain.fulfillment import State
from waypost.domain.orders import Order
from waypost.domain.refusals import KeyInProgress


class Told(NamedTuple):
    """What an event says beside its subject and author."""

    type: str
    was: str | None = None  # status before
    now: str | None = None  # status after
    code: str | None = None
    reason: str | None = None
    data: str | None = None  # JSON object


class Journal:
    """Events and records of one batch. `at`: its time in microseconds, later than anything before it."""

    def __init__(self, loaded: Loaded, now: int) -> None:
        self.at = max([now, *(counter.last_at + 1 for counter in loaded.counters.values())])
        self.events: list[Event] = []
        self.keys: list[KeptOutcome] = []
        self.decided: set[int] = set()  # requests of which somebody has seen to a late answer
        self._seq = {account: counter.last_seq for account, counter in loaded.counters.items()}
        self._records = iter(loaded.keys)
        self._kept_here: dict[tuple[int, str], KeyRow] = {}

    def record_of(self, key: IdempotencyKey | None, dry_run: bool = False) -> KeyRow | None:
        """The kept record of the next call of the batch; None when it is new. Dry runs ignore their keys.

        Raises `KeyInProgress` and `KeyReused`. To be asked once for each call, in the order of the batch.
        """
        if key is None or dry_run:
            return None
        kept = next(self._records)
        if kept is None:  # A caller that gave up and came back may meet its own call in the batch.
            kept = self._kept_here.get((key.family, key.key))
        if kept is False:
            raise KeyInProgress
        return same_call(kept, key) if isinstance(kept, KeyRow) else None

    def tell(
        self, account_id: int, subject: str, subject_id: int, told: Told, actor: Actor, call_id: str | None
    ) -> int:
        """Write an event; its `seq`."""
        seq = self._seq[account_id] = self._seq[account_id] + 1
        self.events.append(
            Event(account_id, seq, self.at, subject, subject_id, told.type, told.was, told.now, actor.type, actor.id,
                  actor.name, told.code, told.reason, call_id, told.data)
        )  # fmt: skip
        return seq

    def add(self, event: Event) -> None:
        """Write this event; its `seq` and time are given here."""
        self._seq[event.account_id] += 1
        self.events.append(event._replace(seq=self._seq[event.account_id], at=self.at))

    def note_decision(self, before: State, now: State, command: Command) -> None:
        """Somebody decides about a request whose hand-over ended otherwise than it stood."""
        if decides(command.actor.type, command.action, before.status, before.handover, now.status):
            self.decided.add(now.id)

    def keep(self, key: IdempotencyKey | None, account_id: int, outcome: str, dry_run: bool = False) -> None:
        """Keep the record of a call that was applied, if it came with a key; the first of a batch stands."""
        if key is not None and not dry_run and (key.family, key.key) not in self._kept_here:
            self.keys.append(KeptOutcome(key, account_id, outcome))
            self._kept_here[key.family, key.key] = KeyRow(key.operation, key.fingerprint, outcome)


def order_event(order: Order, was: str | None) -> Event:
    """What the hub itself says of an order whose status its roll-up has changed."""
    return Event(order.account_id, 0, 0, "order", order.id, ORDER_EVENTS[order.status], was, order.status, "system",
                 None, None, None, None, None, None)  # fmt: skip
