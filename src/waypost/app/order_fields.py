"""Fields of an order that change by themselves: payment, tags, note. Each tells its event, if anything changes."""

import json
from collections.abc import Collection, Sequence

from waypost.app.order_bench import OrderBench
from waypost.app.routing import PAID_ENOUGH
from waypost.domain.events import ORDER_CHANGED
from waypost.domain.orders import PaymentStatus
from waypost.domain.refusals import Invalid, Problem

TAGS_AT_MOST = 100


async def change_payment(bench: OrderBench, to: PaymentStatus) -> bool:
    """Set what is known of its payment; paid or deferred, it goes on. Whether that is a change."""
    order = bench.order
    if order.payment_status == to:
        return False
    bench.amend(order._replace(payment_status=to))
    data = {"changed": ["paymentStatus"], "paymentStatus": to, "was": order.payment_status}
    bench.tell(ORDER_CHANGED, order.status, order.status, data)
    if to in PAID_ENOUGH:
        await bench.go_on()
    return True


def change_tags(bench: OrderBench, add: Sequence[str], remove: Collection[str], field: str) -> bool:
    """Take tags away, then add tags; each once, in their order. Whether that is a change. `field`: of the refusal."""
    order = bench.order
    was = json.loads(order.tags)
    now = list(dict.fromkeys([*(tag for tag in was if tag not in set(remove)), *add]))
    if len(now) > TAGS_AT_MOST:
        words = f"An order carries at most {TAGS_AT_MOST} tags; these would be {len(now)}."
        raise Invalid([Problem(field, "too_many_items", words)])
    if now == was:
        return False
    bench.amend(order._replace(tags=json.dumps(now, ensure_ascii=False, separators=(",", ":"))))
    bench.tell(ORDER_CHANGED, order.status, order.status, {"changed": ["tags"], "tags": now, "was": was})
    return True


def change_note(bench: OrderBench, to: str | None) -> bool:
    """Set its note; its event does not repeat it. Whether that is a change."""
    order = bench.order
    if order.note == to:
        return False
    bench.amend(order._replace(note=to))
    bench.tell(ORDER_CHANGED, order.status, order.status, {"changed": ["note"]})
    return True
