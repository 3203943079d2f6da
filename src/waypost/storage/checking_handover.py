"""Evidence that requests and their hand-over attempts say the same, and that none waits without a reason."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from waypost.app.judging import Finding
from waypost.domain.attention import REQUEST
from waypost.domain.statuses import Status

_NOT_SENT = """SELECT s.id FROM fulfillment_request_state s WHERE s.handover = 'sending' AND NOT EXISTS (
  SELECT 1 FROM handover_attempt h WHERE h.request_id = s.id AND h.state = 'sending')"""
_SENT = """SELECT h.request_id FROM handover_attempt h JOIN fulfillment_request_state s ON s.id = h.request_id
WHERE h.state = 'sending' AND (s.handover IS NULL OR s.handover <> 'sending')"""
_STRAY_ATTEMPTS = """SELECT h.id FROM handover_attempt h JOIN fulfillment_request f ON f.id = h.request_id
WHERE f.account_id <> h.account_id OR f.source_id <> h.source_id"""
# One waits for the end of its hold, or for the moment to which its source has put an attempt off. A hold before 1970 is
# a number below zero, and none.
_HELD = "CASE WHEN f.hold_until > 0 THEN f.hold_until ELSE 0 END"
_WAITING = f"""SELECT s.id FROM fulfillment_request_state s JOIN fulfillment_request f ON f.id = s.id
WHERE s.status = '{Status.PROCESSING}' AND s.handover IS NULL AND s.waits_until <> {_HELD}
  AND (s.waits_until < {_HELD} OR NOT EXISTS (SELECT 1 FROM handover_attempt h
    WHERE h.request_id = s.id AND h.outcome = 'deferred' AND h.next_at = s.waits_until))"""


async def handover(rows: Callable[[str], AsyncIterator[Sequence[Any]]]) -> AsyncIterator[Finding]:
    """Requests and attempts of which one is being sent and the other is not, and requests that wait for nothing."""
    async for row in rows(_NOT_SENT):
        words = "says that it is being handed over; it has no such attempt."
        yield Finding("handover_differs", REQUEST, row[0], words)
    async for row in rows(_SENT):
        yield Finding("handover_differs", REQUEST, row[0], "has an attempt that is being sent, and does not say so.")
    async for row in rows(_STRAY_ATTEMPTS):
        yield Finding("attempt_differs", "handover_attempt", row[0], "is of another source than its request.")
    async for row in rows(_WAITING):
        words = "waits for another moment than its hold and its source say, and would be sent too early, late or never."
        yield Finding("wait_differs", REQUEST, row[0], words)
