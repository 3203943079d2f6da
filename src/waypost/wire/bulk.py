"""The bulk call on the wire (contract section 2.7): one action on many requests."""

from typing import Annotated

from msgspec import Meta, Struct

from waypost.app.actor import Actor
from waypost.app.commands import Command, Edit, FailureReport
from waypost.domain.failures import is_known_code
from waypost.domain.lifecycle import Action
from waypost.domain.texts import trimmed
from waypost.wire.bodies import Id, bad
from waypost.wire.editing import EditRequest, edit_of
from waypost.wire.faults import Fault

BULK_AT_MOST = 500
REASON_AT_MOST = 2000


class BulkItem(Struct, rename="camel"):
    """One item of a bulk call."""

    id: Id
    error: str | None = None
    reason: str | None = None
    code: str | None = None
    version: Id | None = None
    confirm: str | None = None
    changes: EditRequest | None = None


class BulkIn(Struct, rename="camel"):
    """Body of bulk."""

    action: str
    items: Annotated[list[BulkItem], Meta(min_length=1, max_length=BULK_AT_MOST)]


_IN_BULK = (Action.PROCESS, Action.PROCESSED, Action.FAIL, Action.ACKNOWLEDGE, Action.CANCEL, Action.VOID, Action.EDIT)
BULK_ACTIONS = {action.value: action for action in _IN_BULK}


def bulk_commands(body: BulkIn, actor: Actor, call_id: str, faults: list[Fault]) -> tuple[Command, ...]:
    """The commands of a bulk call."""
    action = BULK_ACTIONS.get(body.action)
    if action is None:
        bad(faults, "/action", "unknown_value", f"action is one of {', '.join(BULK_ACTIONS)}.")
        return ()
    seen: set[int] = set()
    commands = []
    for place, item in enumerate(body.items):
        at = f"/items/{place}"
        if item.id in seen:
            bad(faults, f"{at}/id", "repeated_id", f"{at}/id: request {item.id} is given twice.")
        seen.add(item.id)
        if item.confirm not in (None, "resend"):
            bad(faults, f"{at}/confirm", "unknown_value", "confirm is resend, or absent.")
        reason = _text(item.reason, f"{at}/reason", faults)
        details = _details(action, item, at, faults)
        commands.append(
            Command(action, item.id, actor, call_id, details, reason, False, item.confirm == "resend",
                    None if item.version is None else frozenset({item.version}), wants_image=False,
                    outcome=details.outcome if isinstance(details, Edit) else None)
        )  # fmt: skip
    return tuple(commands)


def _details(action: Action, item: BulkItem, at: str, faults: list[Fault]) -> FailureReport | Edit | None:
    if action is Action.FAIL:
        return _report(item, at, faults)
    if action is not Action.EDIT:
        return None
    if item.changes is None:
        bad(faults, f"{at}/changes", "required", f"{at}/changes is required with edit.")
        return None
    return edit_of(item.changes, faults, f"{at}/changes")


def _text(value: str | None, pointer: str, faults: list[Fault]) -> str | None:
    stripped = trimmed(value or "")
    if len(stripped) > REASON_AT_MOST:
        words = f"{pointer} may have at most {REASON_AT_MOST} characters, not {len(stripped)}."
        bad(faults, pointer, "too_long", words)
    return stripped or None


def _report(item: BulkItem, at: str, faults: list[Fault]) -> FailureReport:
    given = item.error if item.error is not None else item.reason
    reason = _text(given, f"{at}/error", faults)
    if reason is None:
        code = "required" if given is None else "blank"
        words = "is required" if given is None else "may not be blank"
        bad(faults, f"{at}/error", code, f"{at}/error {words}: a failure needs its reason.")
    if item.code is not None and not is_known_code(item.code):
        bad(faults, f"{at}/code", "unknown_value", "No such failure code: see GET /failure-codes, or use x_….")
    return FailureReport(reason or "", item.code or "other")
