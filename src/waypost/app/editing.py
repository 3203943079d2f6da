"""Repair by hand: what a source will be told is corrected while it does not have it, and who cares for a request.

A smaller quantity is voided: it goes back to the order, and its stock with it. A number is never cut, and belongs to
the request that had it first, so the new one must be free at the source.
"""

import json
from collections.abc import Sequence
from typing import Any

from waypost.app.commands import Command, Edit, LineEdit
from waypost.app.drafts import Draft
from waypost.app.ports import Cause, Loaded
from waypost.app.quantities import with_lines
from waypost.domain.adjust import void_line
from waypost.domain.fulfillment import Line, Particulars
from waypost.domain.refusals import Invalid, Problem

_JSON = ("shipping_address", "billing_address", "custom_fields")  # stored as they are shown


def edit(draft: Draft, command: Command, at: int) -> Draft | None:
    """The request corrected; None when it says so already. Raises `Invalid` with every problem."""
    asked, was = command.details, draft.particulars
    if not isinstance(asked, Edit) or was is None:
        raise AssertionError("an edit needs its input and what it changes")
    lines = _edited(draft.lines, asked.lines)
    now = was._replace(**asked.content, **asked.care)
    if lines != tuple(draft.lines):
        now = now._replace(total_cost=sum(line.quantity * line.cost for line in lines))
        draft = with_lines(draft, lines, "edited", at)
    if now == was and not draft.touched:
        return None
    changed = [name for name in was._fields if getattr(now, name) != getattr(was, name)]
    changes = {name: _shown(name, getattr(now, name)) for name in changed}
    told = {"changed": changes, **json.loads(draft.data or "{}")}
    state = draft.state._replace(
        cared=now.assignee is not None or now.snoozed_until is not None,
        held_until=max(now.hold_until or 0, 0), snoozed_until=max(now.snoozed_until or 0, 0),
    )  # fmt: skip
    data = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    return draft._replace(state=state, particulars=now, data=data)


def _shown(name: str, value: Any) -> Any:
    return json.loads(value) if name in _JSON and value is not None else value


def _edited(lines: Sequence[Line], changes: Sequence[LineEdit]) -> tuple[Line, ...]:
    by_id = {line.id: line for line in lines}
    problems = []
    for place, change in enumerate(changes):
        line = by_id.get(change.line_id)
        if line is None:
            words = f"Item {change.line_id} is not part of this request."
            problems.append(Problem(f"/items/{place}/id", "unknown_item", words))
            continue
        if change.quantity is not None and not line.shipped <= change.quantity <= line.effective:
            words = f"{line.sku}: the quantity can be made less than {line.effective}; more is another request."
            problems.append(Problem(f"/items/{place}/quantity", "out_of_range", words))
            continue
        if change.quantity is not None:
            line = void_line(line, line.effective - change.quantity)
        by_id[line.id] = line._replace(
            cost=line.cost if change.cost is None else change.cost,
            sku=change.sku or line.sku,
            title=line.title if change.title is None else change.title,
        )
    edited = tuple(by_id[line.id] for line in lines)
    if changes and not problems and all(line.effective == 0 for line in edited):
        problems.append(Problem("/items", "nothing_left", "Nothing would be left of it: void it instead."))
    if problems:
        raise Invalid(problems)
    return edited


def check_number(command: Command, was: Particulars, cause: Cause | None, owner: int | None) -> None:
    """Refuse a new number that its source does not take, or that another request had before."""
    asked = command.details
    number = asked.content.get("number") if isinstance(asked, Edit) else None
    if number is None or number == was.number:
        return
    problems = []
    if cause is not None and cause.max_length is not None and len(number) > cause.max_length:
        words = f"The number has {len(number)} characters; its source takes {cause.max_length}."
        problems.append(Problem("edited_number", "too_long", words))
    if owner not in (None, was.id):
        problems.append(Problem("edited_number", "duplicate_number", f"{number} is used at this source already."))
    if problems:
        raise Invalid(problems)


def new_number(command: Command) -> str | None:
    """The number that an edit asks for."""
    asked = command.details
    return asked.content.get("number") if isinstance(asked, Edit) else None


def number_owner(loaded: Loaded, taken: dict[tuple[int, str], int], source_id: int, number: str) -> int | None:
    """Which request has this number: of those before the batch, and of those in it."""
    return taken.get((source_id, number)) or loaded.owners.get((source_id, number))
