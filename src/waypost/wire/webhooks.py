"""Webhook configurations and deliveries on the wire (contract section 6), and the bodies that are sent.

An event of the catalogue is sent as the feed shows it; the original's two names have a body that holds the thing
itself as it stands when it is sent.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from waypost.app.ports.orders import OrderView
from waypost.app.ports.webhooks import Delivery, Webhook
from waypost.app.webhooks import RANGE_AT_MOST, Queued, WebhookDraft
from waypost.domain.events import Event
from waypost.domain.fulfillment import FulfillmentRequest
from waypost.domain.webhooks import IMPORTED_EVENT, ORIGINAL, Message, is_subscription
from waypost.wire.bodies import Id, Name, bad
from waypost.wire.events import feed_event
from waypost.wire.faults import Fault
from waypost.wire.orders import render_order
from waypost.wire.pieces import Pieces, array
from waypost.wire.requests import encode, render
from waypost.wire.scalars import format_datetime

SUBSCRIPTIONS_AT_MOST = 100
RETRIED_AT_MOST = 100  # events in one call
LONGEST_OVERLAP_S = 7 * 24 * 3600
OVERLAP_S = 24 * 3600

Url = Annotated[str, Meta(min_length=1, max_length=2000)]
Email = Annotated[str, Meta(max_length=320, pattern=r"^[^@\s]+@[^@\s]+$")]
Subscriptions = Annotated[list[Name], Meta(min_length=1, max_length=SUBSCRIPTIONS_AT_MOST)]
Timeout = Annotated[int, Meta(ge=1, le=30)]


class CreateConfiguration(Struct, rename="camel"):
    """Body of `POST /webhook/configurations`."""

    configuration_name: Name
    webhook_url: Url
    subscribed_events: Subscriptions
    source_id: Id | None = None
    channel_id: Id | None = None
    notification_email: Email | None = None
    status: str | None = None
    strict_order: bool | None = None
    timeout_seconds: Timeout | None = None


class UpdateConfiguration(Struct, rename="camel"):
    """Body of `PATCH /webhook/configurations/{id}`: what is null stays."""

    configuration_name: Name | None = None
    webhook_url: Url | None = None
    subscribed_events: Subscriptions | None = None
    source_id: Id | None = None
    channel_id: Id | None = None
    notification_email: Email | None = None
    status: str | None = None
    strict_order: bool | None = None
    timeout_seconds: Timeout | None = None
    skip_backlog: bool | None = None


class RotateSecret(Struct, rename="camel"):
    """Body of `POST …/{id}/rotate-secret`."""

    overlap_seconds: Annotated[int, Meta(ge=0, le=LONGEST_OVERLAP_S)] | None = None


class Nothing(Struct):
    """A body of which nothing is expected."""


class Replay(Struct, rename="camel"):
    """Body of `POST …/{id}/replay`: one event, or all from one to another."""

    event_id: Id | None = None
    from_event_id: Id | None = None
    to_event_id: Id | None = None


class RetryEvents(Struct, rename="camel"):
    """Body of `POST /webhook/event/retry`."""

    event_ids: Annotated[list[Id], Meta(min_length=1, max_length=RETRIED_AT_MOST)]
    is_automated_retry: bool | None = None


def webhook_draft(body: CreateConfiguration | UpdateConfiguration, faults: list[Fault]) -> WebhookDraft:
    """An endpoint as asked for; its URL is judged elsewhere."""
    is_new = isinstance(body, CreateConfiguration)
    statuses = ("active", "disabled") if is_new else ("active", "disabled", "deleted")
    if body.status is not None and body.status not in statuses:
        bad(faults, "/status", "unknown_value", f"/status must be one of {', '.join(statuses)}.")
    for place, name in enumerate(body.subscribed_events or ()):
        if not is_subscription(name):
            words = f"{name[:60]!r} is no event, nor a beginning of some such as order.* or *."
            bad(faults, f"/subscribedEvents/{place}", "unknown_value", words)
    subscribed = None if body.subscribed_events is None else tuple(dict.fromkeys(body.subscribed_events))
    return WebhookDraft(
        body.configuration_name, body.webhook_url, subscribed, body.source_id, body.channel_id,
        body.notification_email, body.status, body.strict_order, body.timeout_seconds,
        isinstance(body, UpdateConfiguration) and bool(body.skip_backlog),
    )  # fmt: skip


def replay_range(body: Replay, faults: list[Fault]) -> tuple[int, int]:
    """The first and the last event (seqs) to be sent again."""
    if body.event_id is not None:
        return body.event_id, body.event_id
    first, last = body.from_event_id, body.to_event_id
    if first is None or last is None:
        bad(faults, "/eventId", "required", "Give eventId, or fromEventId and toEventId.")
        return 1, 1
    if not first <= last < first + RANGE_AT_MOST:
        words = f"/toEventId must not be before fromEventId, and the range at most {RANGE_AT_MOST} events long."
        bad(faults, "/toEventId", "out_of_range", words)
    return first, last


def _shown(hook: Webhook) -> dict[str, Any]:
    return {
        "id": hook.id,
        "configurationName": hook.name,
        "sourceId": hook.source_id,
        "channelId": hook.channel_id,
        "webhookUrl": hook.url,
        "notificationEmail": hook.notification_email,
        "status": hook.status,
        "subscribedEvents": json.loads(hook.subscribed),
        "createdAt": format_datetime(hook.created_at),
        "updatedAt": format_datetime(hook.updated_at),
        "strictOrder": hook.strict_order,
        "timeoutSeconds": hook.timeout_s,
        "disabledReason": hook.disabled_reason,
        "lastEventId": hook.cursor,
        "failingSince": _moment(hook.failing_since),
        "previousSecretUntil": _moment(hook.previous_until),
        "version": hook.version,
    }


def _moment(at: int | None) -> str | None:
    return None if at is None else format_datetime(at)


def render_configuration(hook: Webhook) -> bytes:
    """An endpoint, without its secret."""
    return encode(_shown(hook))


def render_with_secret(hook: Webhook) -> bytes:
    """An endpoint with its secret: the one time that it is shown. A repeat of the call has null."""
    return encode({**_shown(hook), "secret": None if hook.secret is None else str(hook.secret)})


def render_configurations(hooks: Sequence[Webhook]) -> Pieces:
    """A bare array."""
    return array(hooks, _shown)


def _delivery(delivery: Delivery) -> dict[str, Any]:
    log = [{**entry, "at": format_datetime(entry["at"])} for entry in json.loads(delivery.log)]
    return {
        "id": delivery.id,
        "messageId": delivery.message_id,
        "eventId": delivery.seq,
        "eventType": delivery.name,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "nextAttemptAt": _moment(delivery.next_at),
        "createdAt": format_datetime(delivery.created_at),
        "updatedAt": format_datetime(delivery.updated_at),
        "deliveredAt": _moment(delivery.delivered_at),
        "log": log,
    }


def render_delivery(delivery: Delivery) -> bytes:
    """One."""
    return encode(_delivery(delivery))


def render_deliveries(deliveries: Sequence[Delivery]) -> Pieces:
    """A bare array."""
    return array(deliveries, _delivery)


def render_queued(queued: Queued) -> bytes:
    """How many messages will be sent."""
    return encode({"queued": queued.queued})


def render_test(hook: Webhook, at: int) -> bytes:
    """The body of a test message."""
    return encode(
        {"type": "webhook.test", "at": format_datetime(at), "subject": {"type": "webhook", "id": hook.id}, "data": None}
    )


@lru_cache(maxsize=256)
def _event_body(event: Event, who: str) -> bytes:
    """The same for every endpoint of an account that sees as much; they come to it at about the same time."""
    return encode(feed_event(event, who))


def render_message(message: Message, who: str, thing: FulfillmentRequest | OrderView | None) -> bytes:
    """The body of a message; `thing` is what a message of the original's names is about."""
    if message.event is None:
        raise AssertionError("a test has no event")
    if message.name not in ORIGINAL:
        return _event_body(message.event, who)
    body: dict[str, Any] = {
        "eventType": message.name,
        "eventId": message.event.seq,
        "eventTime": format_datetime(message.event.at),
        "accountId": message.event.account_id,
    }
    if message.name == IMPORTED_EVENT:
        body["order"] = Raw(b"".join(render_order(thing))) if isinstance(thing, OrderView) else None
    else:
        body["fulfillmentRequest"] = Raw(render(thing, who)) if isinstance(thing, FulfillmentRequest) else None
    return msgspec.json.encode(body)
