"""Webhook endpoints and their deliveries: the records, and how they are read and written."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from waypost.app.actor import Scope
from waypost.app.ports.secrets import Secret


class Webhook(NamedTuple):
    """An endpoint. Times in microseconds; 0 where a lease or a pause is over."""

    id: int
    account_id: int
    source_id: int | None
    channel_id: int | None
    name: str
    url: str
    notification_email: str | None
    status: str  # active, disabled, deleted
    disabled_reason: str | None
    subscribed: str  # JSON array of names and patterns
    strict_order: bool
    timeout_s: int
    secret: Secret | None  # whsec_…; None: it cannot be opened with the keys that there are
    previous_secret: Secret | None
    previous_until: int | None
    cursor: int  # the seq up to which every event was sent, or given a row of its own
    failures: int  # in a row
    failing_since: int | None
    paused_until: int
    lease_owner: str | None
    lease_until: int
    created_at: int
    updated_at: int
    version: int = 1

    @property
    def scope(self) -> Scope:
        """What its events are bound to."""
        return Scope(self.account_id, self.source_id, self.channel_id)

    @property
    def who(self) -> str:
        """The type of token whose view its messages give."""
        if self.source_id is not None:
            return "source"
        return "channel" if self.channel_id is not None else "account"


class Delivery(NamedTuple):
    """One message to one endpoint. `log`: JSON array of its attempts, the oldest first."""

    id: int
    webhook_id: int
    message_id: str
    seq: int | None  # None: a test
    name: str
    status: str  # pending, delivered, failed
    attempts: int
    next_at: int | None  # None: never, by itself; of all that is pending there is one
    log: str
    created_at: int
    updated_at: int
    delivered_at: int | None


class DeliveryQuery(NamedTuple):
    """Filters of the delivery log; nothing means no filter."""

    account_id: int
    webhook_id: int
    since_id: int | None = None
    statuses: tuple[str, ...] = ()
    limit: int = 20
    offset: int = 0


class DueWebhook(NamedTuple):
    """An endpoint that may have something to be sent. `retries`: messages of its own that are due."""

    id: int
    scope: Scope
    subscribed: str
    cursor: int
    head: int
    retries: bool


class Settlement(NamedTuple):
    """What a worker has done for an endpoint that it holds. `until` 0 lets it go, in microseconds as `paused_until`."""

    webhook_id: int
    owner: str
    cursor: int
    failures: int
    failing_since: int | None
    paused_until: int
    until: int
    deliveries: tuple[tuple[Delivery, int], ...]  # each with the `updated_at` that it was read with


class WebhookReads(Protocol):
    """The part of `Reads` that is about webhooks."""

    async def webhooks(self, account_id: int) -> list[Webhook]:
        """The endpoints of an account that are not deleted, by id."""
        ...

    async def webhook(self, account_id: int, webhook_id: int) -> Webhook | None: ...

    async def webhook_deliveries(self, query: DeliveryQuery) -> list[Delivery]:
        """One page, by id."""
        ...

    async def due_webhooks(self, now: int) -> list[DueWebhook]:
        """Endpoints that are active, held by nobody, not paused, and behind their account or with retries due."""
        ...

    async def due_deliveries(self, webhook_id: int, cursor: int, now: int, limit: int) -> list[Delivery]:
        """Messages to be tried again now, the longest due first; none behind the cursor, which comes to them."""
        ...

    async def deliveries_of(self, webhook_id: int, message_ids: Sequence[str]) -> dict[str, Delivery]:
        """What is known of these messages, by message id."""
        ...


class WebhookTx(Protocol):
    """The part of `Tx` that is about webhooks. Lock the account's counter before an endpoint, never after."""

    async def lock_webhook(self, account_id: int, webhook_id: int) -> Webhook | None: ...

    async def lock_webhooks(self, account_id: int) -> list[Webhook]:
        """All endpoints of an account that are not deleted."""
        ...

    async def claim_webhook(self, webhook_id: int, owner: str, now: int, until: int) -> Webhook | None:
        """Hold an endpoint until `until`, if it is active and nobody holds it."""
        ...

    async def renew_webhook(self, webhook_id: int, owner: str, until: int) -> bool:
        """Hold it until `until`; False where another holds it by now."""
        ...

    async def settle_webhooks(self, settlements: Sequence[Settlement]) -> list[Webhook | None]:
        """Write what was done; the endpoints as they are now. None: held by another by now, nothing was written.

        A message that was put up for delivery again meanwhile stays so.
        """
        ...

    async def put_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        """Insert, or overwrite what is known of the same message; ids are given by the database."""
        ...

    async def deliveries_by_message(self, webhook_id: int, message_ids: Sequence[str]) -> dict[str, Delivery]: ...

    async def end_waiting(self, webhook_id: int, at: int, limit: int) -> None:
        """What waits for this endpoint has failed: the first `limit` of it."""
        ...

    async def end_blocking(self, webhook_id: int, cursor: int, at: int) -> None:
        """The message that holds an endpoint in strict order up, behind this cursor, has failed; others stay."""
        ...

    async def end_waiting_for_deleted(self, at: int, limit: int) -> int:
        """What still waits for endpoints that are deleted has failed, at most `limit`; how many it were."""
        ...

    async def purge_deliveries(self, before: int, limit: int) -> int:
        """Forget deliveries that ended before `before`, at most `limit`; how many."""
        ...
