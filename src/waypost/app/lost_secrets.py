"""Giving up secrets whose key is lost: without it nobody can read them, and the hub would not start."""

from collections.abc import Collection

from waypost.app.actor import Scope, system
from waypost.app.ports import Store, Tx
from waypost.app.ports.delivery import Attention, SourceDelivery
from waypost.app.ports.secrets import Secret
from waypost.app.ports.webhooks import Webhook
from waypost.app.records import Made, Notice, RecordChange, record_now
from waypost.app.webhooks import Randomness, new_secret
from waypost.domain.attention import WEBHOOK_DISABLED
from waypost.domain.events import SOURCE_DELIVERY_CHANGED

LOST = "secret_lost"
_WHY = "The key of its secret was lost: rotate the secret, give it to the receiver, and set the status to active."


async def forget(
    store: Store, webhook_ids: Collection[int], source_ids: Collection[int], now: int, randomness: Randomness
) -> None:
    """Give these webhooks a secret that nobody knows and disable them; take the credentials of these sources away."""
    for account in await store.reads.accounts():
        for id_ in webhook_ids:
            hook = await store.reads.webhook(account.id, id_)
            if hook is not None:
                await record_now(store, _webhook_forgotten(hook, new_secret(randomness)), now)
        for id_ in source_ids:
            row = await store.reads.delivery(Scope(account.id), id_)
            if row is not None:
                await record_now(store, _source_forgotten(row), now)


def _webhook_forgotten(hook: Webhook, secret: Secret) -> RecordChange[None]:
    was_active = hook.status == "active"

    async def work(tx: Tx, at: int) -> Made[None]:
        columns = {"secret": secret, "previous_secret": None, "previous_until": None, "version": hook.version + 1,
                   "updated_at": at}  # fmt: skip
        status = "disabled" if was_active else hook.status
        reason = {"status": status, "disabled_reason": _WHY} if was_active else {}
        await tx.update_row("webhook", hook.id, {**columns, **reason})
        if was_active:
            words = f"{hook.name}: {_WHY}"
            raised = Attention(hook.account_id, hook.source_id, "webhook", hook.id, WEBHOOK_DISABLED, words, at)
            await tx.raise_attention([raised])
            told = Notice("webhook", hook.id, "webhook.disabled", None, hook.status, status, LOST, _WHY)
        else:
            told = Notice("webhook", hook.id, "webhook.secret_rotated", {"overlapSeconds": 0})
        return Made(None, (told,))

    return RecordChange(system(hook.account_id), work, _never_kept)


def _source_forgotten(row: SourceDelivery) -> RecordChange[None]:
    async def work(tx: Tx, at: int) -> Made[None]:
        await tx.write_delivery(row._replace(secrets=Secret("{}"), version=row.version + 1, updated_at=at))
        told = {"kind": row.kind, "changed": ["settings"]}
        return Made(None, (Notice("source", row.source_id, SOURCE_DELIVERY_CHANGED, told),))

    return RecordChange(system(row.account_id), work, _never_kept)


def _never_kept(record: object) -> None:
    raise AssertionError("this change has no idempotency key")
