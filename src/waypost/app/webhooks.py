"""Webhook endpoints as their owner sees them: made, changed, tried out, and asked to deliver again.

Sending is `waypost.events`' work; what is asked for here becomes rows that it finds.
"""

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from waypost.app.actor import Actor, system
from waypost.app.commands import matches
from waypost.app.ports import Tx
from waypost.app.ports.attention import Attention
from waypost.app.ports.events import FeedQuery
from waypost.app.ports.secrets import Secret
from waypost.app.ports.webhooks import Delivery, Webhook
from waypost.app.records import Made, Notice, RecordChange
from waypost.app.slices import Pace
from waypost.domain.attention import WEBHOOK_DEFECT, WEBHOOK_DISABLED
from waypost.domain.refusals import Invalid, NotFound, Problem, Stale
from waypost.domain.webhooks import TEST, Message, messages_of, patterns_of

ENDED_AT_ONCE = 500  # messages that wait for an endpoint when it is deleted
CONFIGURATIONS_AT_MOST = 50  # of an account, deleted ones not counted
REPLAYED_AT_MOST = 1000  # messages in one call
RANGE_AT_MOST = 5000  # seqs in one call
SECRET_BYTES = 32
_STEPS_OF_A_MESSAGE = 20  # to find it, and to put it up again
_WRITTEN = ("name", "url", "notification_email", "status", "source_id", "channel_id", "strict_order", "timeout_s")


Expected = frozenset[int] | str | None  # If-Match
Randomness = Callable[[int], bytes]


def new_secret(randomness: Randomness) -> Secret:
    """`whsec_` and the base64 of 32 random bytes, as Standard Webhooks has it."""
    return Secret("whsec_" + base64.b64encode(randomness(SECRET_BYTES)).decode())


class WebhookDraft(NamedTuple):
    """An endpoint as asked for; None in a change leaves what there is. The URL is judged already."""

    name: str | None = None
    url: str | None = None
    subscribed: tuple[str, ...] | None = None
    source_id: int | None = None
    channel_id: int | None = None
    notification_email: str | None = None
    status: str | None = None
    strict_order: bool | None = None
    timeout_s: int | None = None
    skip_backlog: bool = False  # of an endpoint that becomes active again: what happened meanwhile


class Queued(NamedTuple):
    """How many messages were put up for delivery."""

    queued: int


async def _existing(tx: Tx, actor: Actor, webhook_id: int, expected: Expected = None) -> Webhook:
    found = await tx.lock_webhook(actor.scope.account_id, webhook_id)
    if found is None:
        raise NotFound("webhook configuration")
    if not matches(expected, found.version):
        raise Stale(found.version)
    return found


async def _binding_problems(tx: Tx, actor: Actor, draft: WebhookDraft) -> list[Problem]:
    """The source and the channel that the endpoint is bound to must be the account's."""
    problems = []
    if draft.source_id is not None and not await tx.source_rows(actor.scope, [draft.source_id]):
        problems.append(Problem("source_id", "unknown_source", f"There is no source {draft.source_id}."))
    if draft.channel_id is not None and not await tx.channel_rows(actor.scope, [draft.channel_id]):
        problems.append(Problem("channel_id", "unknown_channel", f"There is no channel {draft.channel_id}."))
    return problems


async def _head(tx: Tx, account_id: int) -> int:
    return (await tx.load([], [account_id])).counters[account_id].last_seq


def creating(actor: Actor, draft: WebhookDraft, secret: Secret) -> RecordChange[Webhook]:
    """A new endpoint; it is sent what happens from now on."""
    account = actor.scope.account_id

    async def work(tx: Tx, at: int) -> Made[Webhook]:
        problems = await _binding_problems(tx, actor, draft)
        if len(await tx.lock_webhooks(account)) >= CONFIGURATIONS_AT_MOST:
            words = f"An account has at most {CONFIGURATIONS_AT_MOST} webhook configurations: delete one first."
            problems.append(Problem("configuration", "too_many", words))
        if problems:
            raise Invalid(problems)
        (new_id,) = await tx.new_ids("webhook", 1)  # known before it is written: the secret is bound to its row
        row = {
            "id": new_id, "account_id": account, "source_id": draft.source_id, "channel_id": draft.channel_id,
            "name": draft.name, "url": draft.url, "notification_email": draft.notification_email,
            "status": draft.status or "active", "subscribed": json.dumps(draft.subscribed or ()),
            "strict_order": bool(draft.strict_order), "timeout_s": draft.timeout_s or 15, "secret": secret,
            "cursor": await _head(tx, account) + 1,  # past the event of this very change
            "failures": 0, "paused_until": 0, "lease_until": 0, "created_at": at, "updated_at": at,
        }  # fmt: skip
        made = await _existing(tx, actor, await tx.insert_row("webhook", row))
        return Made(made, (Notice("webhook", made.id, "webhook.created", {"subscribedEvents": draft.subscribed}),))

    return RecordChange(actor, work, Webhook)


def changing(
    actor: Actor, webhook_id: int, draft: WebhookDraft, expected: Expected = None
) -> RecordChange[Webhook]:
    """What is given becomes so. One that was disabled goes on where it stopped, unless it is told to skip that."""

    async def work(tx: Tx, at: int) -> Made[Webhook]:
        was = await _existing(tx, actor, webhook_id, expected)
        if was.status == "deleted":
            words = "This webhook configuration was deleted: create a new one."
            raise Invalid([Problem("webhook_id", "webhook_deleted", words)])
        problems = await _binding_problems(tx, actor, draft)
        if problems:
            raise Invalid(problems)
        given = {name: value for name in _WRITTEN if (value := getattr(draft, name)) is not None}
        if draft.subscribed is not None:
            given["subscribed"] = json.dumps(draft.subscribed)
        changed = {name: value for name, value in given.items() if value != getattr(was, name)}
        if not changed:
            return Made(was)
        columns: dict[str, Any] = {**changed, "version": was.version + 1, "updated_at": at}
        if changed.get("status") == "active":
            columns |= {"failures": 0, "failing_since": None, "paused_until": 0, "disabled_reason": None}
            if draft.skip_backlog:
                columns["cursor"] = await _head(tx, actor.scope.account_id)
                if was.strict_order:
                    await tx.end_blocking(webhook_id, was.cursor, at)
        await tx.update_row("webhook", webhook_id, columns)
        if changed.get("status") in ("active", "deleted"):
            over = [WEBHOOK_DISABLED] if changed["status"] == "active" else [WEBHOOK_DISABLED, WEBHOOK_DEFECT]
            await tx.settle_attention(was.account_id, "webhook", webhook_id, over, at)
        if changed.get("status") == "deleted":
            await tx.end_waiting(webhook_id, at, ENDED_AT_ONCE)  # what is more is for `app.upkeep.purge`
        told = Notice("webhook", webhook_id, "webhook.updated", {"changed": sorted(changed)}, was.status,
                      changed.get("status", was.status))  # fmt: skip
        return Made(await _existing(tx, actor, webhook_id), (told,))

    return RecordChange(actor, work, Webhook)


def rotating(
    actor: Actor, webhook_id: int, secret: Secret, overlap_s: int, expected: Expected = None
) -> RecordChange[Webhook]:
    """A new secret; for `overlap_s` seconds both sign."""

    async def work(tx: Tx, at: int) -> Made[Webhook]:
        was = await _existing(tx, actor, webhook_id, expected)
        columns = {"version": was.version + 1, "secret": secret, "previous_secret": was.secret if overlap_s else None,
                   "previous_until": at + overlap_s * 1_000_000 if overlap_s else None, "updated_at": at}  # fmt: skip
        await tx.update_row("webhook", webhook_id, columns)
        told = Notice("webhook", webhook_id, "webhook.secret_rotated", {"overlapSeconds": overlap_s})
        return Made(await _existing(tx, actor, webhook_id), (told,))

    return RecordChange(actor, work, Webhook)


def disabling(account_id: int, webhook_id: int, code: str, reason: str) -> RecordChange[Webhook]:
    """The hub itself gives an endpoint up, with a notice: an event, and something that needs somebody."""
    actor = system(account_id)

    async def work(tx: Tx, at: int) -> Made[Webhook]:
        was = await _existing(tx, actor, webhook_id)
        if was.status != "active":
            return Made(was)
        columns = {"status": "disabled", "disabled_reason": reason, "version": was.version + 1, "updated_at": at}
        await tx.update_row("webhook", webhook_id, columns)
        await tx.raise_attention(
            [Attention(account_id, was.source_id, "webhook", webhook_id, WEBHOOK_DISABLED, f"{was.name}: {reason}", at)]
        )
        told = Notice("webhook", webhook_id, "webhook.disabled", None, was.status, "disabled", code, reason)
        return Made(await _existing(tx, actor, webhook_id), (told,))

    return RecordChange(actor, work, Webhook)


def testing(actor: Actor, webhook_id: int) -> RecordChange[Delivery]:
    """One message that means nothing, to see whether it arrives."""

    async def work(tx: Tx, at: int) -> Made[Delivery]:
        _active(await _existing(tx, actor, webhook_id))
        message_id = f"test_{webhook_id}_{at}"
        await tx.put_deliveries([_put_up(webhook_id, Message(message_id, TEST, None), None, at)])
        made = (await tx.deliveries_by_message(webhook_id, [message_id]))[message_id]
        return Made(made, (Notice("webhook", webhook_id, "webhook.tested"),))

    return RecordChange(actor, work, Delivery)


def replaying(actor: Actor, webhook_id: int, first: int, last: int) -> RecordChange[Queued]:
    """Deliver the events from `first` to `last` (seqs) again, as far as the endpoint has come to them."""

    async def work(tx: Tx, at: int) -> Made[Queued]:
        hook = _active(await _existing(tx, actor, webhook_id))
        query = FeedQuery(hook.scope, first - 1, _patterns(hook), RANGE_AT_MOST, min(last, hook.cursor))
        queued = await _put_up_again(tx, hook, query, at)
        return _queued(queued, webhook_id, {"fromEventId": first, "toEventId": last})

    return RecordChange(actor, work, Queued)


def retrying(actor: Actor, seqs: Sequence[int], is_automated: bool) -> RecordChange[Queued]:
    """Deliver these events again, to every active endpoint that they are for."""
    account = actor.scope.account_id

    async def work(tx: Tx, at: int) -> Made[Queued]:
        head = await _head(tx, account)
        unknown = [place for place, seq in enumerate(seqs) if seq > head]
        if unknown:
            raise Invalid([
                Problem(f"event_ids/{place}", "unknown_event", f"There is no event {seqs[place]}.") for place in unknown
            ])  # fmt: skip
        queued, pace = 0, Pace()
        for hook in await tx.lock_webhooks(account):
            if hook.status == "active":
                query = FeedQuery(hook.scope, 0, _patterns(hook), len(seqs), hook.cursor, tuple(set(seqs)))
                queued += await _put_up_again(tx, hook, query, at)
                await pace.spend(_STEPS_OF_A_MESSAGE * len(seqs))
        return _queued(queued, account, {"eventIds": list(seqs), "isAutomatedRetry": is_automated}, "account")

    return RecordChange(actor, work, Queued)


def _active(hook: Webhook) -> Webhook:
    if hook.status != "active":
        words = f"This webhook configuration is {hook.status}: only an active one is sent anything."
        raise Invalid([Problem("webhook_id", "webhook_not_active", words)])
    return hook


def _patterns(hook: Webhook) -> tuple[str, ...]:
    return patterns_of(json.loads(hook.subscribed))


async def _put_up_again(tx: Tx, hook: Webhook, query: FeedQuery, at: int) -> int:
    """Put the messages of these events up for delivery at once; how many."""
    subscribed = json.loads(hook.subscribed)
    messages = [message for event in await tx.events(query) for message in messages_of(event, subscribed)]
    if len(messages) > REPLAYED_AT_MOST:
        words = f"These are {len(messages)} messages; at most {REPLAYED_AT_MOST} are sent again by one call."
        raise Invalid([Problem("to_event_id", "too_many", words)])
    known = await tx.deliveries_by_message(hook.id, [message.id for message in messages])
    await tx.put_deliveries([_put_up(hook.id, message, known.get(message.id), at) for message in messages])
    return len(messages)


def _put_up(webhook_id: int, message: Message, known: Delivery | None, at: int) -> Delivery:
    if known is not None:
        return known._replace(status="pending", next_at=at, attempts=0, updated_at=at)
    seq = None if message.event is None else message.event.seq
    return Delivery(0, webhook_id, message.id, seq, message.name, "pending", 0, at, "[]", at, at, None)


def _queued(queued: int, subject_id: int, data: dict[str, Any], subject: str = "webhook") -> Made[Queued]:
    told = Notice(subject, subject_id, "webhook.replayed", {**data, "queued": queued})
    return Made(Queued(queued), (told,) if queued else ())
