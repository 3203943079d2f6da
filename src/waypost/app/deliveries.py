"""How a source is handed its requests: read and set. Secrets go in and never come out."""

import json
from typing import Any, NamedTuple

from waypost.app.actor import Actor
from waypost.app.ports import Tx
from waypost.app.ports.delivery import SourceDelivery
from waypost.app.ports.kinds import Checked
from waypost.app.records import Made, Notice, RecordChange
from waypost.domain.events import SOURCE_DELIVERY_CHANGED
from waypost.domain.refusals import Conflict, NotFound, Stale

POLL = "poll"
FIRST_VERSION = 1  # of a source that nobody has set: it polls


class DeliveryView(NamedTuple):
    """What is shown of it: of the secrets, which are set."""

    source_id: int
    kind: str
    settings: str
    secret_names: tuple[str, ...]
    policy: str
    paused: bool
    version: int
    updated_at: int | None


class DeliveryDraft(NamedTuple):
    """What is asked for, checked by its kind. `seen`: the version that its kept secrets were read from."""

    source_id: int
    kind: str
    checked: Checked
    policy: str | None  # None: as it is
    paused: bool
    seen: int
    expected: frozenset[int] | str | None = None  # If-Match


def view_of(source_id: int, row: SourceDelivery | None) -> DeliveryView:
    """A source without a row polls."""
    if row is None:
        return DeliveryView(source_id, POLL, "{}", (), "{}", False, FIRST_VERSION, None)
    names = tuple(sorted(json.loads(row.secrets))) if row.secrets is not None else ()
    return DeliveryView(
        source_id, row.kind, row.settings, names, row.policy, bool(row.paused), row.version, row.updated_at
    )


def kept_secrets(row: SourceDelivery | None, kind: str) -> dict[str, str]:
    """The secrets that a new setting of this kind may keep; none where they cannot be opened."""
    return json.loads(row.secrets) if row is not None and row.kind == kind and row.secrets is not None else {}


def set_delivery(actor: Actor, draft: DeliveryDraft) -> RecordChange[DeliveryView]:
    """The change."""

    async def work(tx: Tx, at: int) -> Made[DeliveryView]:
        scope = actor.scope
        if draft.source_id not in await tx.source_rows(scope, [draft.source_id]):
            raise NotFound("source")
        row = await tx.source_delivery(scope, draft.source_id)
        was = view_of(draft.source_id, row)
        if draft.expected is not None and draft.expected != "*" and was.version not in draft.expected:
            raise Stale(was.version)
        if was.version != draft.seen:
            raise Conflict("Somebody has just changed it: read it again.")
        new = SourceDelivery(
            draft.source_id, scope.account_id, draft.kind, draft.checked.settings, draft.checked.secrets,
            was.policy if draft.policy is None else draft.policy, draft.paused, was.version + 1,
            at if row is None else row.created_at, at,
        )  # fmt: skip
        if row is not None and new[2:7] == (*row[2:6], bool(row.paused)):
            return Made(was)
        await tx.write_delivery(new)
        now = view_of(draft.source_id, new)
        return Made(now, (Notice("source", draft.source_id, SOURCE_DELIVERY_CHANGED, _told(was, now)),))

    return RecordChange(actor, work, DeliveryView)


def _told(was: DeliveryView, now: DeliveryView) -> dict[str, Any]:
    """Which parts have changed; what they say is read where they are set."""
    parts = ("kind", "settings", "policy", "paused")
    return {"kind": now.kind, "changed": [part for part in parts if getattr(was, part) != getattr(now, part)]}
