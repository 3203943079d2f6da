"""What the hub finds in the way of an order that nobody has routed yet: things that nobody knows, unmapped texts.

What routing finds (no eligible source, no available quantity) comes with it. All that is found at once is listed on
the order (`holdReasons`).
"""

from collections.abc import Container, Sequence

from waypost.app.ports import ChannelRow
from waypost.domain.holds import unmapped_reason
from waypost.domain.orders import HoldReason, Order, OrderItem

NAMED_AT_MOST = 10  # things named in one message


def unknown_things(items: Sequence[OrderItem]) -> list[HoldReason]:
    """Items without a SKU: what they name is in nobody's catalog."""
    strangers = [item for item in items if item.sku is None]
    if not strangers:
        return []
    named = ", ".join(_named(item) for item in strangers[:NAMED_AT_MOST])
    more = f" and {len(strangers) - NAMED_AT_MOST} more" if len(strangers) > NAMED_AT_MOST else ""
    return [HoldReason("unknown_sku", f"Nobody knows what these items are: {named}{more}.")]


def _named(item: OrderItem) -> str:
    names = (
        ("product variant", item.product_variant_id),
        ("listing variant", item.listing_variant_id),
        ("listing", item.external_listing_id),
    )
    told = [f"{what} {name}" for what, name in names if name is not None]
    return f"{item.line_number} ({', '.join(told) or 'without a name'})"


def standing_reasons(
    order: Order, items: Sequence[OrderItem], channel: ChannelRow, mapped: Container[tuple[int, str]]
) -> list[HoldReason]:
    """What holds an order that nobody routes yet. `mapped`: (channel id, shipping text) that mean a policy."""
    reasons = unknown_things(items)
    if channel.require_shipping_mapping and (order.channel_id, order.shipping_text or "") not in mapped:
        reasons.append(unmapped_reason(order.shipping_text))
    return reasons
