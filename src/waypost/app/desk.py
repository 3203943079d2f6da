"""The desk: settles the commands of one batch, one after the other, on what was loaded. Pure.

Two commands on one request are decided in order of arrival, the second on the result of the first; a refused
one leaves its neighbours alone. What comes of it all is `changes()`: the rows to write.
"""

import json
from collections.abc import Sequence

from waypost.app.commands import Adjustment, Command, Done, FailureReport, Settled
from waypost.app.effects import Draft, apply_effects, sharper_outcome
from waypost.app.idempotency import keep, replay
from waypost.app.ports import Changes, KeptOutcome, Loaded
from waypost.domain.events import Event
from waypost.domain.fulfillment import FulfillmentRequest, Line, State
from waypost.domain.guards import Circumstances, allowed_actions, broken_guard
from waypost.domain.lifecycle import Action, Move, NoChange, Row, decide
from waypost.domain.numbering import blocking_status
from waypost.domain.orders import LineSums, Order, OrderItem, roll_up, roll_up_item
from waypost.domain.refusals import (
    KeyInProgress,
    NotAllowed,
    NotFound,
    NotPermitted,
    Refusal,
    Stale,
    refuse_from_status,
)


class Desk:
    """Working copies of a batch's requests, and the events and records that its commands leave behind."""

    def __init__(self, loaded: Loaded, now: int) -> None:
        self._loaded = loaded
        self.at = max([now, *(counter.last_at + 1 for counter in loaded.counters.values())])
        self._seq = {account: counter.last_seq for account, counter in loaded.counters.items()}
        self._before = {state.id: state for state in loaded.states if state is not None}
        self._now = dict(self._before)
        self._lines = dict(loaded.lines)
        self._touched_lines: dict[int, Line] = {}
        self._events: list[Event] = []
        self._keys: list[KeptOutcome] = []
        self._next_key = 0

    def settle(self, place: int, command: Command) -> Settled:
        """The outcome of the command at `place` of the batch; a refusal is returned, not raised."""
        kept = None
        if command.key is not None and not command.dry_run:
            kept = self._loaded.keys[self._next_key]
            self._next_key += 1
        try:
            if kept is False:
                raise KeyInProgress
            if kept is not None and kept is not True:
                return replay(kept, command)
            return self._settle(place, command)
        except Refusal as refusal:
            return refusal

    def _settle(self, place: int, command: Command) -> Done:
        state = self._visible(place)
        if state is None:
            raise NotFound
        draft = self._decide(state, command)
        if draft is None:
            done = self._done(command, state, state, moved=False)
        elif command.dry_run:
            return Done(command.action, True, state.status, draft.state.status, state.version, None, dry_run=True)
        else:
            self._record(state, draft, command)
            done = self._done(command, state, draft.state, moved=True)
        if command.key is not None and not command.dry_run:
            self._keys.append(KeptOutcome(command.key, state.account_id, keep(done)))
        return done._replace(dry_run=command.dry_run)

    def _visible(self, place: int) -> State | None:
        loaded = self._loaded.states[place]
        return None if loaded is None else self._now[loaded.id]

    def _decide(self, state: State, command: Command) -> Draft | None:
        """What becomes of `state`: None when it is so already; every refusal is raised."""
        if not _matches(command.expected, state.version):
            raise Stale(state.version)
        lines = self._lines.get(state.id, ())
        outcome = sharper_outcome(command, lines)
        decision = decide(state.status, command.action, outcome)
        who = command.actor.type
        if not isinstance(decision, Move | NoChange):
            raise refuse_from_status(state.status, command.action, allowed_actions(state, who))
        if who not in decision.row.who:
            raise NotPermitted
        if isinstance(decision, NoChange):
            return None
        self._guard(decision.row, state, command)
        return apply_effects(Draft(state, lines), decision, command, self.at)

    def _guard(self, row: Row, state: State, command: Command) -> None:
        if not row.guards:
            return
        facts = Circumstances(self._cause_gone(state), command.confirm_resend)
        broken = broken_guard(row, state, facts)
        if broken is not None:
            guard, words = broken
            raise NotAllowed(words, state.status, allowed_actions(state, command.actor.type), code=guard)

    def _cause_gone(self, state: State) -> bool:
        cause = self._loaded.causes.get(state.id)
        if cause is None:
            return True
        particulars = self._loaded.particulars[state.id]
        given = {field["name"]: field["value"] or "" for field in json.loads(particulars.custom_fields)}
        required = json.loads(cause.required_fields)
        is_duplicate = cause.number_owner not in (None, state.id)
        return blocking_status(particulars.number, cause.max_length, is_duplicate, required, given) is None

    def _record(self, before: State, draft: Draft, command: Command) -> None:
        now = draft.state
        self._now[now.id] = now
        if draft.lines is not self._lines.get(now.id, ()):
            self._lines[now.id] = tuple(draft.lines)
            self._touched_lines.update((line.id, line) for line in draft.touched)
        self._seq[now.account_id] += 1
        actor = command.actor
        self._events.append(
            Event(now.account_id, self._seq[now.account_id], self.at, "fulfillment_request", now.id, draft.event,
                  before.status, now.status, actor.type, actor.id, actor.name, draft.code, draft.reason,
                  command.call_id, draft.data)
        )  # fmt: skip

    def _done(self, command: Command, before: State, now: State, moved: bool) -> Done:
        image = None
        if command.wants_image and now.id in self._loaded.particulars:
            image = FulfillmentRequest(now, self._loaded.particulars[now.id], self._lines[now.id])
        return Done(command.action, moved, before.status, now.status, now.version, image)

    def keep(self, outcome: KeptOutcome) -> None:
        """Keep the record of a call that stands for several commands."""
        self._keys.append(outcome)

    def changes(self) -> Changes | None:
        """All rows to write; None when nothing changed and nothing is to be kept."""
        if not self._events and not self._keys:
            return None
        states = [(was, self._now[id_]) for id_, was in self._before.items() if self._now[id_] is not was]
        items, orders = self._roll_ups()
        lines = list(self._touched_lines.values())
        return Changes(states, lines, items, orders, self._events, self._keys, self.at)

    def _roll_ups(self) -> tuple[list[OrderItem], list[Order]]:
        """The orders whose lines changed, derived afresh from the lines inside and outside the batch."""
        items: list[OrderItem] = []
        orders: list[Order] = []
        changed = {self._now[line.request_id].order_id for line in self._touched_lines.values()}
        # An order that no command of the batch asked for has had no quantity changed, only a line's notes.
        for order_id in sorted(changed & self._loaded.orders.keys()):
            parts = self._loaded.orders[order_id]
            sums = dict(parts.other_sums)
            for state in self._now.values():
                if state.order_id == order_id:
                    add_up(sums, self._lines.get(state.id, ()))
            rolled = [roll_up_item(item, sums.get(item.id, LineSums())) for item in parts.items]
            items += [now for now, was in zip(rolled, parts.items, strict=True) if now != was]
            orders.append(roll_up(parts.order, rolled)._replace(updated_at=self.at))
        return items, orders


def add_up(sums: dict[int, LineSums], lines: Sequence[Line]) -> None:
    """Add these lines to the sums of the order items that they fill."""
    for line in lines:
        if line.order_item_id is not None:
            was = sums.get(line.order_item_id, LineSums())
            sums[line.order_item_id] = LineSums(
                was.allocated + line.effective,
                was.acknowledged + line.acknowledged,
                was.shipped + line.shipped,
                was.killed + line.killed,
            )


def _matches(expected: frozenset[int] | str | None, version: int) -> bool:
    return expected is None or expected == "*" or version in expected


def wants_lines(command: Command) -> bool:
    """Whether the command reads the request's lines."""
    if isinstance(command.details, FailureReport):
        return bool(command.details.line_ids)
    return isinstance(command.details, Adjustment) or command.action in _LINE_ACTIONS


_LINE_ACTIONS = (Action.ACKNOWLEDGE, Action.ADJUST, Action.CANCEL, Action.VOID, Action.SYNC_ACCOUNTING)
