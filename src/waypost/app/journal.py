"""What a batch leaves behind beside its rows: events, numbered from the locked counters."""

from typing import NamedTuple

from waypost.app.actor import Actor
from waypost.app.commands import Command
from waypost.app.ports import Loaded
from waypost.domain.attention import decides
from waypost.domain.events import ORDER_EVENTS, Event
from waypost.domain.fulfillment import State
from waypost.domain.orders import Order


class Told(NamedTuple):
    """What an event says beside its subject and author."""

    type: str
    was: str | None = None  # status before
    now: str | None = None  # status after
    code: str | None = None
    reason: str | None = None
    data: str | None = None  # JSON object


class Journal:
    """Events of one batch. `at`: its time in microseconds, later than anything before it."""

    def __init__(self, loaded: Loaded, now: int) -> None:
        self.at = max([now, *(counter.last_at + 1 for counter in loaded.counters.values())])
        self.events: list[Event] = []
        self.decided: set[int] = set()  # requests of which somebody has seen to a late answer
        self._seq = {account: counter.last_seq for account, counter in loaded.counters.items()}

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


def order_event(order: Order, was: str | None) -> Event:
    """What the hub itself says of an order whose status its roll-up has changed."""
    return Event(order.account_id, 0, 0, "order", order.id, ORDER_EVENTS[order.status], was, order.status, "system",
                 None, None, None, None, None, None)  # fmt: skip
