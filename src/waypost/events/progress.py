"""What one step for one endpoint has come to so far: its cursor, its health, and the rows of its messages."""

from collections.abc import Callable
from typing import Any

import msgspec

from waypost.app.ports.attention import Attention
from waypost.app.ports.webhooks import Delivery, Settlement, Webhook
from waypost.domain.attention import WEBHOOK_DEFECT
from waypost.domain.webhooks import (
    DISABLE_AFTER_S,
    MOST_ATTEMPTS,
    STRICT_DELAY_S,
    Message,
    delay,
    pause,
)
from waypost.events.sending import Sent

LOG_AT_MOST = 20  # attempts kept of one message
SECOND = 1_000_000  # microseconds

_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(list[dict[str, Any]]).decode


class Progress:
    """Collects the outcomes of a step. `chance` gives numbers from 0 to 1 for the jitter."""

    def __init__(self, hook: Webhook, chance: Callable[[], float]) -> None:
        self._hook = hook
        self._chance = chance
        self._rows: dict[str, Delivery] = {}
        self._seen: dict[str, int] = {}  # when each was last written before this step
        self.cursor = hook.cursor
        self.failures = hook.failures
        self.failing_since = hook.failing_since
        self.paused_until = 0
        self.gone = False
        self.defect: Attention | None = None  # what somebody must be told
        self.more = False  # whether another step has something to do at once

    @property
    def is_over(self) -> bool:
        """Whether the endpoint is to be left alone now."""
        return self.gone or self.paused_until > 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing happened that would have to be written."""
        return not self._rows and self.cursor == self._hook.cursor

    def delivered(self, message: Message, known: Delivery | None, sent: Sent) -> None:
        """It has arrived: the endpoint is well."""
        row = self._attempted(message, known, sent)
        self._rows[message.id] = row._replace(status="delivered", next_at=None, delivered_at=row.updated_at)
        if message.event is not None:
            self.failures, self.failing_since = 0, None

    def failed(self, message: Message, known: Delivery | None, sent: Sent, strict: bool = False) -> None:
        """It has not arrived. It gets a time of its own, or with `strict` holds the whole endpoint up."""
        row = self._attempted(message, known, sent)
        at = sent.entry["at"]
        if message.event is None:
            self._rows[message.id] = row._replace(status="failed", next_at=None)
            return
        self._ail(at)
        wait_s = max(delay(row.attempts, self._chance()), sent.retry_after_s)
        if sent.gone:
            self.gone = True
            row = row._replace(status="failed", next_at=None)
        elif strict:
            self.paused_until = max(self.paused_until, at + int(min(wait_s, STRICT_DELAY_S) * SECOND))
            row = row._replace(status="pending", next_at=self.paused_until)
        elif row.attempts >= MOST_ATTEMPTS:
            row = row._replace(status="failed", next_at=None)
        else:
            row = row._replace(status="pending", next_at=at + int(wait_s * SECOND))
        self._rows[message.id] = row

    def forgotten(self, row: Delivery, at: int) -> None:
        """The endpoint may not see its event, or that is no longer kept: there is nothing to send."""
        log = _logged(row.log, _not_sent(at, "This webhook may not see the event, or the event is no longer kept."))
        self._seen[row.message_id] = row.updated_at
        self._rows[row.message_id] = row._replace(status="failed", next_at=None, log=log, updated_at=at)

    def not_made(self, message: Message, known: Delivery | None, at: int) -> None:
        """The hub cannot make it, at no attempt: it is passed over, in strict order too, and somebody is told."""
        entry = _not_sent(at, "The hub could not make this message; its log says why.")
        row = self._attempted(message, known, Sent(False, False, 0, entry))
        self._rows[message.id] = row._replace(status="failed", next_at=None)
        if self.defect is None:
            words = (f"{self._hook.name}: message {message.id} ({message.name}) could not be made, and was not sent."
                     " The messages after it go on.")  # fmt: skip
            self.defect = defect(self._hook.account_id, self._hook.source_id, self._hook.id, words, at)

    def _ail(self, at: int) -> None:
        self.failures += 1
        # Not later than now: the clock may have been set back since.
        self.failing_since = at if self.failing_since is None else min(self.failing_since, at)
        rest_s = pause(self.failures)
        if rest_s:
            self.paused_until = max(self.paused_until, at + int(rest_s * SECOND))

    def _attempted(self, message: Message, known: Delivery | None, sent: Sent) -> Delivery:
        at = sent.entry["at"]
        if known is None:
            self._seen[message.id] = at
            seq = None if message.event is None else message.event.seq
            log = _logged("[]", sent.entry)
            return Delivery(0, self._hook.id, message.id, seq, message.name, "pending", 1, None, log, at, at, None)
        self._seen[message.id] = known.updated_at
        log = _logged(known.log, sent.entry)
        return known._replace(attempts=known.attempts + 1, log=log, updated_at=at)

    def given_up_because(self, now: int) -> tuple[str, str] | None:
        """Code and reason why the endpoint is to be disabled; None: it goes on."""
        if self.gone:
            return "gone", "The endpoint answered 410: it is gone for good."
        if self.failing_since is not None and now - self.failing_since >= DISABLE_AFTER_S * SECOND:
            days = DISABLE_AFTER_S // (24 * 3600)
            return "failing", f"For {days} days every delivery has failed, {self.failures} in a row."
        return None

    def settlement(self, owner: str, until: int) -> Settlement:
        """As it is to be written."""
        return Settlement(
            self._hook.id, owner, self.cursor, self.failures, self.failing_since, self.paused_until, until,
            tuple((row, self._seen[message_id]) for message_id, row in self._rows.items()),
        )  # fmt: skip


def defect(account_id: int, source_id: int | None, webhook_id: int, words: str, at: int) -> Attention:
    """That the hub itself fails to send to an endpoint; `at` in microseconds."""
    return Attention(account_id, source_id, "webhook", webhook_id, WEBHOOK_DEFECT, words, at)


def _not_sent(at: int, error: str) -> dict[str, Any]:
    return {"at": at, "status": None, "ms": 0, "error": error, "response": None}


def _logged(log: str, entry: dict[str, Any]) -> str:
    """The log with this line; one that cannot be read begins anew, or its message would be sent for ever."""
    try:
        known = _decode(log)
    except msgspec.DecodeError:
        known = []
    return _encode([*known, entry][-LOG_AT_MOST:]).decode()
