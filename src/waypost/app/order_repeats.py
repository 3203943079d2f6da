"""Orders that are posted again: compared with what was last posted, and updated where they may be (contract section 5).

The merchant's own changes are not looked at: a repeat that says what was last posted changes nothing.
"""

from collections.abc import Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple

from waypost.app.order_bench import Aim, OrderAsk, OrderBench
from waypost.app.order_fields import change_note, change_payment, change_tags
from waypost.app.ports import OrderParts, OrderView, Tx
from waypost.app.posted import (
    UPDATED,
    OrderDraft,
    Posted,
    differences,
    read_posted,
    recovered,
    with_updates,
    write_posted,
)
from waypost.app.routing import PAID_ENOUGH
from waypost.domain.orders import Order, OrderStatus
from waypost.domain.refusals import OtherContent, Unavailable

_UPDATED = {f"/{name}" for name in UPDATED}


class KnownOrder(NamedTuple):
    """An order that exists, as it is shown, and what was last posted of it (None: only its hash is kept)."""

    view: OrderView
    posted: str | None


class Repeated(NamedTuple):
    """What a repeat came to. `updated_from`: the order's status before an update; None: nothing was updated."""

    known: KnownOrder
    updated_from: OrderStatus | None = None


class _Compared(NamedTuple):
    """What was posted last and now, and the fields that differ."""

    was: Posted
    now: Posted
    differs: tuple[str, ...]

    @property
    def updates(self) -> bool:
        """Whether it differs, and only in what a repeat may change."""
        return bool(self.differs) and _UPDATED.issuperset(self.differs)


_SAME = _Compared({}, {}, ())


async def lock_repeats(tx: Tx, drafts: Sequence[OrderDraft], at_most: int) -> dict[int, OrderParts]:
    """Find the orders that these drafts update, and lock the first ones: before stock and counters. By order id."""
    found = await tx.orders_by_number([(draft.channel_id, draft.order_number) for draft in drafts])
    updated: dict[int, int] = {}  # account by order id
    for draft in drafts:
        one = found.get((draft.channel_id, draft.order_number))
        if one is not None and one.order.account_id == draft.actor.scope.account_id:
            compared = _compare(one.order, one.posted, draft)
            if compared is not None and compared.updates:
                updated[one.order.id] = one.order.account_id
    chosen = dict(islice(updated.items(), at_most))
    return await tx.lock_orders(sorted(set(chosen.values())), list(chosen)) if chosen else {}


class Deferred(Unavailable):
    """The order is updated in another batch: this one updates enough, or did not lock it in time."""

    def __init__(self) -> None:
        super().__init__("The order is being changed by others just now: post it again.", retry_after_s=1)


async def settle_repeat(tx: Tx, known: KnownOrder, draft: OrderDraft, may_update: bool, now: int) -> Repeated:
    """Find the order unchanged, or update it; a dry run undoes that. Raises `OtherContent`, or `Invalid` for its tags.

    The counter of the account is locked. Without `may_update` an update raises `Deferred`.
    """
    order = known.view.order
    compared = _compare(order, known.posted, draft)
    if compared is None or not compared.updates:
        if compared is None or compared.differs:
            raise OtherContent(order.order_number, order.id, compared.differs if compared else ())
        return Repeated(known)
    if not may_update:
        raise Deferred
    work = partial(_update, tx, order.id, compared, draft, now)
    return await (tx.rehearse(work) if draft.dry_run else work())


async def _update(tx: Tx, order_id: int, compared: _Compared, draft: OrderDraft, now: int) -> Repeated:
    """Update payment, tags and note. If no payment status is sent, the order keeps its own."""
    payment = draft.payment_status if "/payment_status" in compared.differs else None
    ask = OrderAsk(draft.actor, order_id, draft.call_id)
    bench = await OrderBench.open(tx, ask, now, Aim(goes_on=payment in PAID_ENOUGH))
    was = bench.order.status
    changed = False
    if "/tags" in compared.differs:
        # Only what the channel adds and takes away: tags of the merchant's own stay.
        before, after = compared.was["tags"], compared.now["tags"]
        changed |= change_tags(bench, [tag for tag in after if tag not in before], set(before) - set(after), "tags")
    if "/note" in compared.differs:
        changed |= change_note(bench, draft.note)
    if payment is not None:
        changed |= await change_payment(bench, payment)
    view = await bench.close()
    posted = with_updates(compared.was, compared.now)
    await tx.update_posted(order_id, posted)
    return Repeated(KnownOrder(view, posted), was if changed else None)


def _compare(order: Order, posted: str | None, draft: OrderDraft) -> _Compared | None:
    """None: it differs, and the hub does not know where, as only a hash was kept of what was posted."""
    text = write_posted(draft)
    if text == posted:
        return _SAME  # most repeats are: to read them would cost more than all the rest
    was = recovered(order, draft) if posted is None else read_posted(posted)
    if was is None:
        return None
    now = read_posted(text)
    if "ordered_at" not in was and now.get("ordered_at") == order.ordered_at:
        del now["ordered_at"]  # posted without a time, it got this one
    return _Compared(was, now, differences(was, now))
