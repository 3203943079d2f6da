"""One message to one endpoint: its body, its signatures, the call, and what that came to."""

import logging
import time
from typing import Any, NamedTuple

from waypost import __version__
from waypost.app.ports import Clock, Reads
from waypost.app.ports.orders import OrderView
from waypost.app.ports.webhooks import Webhook
from waypost.domain.events import Event
from waypost.domain.fulfillment import FulfillmentRequest
from waypost.domain.refusals import Unavailable
from waypost.domain.webhooks import IMPORTED_EVENT, ORIGINAL, Message
from waypost.outgoing.calling import Caller, NoAnswer, NotSent
from waypost.outgoing.signing import standard_headers, standard_key
from waypost.wire.webhooks import render_message, render_test

CONNECT_S = 5.0
ANSWER_AT_MOST = 1024  # bytes of an answer that are read
ANSWER_KEPT = 500  # characters of it in the log
LONGEST_RETRY_AFTER_S = 24 * 3600
GONE = 410
# A call that ends this soon without an answer met a connection that the other side had just closed.
STALE_WITHIN_S = 0.1

_log = logging.getLogger("waypost.webhooks")


class CannotMake(Exception):
    """A message whose body the hub cannot make: a defect, and no reason to try it again."""


class SecretLost(Exception):
    """The secret of an endpoint cannot be decrypted, so nothing can be sent to it."""

    def __init__(self) -> None:
        super().__init__(
            "The secret of this webhook cannot be decrypted: the log names the key that is missing. Put the key file"
            " back, or rotate the secret of the webhook."
        )


class Sent(NamedTuple):
    """What came of a call. `entry` is its line in the log; `retry_after_s` what the endpoint asked for."""

    delivered: bool
    gone: bool
    retry_after_s: int
    entry: dict[str, Any]


class Sender:
    """Sends messages."""

    def __init__(self, reads: Reads, caller: Caller, clock: Clock) -> None:
        self._reads = reads
        self._caller = caller
        self._clock = clock

    async def send(self, hook: Webhook, message: Message) -> Sent:
        """Send, and say what came of it.

        Raises `Unavailable`, `CannotMake`, and whatever the endpoint's own row is to blame for.
        """
        try:
            body = await self._body(hook, message)
        except Unavailable:
            raise
        except Exception as error:
            _log.exception("message %s for webhook %d cannot be made", message.id, hook.id)
            raise CannotMake from error
        at = self._clock()
        headers = signed(hook, message.id, at // 1_000_000, body)
        asked = ("POST", hook.url, headers, body, float(hook.timeout_s), CONNECT_S, ANSWER_AT_MOST)
        begun_s = time.monotonic()
        try:
            try:
                answer = await self._caller.call(*asked)
            except NoAnswer:
                if time.monotonic() - begun_s > STALE_WITHIN_S:
                    raise
                answer = await self._caller.call(*asked)
        except (NotSent, NoAnswer) as error:
            return _sent(at, begun_s, None, error.message, None, 0)
        except Exception:
            # It may have arrived, so it counts as any other call whose answer nobody knows.
            _log.exception("the call with message %s to webhook %d failed in the hub itself", message.id, hook.id)
            return _sent(at, begun_s, None, "The call failed in the hub itself; its log says why.", None, 0)
        text = answer.body[:ANSWER_KEPT].decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
        retry_after_s = _retry_after_s(answer.headers.get("retry-after", ""))
        reproach = None if 200 <= answer.status < 300 else _reproach(answer.status)
        return _sent(at, begun_s, answer.status, reproach, text, retry_after_s)

    async def _body(self, hook: Webhook, message: Message) -> bytes:
        event = message.event
        if event is None:
            return render_test(hook, self._clock())
        thing = await self._thing(hook, message.name, event) if message.name in ORIGINAL else None
        return render_message(message, hook.who, thing)

    async def _thing(self, hook: Webhook, name: str, event: Event) -> FulfillmentRequest | OrderView | None:
        scope = hook.scope
        if name == IMPORTED_EVENT:
            return await self._reads.order(scope._replace(source_id=None), event.subject_id)
        return await self._reads.request(scope, event.subject_id)


def signed(hook: Webhook, message_id: str, at_s: int, body: bytes) -> dict[str, str]:
    """The headers of a message; while a new secret overlaps the old one, with a signature of each."""
    if hook.secret is None:
        raise SecretLost
    headers = standard_headers(standard_key(hook.secret), message_id, at_s, body)
    if hook.previous_secret is not None and at_s * 1_000_000 < (hook.previous_until or 0):
        other = standard_headers(standard_key(hook.previous_secret), message_id, at_s, body)
        headers["webhook-signature"] += f" {other['webhook-signature']}"
    return {
        **headers,
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": f"Waypost/{__version__} (webhooks)",
    }


def _sent(
    at: int, begun_s: float, status: int | None, error: str | None, response: str | None, retry_after_s: int
) -> Sent:
    entry = {"at": at, "status": status, "ms": round((time.monotonic() - begun_s) * 1000), "error": error,
             "response": response or None}  # fmt: skip
    return Sent(error is None, status == GONE, retry_after_s, entry)


def _reproach(status: int) -> str:
    if 300 <= status < 400:
        return f"The endpoint answered {status}: redirects are not followed."
    return f"The endpoint answered {status}."


def _retry_after_s(given: str) -> int:
    """Seconds of a Retry-After header; a date, or nothing that can be read, is 0."""
    text = given.strip()
    return min(int(text), LONGEST_RETRY_AFTER_S) if text.isascii() and text.isdigit() and len(text) < 10 else 0
