"""Why a hand-over fails: the registry of failure codes (contract section 2.6), with what to do about each."""

import re
from typing import NamedTuple


class FailureCode(NamedTuple):
    """One reason. `retryable` says whether trying again, unchanged, can help."""

    code: str
    title: str
    retryable: bool
    hint: str


OUTCOME_UNKNOWN = "outcome_unknown"
OTHER = "other"

REGISTRY: tuple[FailureCode, ...] = (
    FailureCode("address_invalid", "Address invalid", False,
                "Correct the shipping address with the customer, then release the request again."),
    FailureCode("contact_invalid", "Contact details invalid", False,
                "Add or correct the e-mail address or telephone number that the source asks for."),
    FailureCode("sku_unknown", "SKU unknown to the source", False,
                "Map the SKU to one the source knows, or void the request and use another source."),
    FailureCode("product_ineligible", "Product may not be sold or shipped this way", False,
                "Void the request and choose a source or method that may ship the product."),
    FailureCode("out_of_stock", "Out of stock", False,
                "Void the request and use another source, or wait for stock and release it again."),
    FailureCode("quantity_unavailable", "Quantity not available in full", False,
                "Adjust the request to what is available; the rest goes back to the order."),
    FailureCode("shipping_method_unmapped", "Shipping method not mapped", False,
                "Map the order's shipping text to a method of this source, then release it again."),
    FailureCode("destination_undeliverable", "Destination not served", False,
                "Choose another shipping method or source that serves the destination."),
    FailureCode("customs_info_missing", "Customs information missing", False,
                "Add customs value, tariff number and country of origin, then release it again."),
    FailureCode("required_info_missing", "Required information missing", False,
                "Fill in what the source requires, or mend the setting that the message names; then release it again."),
    FailureCode("duplicate_number", "Number already used", False,
                "Check with the source whether it already has this order before giving it a new number."),
    FailureCode("number_too_long", "Number too long for the source", False,
                "Give the request a shorter number; it is never cut."),
    FailureCode("price_mismatch", "Price does not match", False,
                "Agree the cost with the source, update it, then release it again."),
    FailureCode("source_unreachable", "Source could not be reached", True,
                "Nothing was sent: release it again once the source answers."),
    FailureCode("source_timeout", "Source did not respond in time", True,
                "Ask the source for the state of the request, then release it again or void it."),
    FailureCode("source_rejected", "Source rejected the request", False,
                "Read the source's message, mend what it names, then release it again."),
    FailureCode("source_rate_limited", "Source asks to slow down", True,
                "Wait as long as the source asks, then release it again."),
    FailureCode("credentials_invalid", "Credentials not accepted by the source", False,
                "Renew the credentials of the source, then release it again."),
    FailureCode(OUTCOME_UNKNOWN, "Outcome unknown", False,
                "Ask the source whether it has the order. Resend only with confirm=resend: it may order twice."),
    FailureCode(OTHER, "Other", False, "Read the reason and decide: release it again, adjust, or void."),
)  # fmt: skip

BY_CODE = {entry.code: entry for entry in REGISTRY}

_OWN_CODE = re.compile(r"x_[a-z0-9_]{1,60}", re.ASCII)


def is_known_code(code: str) -> bool:
    """Whether `code` may be given as a failure code: one of the registry's, or a source's own `x_…`."""
    return code in BY_CODE or _OWN_CODE.fullmatch(code) is not None


def is_retryable(code: str) -> bool:
    """Whether a retry can help; a source's own code is taken not to be, until the source says so."""
    entry = BY_CODE.get(code)
    return entry is not None and entry.retryable
