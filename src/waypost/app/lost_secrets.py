"""Giving up secrets whose key is lost: without it nobody can read them, and the hub would not start."""

from collections.abc import Collection
from pathlib import Path
from types import NoneType
from typing import NamedTuple

from waypost.app.actor import Scope, system
from waypost.app.ports import Store, Tx
from waypost.app.ports.attention import Attention
from waypost.app.ports.secrets import Secret
from waypost.app.ports.webhooks import Webhook
from waypost.app.records import Made, Notice, RecordChange, record_now
from waypost.app.webhooks import Randomness, new_secret
from waypost.domain.attention import WEBHOOK_DISABLED
from waypost.domain.events import SOURCE_DELIVERY_CHANGED

LOST = "secret_lost"
_WHY = "The key of its secret was lost: rotate the secret, give it to the receiver, and set the status to active."


class LostSecrets(NamedTuple):
    """The key file and whether it exists, the ids of keys that it lacks, and the rows whose secrets do not open."""

    file: Path
    exists: bool
    missing: list[str]
    webhooks: list[int]
    sources: list[int]

    @property
    def any(self) -> bool:
        """Whether there is anything to give up."""
        return bool(self.webhooks or self.sources)


async def forget(
    store: Store, webhook_ids: Collection[int], source_ids: Collection[int], now: int, randomness: Randomness
) -> None:
    """Give these webhooks a secret that nobody knows and disable them; take the credentials of these sources away.

    What can be decrypted when its turn comes stays as it is.
    """
    for account in await store.reads.accounts():
        for id_ in webhook_ids:  # deleted ones, too: their secrets need a key as well
            if await store.reads.webhook(account.id, id_) is not None:
                await record_now(store, _webhook_forgotten(account.id, id_, new_secret(randomness)), now)
        for id_ in source_ids:
            if await store.reads.delivery(Scope(account.id), id_) is not None:
                await record_now(store, _source_forgotten(account.id, id_), now)


def _webhook_forgotten(account_id: int, webhook_id: int, fresh: Secret) -> RecordChange[None]:
    async def work(tx: Tx, at: int) -> Made[None]:
        hook = await tx.lock_webhook(account_id, webhook_id)
        if hook is None or _is_readable(hook):
            return Made(None)
        columns = {"previous_secret": None, "previous_until": None, "version": hook.version + 1, "updated_at": at}
        if hook.secret is not None:  # only the one before it is lost
            await tx.update_row("webhook", hook.id, {"secret": hook.secret, **columns})
            return Made(None)
        if hook.status != "active":
            await tx.update_row("webhook", hook.id, {"secret": fresh, **columns})
            return Made(None, (Notice("webhook", hook.id, "webhook.secret_rotated", {"overlapSeconds": 0}),))
        disabled = {"status": "disabled", "disabled_reason": _WHY}
        await tx.update_row("webhook", hook.id, {"secret": fresh, **columns, **disabled})
        words = f"{hook.name}: {_WHY}"
        raised = Attention(account_id, hook.source_id, "webhook", hook.id, WEBHOOK_DISABLED, words, at)
        await tx.raise_attention([raised])
        return Made(None, (Notice("webhook", hook.id, "webhook.disabled", None, hook.status, "disabled", LOST, _WHY),))

    return RecordChange(system(account_id), work, NoneType)


def _is_readable(hook: Webhook) -> bool:
    """Whether every secret that it has can be decrypted: somebody may have set it again meanwhile."""
    return hook.secret is not None and (hook.previous_secret is not None or hook.previous_until is None)


def _source_forgotten(account_id: int, source_id: int) -> RecordChange[None]:
    async def work(tx: Tx, at: int) -> Made[None]:
        row = await tx.source_delivery(Scope(account_id), source_id)
        if row is None or row.secrets is not None:
            return Made(None)
        await tx.write_delivery(row._replace(secrets=Secret("{}"), version=row.version + 1, updated_at=at))
        told = {"kind": row.kind, "changed": ["settings"]}
        return Made(None, (Notice("source", source_id, SOURCE_DELIVERY_CHANGED, told),))

    return RecordChange(system(account_id), work, NoneType)
