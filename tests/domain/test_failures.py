"""The failure registry against contract section 2.6."""

import pytest

from waypost.domain.failures import REGISTRY, is_known_code, is_retryable

CONTRACT = [
    "address_invalid",
    "contact_invalid",
    "sku_unknown",
    "product_ineligible",
    "out_of_stock",
    "quantity_unavailable",
    "shipping_method_unmapped",
    "destination_undeliverable",
    "customs_info_missing",
    "required_info_missing",
    "duplicate_number",
    "number_too_long",
    "price_mismatch",
    "source_unreachable",
    "source_timeout",
    "source_rejected",
    "source_rate_limited",
    "credentials_invalid",
    "outcome_unknown",
    "other",
]


def test_the_registry_holds_the_codes_of_the_contract_in_its_order() -> None:
    assert [entry.code for entry in REGISTRY] == CONTRACT


def test_each_code_says_what_it_is_and_what_to_do() -> None:
    for entry in REGISTRY:
        assert entry.title
        assert not entry.title.endswith(".")
        assert entry.hint.endswith(".")
    assert len({entry.title for entry in REGISTRY}) == len(REGISTRY)


def test_a_retry_helps_where_the_source_was_only_away_or_busy() -> None:
    assert {e.code for e in REGISTRY if is_retryable(e.code)} == {
        "source_unreachable",
        "source_timeout",
        "source_rate_limited",
    }


def test_an_unknown_outcome_is_never_retried_blindly() -> None:
    assert not is_retryable("outcome_unknown")


@pytest.mark.parametrize("code", [*CONTRACT, "x_a", "x_9", "x__", "x_" + "z" * 60])
def test_known_codes(code: str) -> None:
    assert is_known_code(code)


@pytest.mark.parametrize(
    "code", ["", "x_", "x_" + "z" * 61, "x_A", "x_ä", "x_a\n", "x_a b", "x-a", "y_a", "Other", "x_٣"]
)
def test_unknown_codes(code: str) -> None:
    assert not is_known_code(code)


def test_a_sources_own_code_is_not_taken_to_be_retryable() -> None:
    assert not is_retryable("x_busy")
