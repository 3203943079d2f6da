"""The desk: settles the commands of one batch, one after the other, on what was loaded. Pure.

Two commands on one request are decided in order of arrival, the second on the result of the first; a refused
one leaves its neighbours alone. What comes of it all is `changes()`: the rows to write.
"""

import json
from collections.abc import Mapping, Sequence

from waypost.app.commands import Command, Done, Settled, matches
from waypost.app.drafts import Draft, Holding
from waypost.app.editing import check_number, new_number, number_owner
from waypost.app.effects import apply_effects
from waypost.app.journal import Journal, Told, order_event
from waypost.app.ports import Changes, Loaded, NewRequest, OrderParts, StockChange
from waypost.app.ports.routing import DecisionRow
from waypost.app.quantities import sharper_outcome
from waypost.domain.events import Event
from waypost.domain.fulfillment import FulfillmentRequest, Line, State, released
from waypost.domain.guards import Circumstances, allowed_actions, broken_guard
from waypost.domain.lifecycle import Action, Move, NoChange, Row, decide
from waypost.domain.numbering import blocking_status
from waypost.domain.orders import LineSums, Order, OrderItem, add_up, roll_up, roll_up_item
from waypost.domain.refusals import NotAllowed, NotFound, NotPermitted, Refusal, Stale, refuse_from_status
from waypost.domain.slices import Sliced, at_once

_STEPS_OF_AN_ORDER, _STEPS_OF_AN_ITEM, _STEPS_OF_A_LINE = 20, 5, 2  # to roll it up


class Desk:
    """Working copies of a batch's requests, and the events and records that its commands leave behind."""

    def __init__(self, loaded: Loaded, now: int) -> None:
        self._loaded = loaded
        self.journal = Journal(loaded, now)
        self.at = self.journal.at
        self._before = {state.id: state for state in loaded.states if state is not None}
        self._now = dict(self._before)
        self._lines = dict(loaded.lines)
        self._touched_lines: dict[int, Line] = {}
        self._holdings = dict(loaded.holdings)
        self._stock: dict[int, StockChange] = {}  # by line id
        self._refused: dict[int, set[int]] = {}  # source ids by order item id
        self._given_back: dict[int, dict[int, int]] = {}  # pieces by order item id, by order id
        self._amended: dict[int, tuple[Order, Sequence[OrderItem]]] = {}  # by order id
        self._new: dict[int, list[NewRequest]] = {}  # by order id
        self._new_sums: dict[int, dict[int, LineSums]] = {}  # of their lines, by order item id, by order id
        self._of_order: dict[int, list[int]] = {}  # the batch's requests, by order id
        for state in self._before.values():
            self._of_order.setdefault(state.order_id, []).append(state.id)
        self._decisions: list[DecisionRow] = []
        self._particulars = dict(loaded.particulars)
        self._edited: set[int] = set()  # requests whose particulars change
        self._taken: dict[tuple[int, str], int] = {}  # numbers by source that requests of the batch take

    def settle(self, place: int, command: Command) -> Settled:
        """The outcome of the command at `place` of the batch; a refusal is returned, not raised."""
        try:
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
        return done._replace(dry_run=True) if command.dry_run else done

    def _visible(self, place: int) -> State | None:
        loaded = self._loaded.states[place]
        return None if loaded is None else self._now[loaded.id]

    def _decide(self, state: State, command: Command) -> Draft | None:
        """What becomes of `state`: None when it is so already; every refusal is raised."""
        if not matches(command.expected, state.version):
            raise Stale(state.version)
        lines = self._lines.get(state.id, ())
        outcome = sharper_outcome(command, lines)
        decision = decide(state.status, command.action, outcome)
        who = command.actor.type
        if not isinstance(decision, Move | NoChange):
            raise refuse_from_status(state.status, command.action, allowed_actions(state, who))
        if who not in decision.row.who:
            raise NotPermitted(decision.row.who, who)
        if isinstance(decision, NoChange):
            return None
        self._guard(decision.row, state, command)
        holding = self._holdings.get(state.id, _NOTHING)
        draft = Draft(state, lines, holding, particulars=self._particulars.get(state.id))
        number = new_number(command)
        if number is not None:
            owner = number_owner(self._loaded, self._taken, state.source_id, number)
            check_number(command, self._particulars[state.id], self._loaded.causes.get(state.id), owner)
        return apply_effects(draft, decision, command, self.at)

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
        particulars = self._particulars[state.id]
        given = {field["name"]: field["value"] or "" for field in json.loads(particulars.custom_fields)}
        required = json.loads(cause.required_fields)
        owner = cause.number_owner if state.id not in self._edited else self._owner(state, particulars.number)
        is_duplicate = owner not in (None, state.id)
        return blocking_status(particulars.number, cause.max_length, is_duplicate, required, given) is None

    def _owner(self, state: State, number: str) -> int | None:
        """Who has the number that the batch gave a request; an edit that left the number alone changes nothing."""
        if number == self._loaded.particulars[state.id].number:
            return self._loaded.causes[state.id].number_owner
        return number_owner(self._loaded, self._taken, state.source_id, number)

    def _note_edit(self, draft: Draft) -> None:
        """The particulars as they become, and the number that the request takes."""
        now, was = draft.particulars, self._particulars.get(draft.state.id)
        if now is None or now == was:
            return
        self._particulars[now.id] = now
        self._edited.add(now.id)
        if was is not None and now.number != was.number:
            self._taken[draft.state.source_id, now.number] = now.id

    def _record(self, before: State, draft: Draft, command: Command) -> None:
        now = draft.state
        told = Told(draft.event, before.status, now.status, draft.code, draft.reason, draft.data)
        seq = self.journal.tell(now.account_id, "fulfillment_request", now.id, told, command.actor, command.call_id)
        now = released(now, seq)
        self._note_edit(draft)
        self._now[now.id] = now
        self.journal.note_decision(before, now, command)
        if draft.lines is not self._lines.get(now.id, ()):
            self._note_refusals(before, draft, command)
            self._lines[now.id] = tuple(draft.lines)
            self._touched_lines.update((line.id, line) for line in draft.touched)
        if draft.stock:
            self._note_stock(now.id, draft)

    def _note_stock(self, request_id: int, draft: Draft) -> None:
        entries, mode = draft.holding
        self._holdings[request_id] = Holding({**entries, **{entry.line_id: entry for entry in draft.stock}}, mode)
        for entry in draft.stock:
            was = entries.get(entry.line_id)
            already = self._stock.get(entry.line_id)
            by = entry.open - (was.open if was else 0) + (already.by if already else 0)
            self._stock[entry.line_id] = StockChange(entry, by)

    def _note_refusals(self, before: State, draft: Draft, command: Command) -> None:
        """A source that gives pieces back to the order is not asked for them again."""
        if command.action not in (Action.ADJUST, Action.CANCEL):
            return
        was = {line.id: line for line in self._lines.get(before.id, ())}
        for line in draft.touched:
            given_back = line.canceled - line.killed - was[line.id].canceled + was[line.id].killed
            if given_back > 0 and line.order_item_id is not None:
                self.refuse(line.order_item_id, before.source_id)
                pieces = self._given_back.setdefault(before.order_id, {})
                pieces[line.order_item_id] = pieces.get(line.order_item_id, 0) + given_back

    def refuse(self, order_item_id: int, source_id: int) -> None:
        """This source is not asked for this item again."""
        self._refused.setdefault(order_item_id, set()).add(source_id)

    def to_reroute(self) -> dict[int, dict[int, int]]:
        """Pieces that sources gave back in this batch, by order and item, where the channel routes them again."""
        return {id_: pieces for id_, pieces in self._given_back.items() if id_ in self._loaded.rerouted}

    def stock_moves(self) -> dict[int, int]:
        """By how much more, or less, of each variant is held through this batch."""
        moves: dict[int, int] = {}
        for entry, by in self._stock.values():
            moves[entry.variant_id] = moves.get(entry.variant_id, 0) + by
        return moves

    def lines_of(self, request_id: int) -> Sequence[Line]:
        """A request's lines as they stand now."""
        return self._lines.get(request_id, ())

    def state_at(self, place: int) -> State | None:
        """The request of the command at `place` as it stands now; None where its scope sees nothing."""
        return self._visible(place)

    def states(self) -> list[State]:
        """Every request of the batch as it stands now."""
        return list(self._now.values())

    def holding_of(self, request_id: int) -> Holding:
        """What a request's lines hold now."""
        return self._holdings.get(request_id, _NOTHING)

    def order(self, order_id: int) -> tuple[Order, list[OrderItem]]:
        """An order that was loaded as it stands now, derived afresh from the lines inside and outside the batch."""
        return at_once(self._order(order_id))

    def _order(self, order_id: int) -> Sliced[tuple[Order, list[OrderItem]]]:
        parts = self._loaded.orders[order_id]
        order, items = self._amended.get(order_id, (parts.order, parts.items))
        sums = dict(parts.other_sums)
        for request_id in self._of_order.get(order_id, ()):
            lines = self._lines.get(request_id, ())
            add_up(sums, lines)
            yield _STEPS_OF_A_LINE * len(lines)
        for item_id, new in self._new_sums.get(order_id, {}).items():
            sums[item_id] = sums.get(item_id, LineSums()).plus(new)
        rolled = [self._rolled(item, sums) for item in items]
        return roll_up(order, rolled), rolled

    def take_in(self, parts: OrderParts) -> None:
        """An order that is stored with this batch."""
        self._loaded.orders[parts.order.id] = parts

    def amend(self, order: Order, items: Sequence[OrderItem]) -> None:
        """What an action on the order itself makes of it; its roll-up is derived on top."""
        self._amended[order.id] = (order, items)

    def _done(self, command: Command, before: State, now: State, moved: bool) -> Done:
        image = None
        if command.wants_image and now.id in self._particulars:
            image = FulfillmentRequest(now, self._particulars[now.id], self._lines[now.id])
        return Done(command.action, moved, before.status, now.status, now.version, image)

    def tell(self, event: Event) -> None:
        """Write this event, too; its `seq` and time are given here."""
        self.journal.add(event)

    def take_on(self, requests: Sequence[NewRequest], decisions: Sequence[DecisionRow]) -> Sliced[None]:
        """Requests that are generated with this batch: they are written, and count in their orders' roll-ups."""
        for request in requests:
            self._new.setdefault(request.state.order_id, []).append(request)
            add_up(self._new_sums.setdefault(request.state.order_id, {}), request.lines)
            yield _STEPS_OF_A_LINE * len(request.lines)
        self._decisions += decisions

    def changes(self) -> Sliced[Changes | None]:
        """All rows to write; None when nothing changed."""
        journal = self.journal
        if not journal.events:
            return None
        states = [(was, self._now[id_]) for id_, was in self._before.items() if self._now[id_] is not was]
        items, orders = yield from self._roll_ups()
        lines = list(self._touched_lines.values())
        edited = [self._particulars[id_] for id_ in sorted(self._edited)]
        claims = [(*spot, id_) for spot, id_ in sorted(self._taken.items()) if self._loaded.owners.get(spot) != id_]
        stock = list(self._stock.values())
        moved_on = [was.id for was, now in states if was.alerted and not now.alerted]
        return Changes(
            states, lines, items, orders, journal.events, self.at, stock, edited, claims,
            [request for made in self._new.values() for request in made], self._decisions, sorted(journal.decided),
            moved_on=moved_on,
        )  # fmt: skip

    def _roll_ups(self) -> Sliced[tuple[list[OrderItem], list[Order]]]:
        """The orders whose lines changed or that were amended, and the items of theirs that are not as they were."""
        items: list[OrderItem] = []
        orders: list[Order] = []
        changed = {self._now[line.request_id].order_id for line in self._touched_lines.values()}
        changed |= self._new.keys()
        # An order that no command of the batch asked for has had no quantity changed, only a line's notes.
        for order_id in sorted((changed | self._amended.keys()) & self._loaded.orders.keys()):
            parts = self._loaded.orders[order_id]
            order, rolled = yield from self._order(order_id)
            was = {item.id: item for item in parts.items}
            items += [item for item in rolled if item.id in was and item != was[item.id]]
            orders.append(order._replace(updated_at=self.at))
            asked, _ = self._amended.get(order_id, (parts.order, ()))
            self._tell_order(asked, order)
            yield _STEPS_OF_AN_ORDER + _STEPS_OF_AN_ITEM * len(rolled)
        return items, orders

    def _rolled(self, item: OrderItem, sums: Mapping[int, LineSums]) -> OrderItem:
        refused = self._refused.get(item.id)
        if refused:
            listed = sorted(refused.union(json.loads(item.refused_sources)))
            item = item._replace(refused_sources=json.dumps(listed))
        return roll_up_item(item, sums.get(item.id, LineSums()))

    def _tell_order(self, was: Order, now: Order) -> None:
        """The event of an order that its requests' lines have closed, canceled or opened again."""
        if now.status == was.status:
            return
        self.journal.add(order_event(now, was.status))


_NOTHING = Holding()
