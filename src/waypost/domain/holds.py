"""What routing finds in the way of an order, in words. Pure.

The codes, and the status in which an order waits for each, stand in `domain.orders`.
"""

from collections.abc import Iterable, Sequence

from waypost.domain.orders import HOLD_CODES, HoldReason
from waypost.domain.routing import Miss, Trouble, Unplaced

NAMED_AT_MOST = 10  # SKUs in one sentence


def in_order(reasons: Iterable[HoldReason]) -> list[HoldReason]:
    """Reasons in the order in which they are listed, what must be mended first at the top."""
    places = {code: place for place, code in enumerate(HOLD_CODES)}
    return sorted(reasons, key=lambda reason: places[reason.code])


def routing_reasons(unplaced: Sequence[Unplaced]) -> list[HoldReason]:
    """What keeps items from being placed: a reason for each kind of trouble."""
    reasons = []
    for trouble in Trouble:
        mine = [one for one in unplaced if one.trouble is trouble]
        if mine:
            reasons.append(HoldReason(trouble.value, _WORDS[trouble](mine)))
    return reasons


def trouble_words(unplaced: Unplaced) -> str:
    """Why one item cannot be placed."""
    return _WORDS[unplaced.trouble]([unplaced])


def unmapped_reason(shipping_text: str | None) -> HoldReason:
    """The channel wants its shipping texts mapped, and this one is not."""
    words = "The order has no shipping text, and its channel wants one that is mapped to a shipping policy."
    if shipping_text:
        words = f"The shipping text {shipping_text!r} is not mapped to a shipping policy."
    return HoldReason("shipping_text_unmapped", words)


def duplicate_reason(order_number: str) -> HoldReason:
    """Another order of the channel says the same."""
    words = f"Order {order_number} of the same channel, received within a day, says the same but for its number."
    return HoldReason("possible_duplicate", words)


def _named(unplaced: Sequence[Unplaced]) -> str:
    skus = list(dict.fromkeys(one.sku for one in unplaced))
    shown, more = skus[:NAMED_AT_MOST], len(skus) - NAMED_AT_MOST
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _unknown(unplaced: Sequence[Unplaced]) -> str:
    return f"No source has {_named(unplaced)}."


def _short(unplaced: Sequence[Unplaced]) -> str:
    lacking = "; ".join(f"{one.sku}: {one.quantity}" for one in unplaced[:NAMED_AT_MOST])
    more = len(unplaced) - NAMED_AT_MOST
    return f"Not in stock at any source that may be asked: {lacking}" + (f"; and {more} more." if more > 0 else ".")


MISSES = {
    Miss.NOT_A_CANDIDATE: "not in the routing group",
    Miss.NOT_ELIGIBLE: "not eligible",
    Miss.NOT_OFFERED: "does not have it",
    Miss.REFUSED_BEFORE: "gave it back before",
    Miss.NOT_MAPPED: "no method mapped for the shipping policy",
    Miss.NOT_ENOUGH: "not enough in stock",
    Miss.NOT_IN_ONE: "not everything for the address in one request",
}


def _ineligible(unplaced: Sequence[Unplaced]) -> str:
    told = {miss for one in unplaced for _, miss in one.misses}
    why = "; ".join(words for miss, words in MISSES.items() if miss in told)
    return f"No source that has {_named(unplaced)} may be asked ({why})."


_WORDS = {
    Trouble.UNKNOWN_SKU: _unknown,
    Trouble.NO_AVAILABLE_QUANTITY: _short,
    Trouble.NO_ELIGIBLE_SOURCE: _ineligible,
}
