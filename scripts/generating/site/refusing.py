"""What the life-cycle table says of an operation: from where to where, what a repeat does, what each other status means."""

from typing import NamedTuple

from waypost.domain.lifecycle import ALLOWED_ACTIONS, TABLE, Action, Repeat, Row, permitted
from waypost.domain.statuses import BLOCKED, STATUSES, Status

S, A = Status, Action

# The class of a status's chip (design: status chip).
CHIPS = {
    S.UNPROCESSED: "", S.PROCESSING: "go", S.PROCESSED: "go sent", S.ACKNOWLEDGED: "ok", S.PROCESSING_ERROR: "bad",
    S.CANCELED: "end", S.VOIDED: "end", **dict.fromkeys(BLOCKED, "hold"),
}  # fmt: skip

# The operation that asks for each action.
OPERATIONS = {
    A.PROCESS: "process_fulfillment_request", A.PROCESSED: "mark_fulfillment_request_processed",
    A.FAIL: "fail_fulfillment_request", A.ACKNOWLEDGE: "acknowledge_fulfillment_request",
    A.ADJUST: "adjust_fulfillment_request", A.CANCEL: "cancel_fulfillment_request",
    A.VOID: "void_fulfillment_request", A.SHIP: "create_shipment", A.EDIT: "edit_fulfillment_request",
}  # fmt: skip

# Where a request stands, and what helps there whatever was asked.
_STANDS = {
    S.UNPROCESSED: "Not released yet, so the source does not know it.",
    S.PROCESSING: "Released, and not handed over yet.",
    S.PROCESSED: "Handed over, and with the source.",
    S.ACKNOWLEDGED: "The source has confirmed it.",
    S.PROCESSING_ERROR: "It has failed already.",
    S.ADDITIONAL_INFO_REQUIRED: "Blocked before release. Add what is missing first.",
    S.NUMBER_EXCEEDS_MAX_LENGTH: "Blocked before release. Give it a shorter number first.",
    S.DUPLICATE_NUMBER: "Blocked before release. Check whether the source has it, then change the number.",
    S.CROSS_DOCKED: "Routed through an intermediate warehouse, and not released yet.",
    S.CANCELED: "Final: the source will not ship it.",
    S.VOIDED: "Final: the merchant withdrew it.",
}
_THEN = {
    (A.FAIL, S.UNPROCESSED): "Release it first, or withdraw it.",
    (A.FAIL, S.ACKNOWLEDGED): "If it cannot ship some of it, adjust. If it cannot ship any, cancel.",
    (A.FAIL, S.PROCESSING_ERROR): "To go on, release it again, or choose another action.",
    (A.PROCESS, S.PROCESSED): "To send it again, fail it first with a reason.",
    (A.PROCESS, S.ACKNOWLEDGED): "Nothing is left to release.",
    (A.PROCESSED, S.UNPROCESSED): "Release it first.",
    (A.PROCESSED, S.PROCESSING_ERROR): "If the source has it after all, acknowledge it.",
    (A.PROCESSED, S.ACKNOWLEDGED): "That says more than handed over.",
    (A.ACKNOWLEDGE, S.UNPROCESSED): "Release it first.",
    (A.ACKNOWLEDGE, S.ACKNOWLEDGED): "Nothing is left to confirm.",
    (A.ADJUST, S.UNPROCESSED): "Release it first, or cancel it.",
    (A.SHIP, S.UNPROCESSED): "Release it first.",
    (A.EDIT, S.PROCESSING): "The source may have it. Cancel or void it, or fail it first.",
    (A.EDIT, S.PROCESSED): "What it was told cannot change. Cancel or void it, or fail it first.",
    (A.EDIT, S.ACKNOWLEDGED): "What it has confirmed cannot change. Adjust, cancel or void it.",
}


class Chip(NamedTuple):
    """A status as it is shown."""

    name: str
    style: str
    handle: str


class Refused(NamedTuple):
    """A status from which the action is refused; `allowed`: pairs of action and operation."""

    chip: Chip
    says: str
    allowed: tuple[tuple[str, str], ...]


class Facts(NamedTuple):
    """What the table says of an action."""

    action: str
    sources: tuple[Chip, ...]
    to: tuple[Chip, ...]
    stays: bool
    again: str
    events: tuple[str, ...]
    guards: tuple[str, ...]
    refused: tuple[Refused, ...]
    already: tuple[Chip, ...]


def chip(status: Status) -> Chip:
    """The chip of a status."""
    return Chip(STATUSES[status].name, CHIPS[status], status.value)


def _rows(action: Action) -> list[Row]:
    return [row for row in TABLE if row.action is action and "account" in row.who and row.outcome != "care"]


_AGAIN = {
    Repeat.NO_CHANGE: "A second call changes nothing and succeeds.",
    Repeat.REFUSED: "A second call is refused with 400.",
    Repeat.NEW_INPUT: "A second call counts as new input.",
}


def facts(name: str) -> Facts:
    """What the table says of the action of this name."""
    action = Action(name)
    rows = _rows(action)
    sources = tuple(status for status in Status if any(status in row.sources for row in rows))
    already = tuple(dict.fromkeys(status for row in rows for status in row.repeat_from))
    refused = tuple(
        Refused(
            chip(status), " ".join(filter(None, (_STANDS[status], _THEN.get((action, status))))),
            tuple((str(one), OPERATIONS[one]) for one in ALLOWED_ACTIONS if one in permitted(status, "account")),
        )
        for status in Status
        if sources and status not in sources and status not in already
    )  # fmt: skip
    return Facts(
        name, tuple(map(chip, sources)), tuple(chip(to) for to in dict.fromkeys(row.to for row in rows) if to),
        any(row.to is None for row in rows), _AGAIN[rows[0].repeat], tuple(dict.fromkeys(row.event for row in rows)),
        tuple(dict.fromkeys(guard.value for row in rows for guard in row.guards)), refused, tuple(map(chip, already)),
    )  # fmt: skip
