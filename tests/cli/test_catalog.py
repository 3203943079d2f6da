"""`waypost source set`, `channel set` and `waypost routing`: settings from a terminal, with the same refusals."""

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

Call = Callable[..., Result]
Told = Callable[..., Any]


@pytest.fixture
def database_url(migrated_url: str) -> str:
    """With its schema: making that is not what is tested here."""
    return migrated_url


@pytest.fixture(autouse=True)
def merchant(call: Call) -> None:
    """An account with two sources and two channels."""
    call("account", "create", "Acme")
    for name in ("North", "South"):
        call("source", "create", name)
        call("channel", "create", f"{name} shop")


def test_a_source_is_made_with_all_its_settings(told: Told) -> None:
    made = told(
        "source", "create", "Strict", "--reference", "ST", "--number-strategy", "channel_reference",
        "--exceed-strategy", "order_id", "--refused-characters", "#/#", "--pass-order-fields", "--pass-item-fields",
        "--stock-release", "quantity_update", "--allow-backorders", "--dropship-fee", "2.50", "--shipping-estimate", 7,
    )  # fmt: skip
    assert {name: made[name] for name in made.keys() - {"id", "accountId", "createdAt"}} == {
        "name": "Strict", "reference": "ST", "maxNumberLength": None, "numberStrategy": "channel_reference",
        "exceedStrategy": "order_id", "refusedCharacters": "#/", "requiredFields": [], "autoProcess": True,
        "passOrderFields": True, "passItemFields": True, "stockRelease": "quantity_update", "allowBackorders": True,
        "dropshipFee": 2.5, "shippingEstimate": 7, "archived": False,
    }  # fmt: skip


def test_a_source_is_changed_in_what_is_named(call: Call, told: Told) -> None:
    before = told("source", "list")[0]
    changed = told(
        "source", "set", "North", "--hold", "--max-number-length", 12, "--required-field", "vat", "--archive"
    )
    assert changed == {
        **before, "autoProcess": False, "maxNumberLength": 12, "requiredFields": ["vat"], "archived": True,
    }  # fmt: skip
    emptied = told(
        "source", "set", 1, "--max-number-length", "none", "--no-required-fields", "--unarchive", "--auto-process",
        "--reference", "", "--number-strategy", "none",
    )  # fmt: skip
    assert emptied == before
    assert call("source", "set", "North", "--name", "Far north").stdout == "Source 1 changed: Far north.\n"
    assert call("source", "set", 1, "--name", "Far north").stdout == "Source 1 was so already: Far north.\n"


def test_a_channel_is_changed_in_what_is_named(call: Call, told: Told) -> None:
    group = told("routing", "create", "Domestic", "--source", "North")
    before = told("channel", "list")[0]
    changed = told(
        "channel", "set", "North shop", "--auto-generate", "--allow-backorders", "--reroute-on-fill",
        "--require-shipping-mapping", "--routing-group", "Domestic",
    )  # fmt: skip
    assert changed == {
        **before, "autoGenerate": True, "allowBackorders": True, "rerouteOnFill": True, "requireShippingMapping": True,
        "routingGroupId": group["id"],
    }  # fmt: skip
    back = told(
        "channel",
        "set",
        1,
        "--by-hand",
        "--no-backorders",
        "--no-reroute",
        "--any-shipping-text",
        "--routing-group",
        "none",
    )
    assert back == before
    made = told("channel", "create", "Market", "--auto-generate", "--routing-group", group["id"])
    assert (made["autoGenerate"], made["routingGroupId"]) == (True, group["id"])
    assert call("channel", "set", 1, "--by-hand").stdout == "Channel 1 was so already: North shop.\n"


def test_a_routing_group_is_made_and_listed(call: Call, told: Told) -> None:
    made = told(
        "routing", "create", "Domestic", "--rule", "shipping-mapped", "--rule", "single-request", "--rule", "lowest-cost",
        "--source", "South:5", "--source", 1, "--default",
    )  # fmt: skip
    assert made == {
        "id": 1, "accountId": 1, "name": "Domestic", "rules": ["shipping-mapped", "single-request", "lowest-cost"],
        "sources": [{"sourceId": 1, "priority": 2, "eligible": True}, {"sourceId": 2, "priority": 5, "eligible": True}],
    }  # fmt: skip
    assert call("routing", "create", "Rest").stdout == "Routing group 2 created: Rest.\n"
    rest = told("routing", "list")[1]
    assert rest["rules"] == ["prefer-single-request", "lowest-cost", "source-priority"]
    table = [line.split() for line in call("routing", "list").stdout.splitlines()]
    assert table[1][:3] == ["1", "Domestic", "yes"]
    assert table[1][-4:] == ["1", "(2),", "2", "(5)"]
    assert table[2][:3] == ["2", "Rest", "no"]


def test_every_refusal_is_one_sentence(call: Call, told: Told) -> None:
    before = told("source", "list")
    assert "There is no source with the id or name 'West'." in call("source", "set", "West", "--hold", code=1).stderr
    two = call("source", "set", 1, "--max-number-length", 0, "--name", " ", code=1).stderr
    assert "The name must not be blank." in two
    assert "The longest number must be from 1 to 255 characters, not 0." in two
    assert "Say what to change" in call("source", "set", 1, code=2).stderr
    assert "Say what to change" in call("channel", "set", 1, code=2).stderr
    assert "is not an amount" in call("source", "set", 1, "--dropship-fee", "1.00001", code=2).stderr
    assert "not negative" in call("source", "set", 1, "--dropship-fee", "-1", code=1).stderr
    assert "no routing group" in call("channel", "set", 1, "--routing-group", "None such", code=1).stderr
    call("routing", "create", "Domestic")
    taken = call("routing", "create", "Domestic", "--source", "North", "--source", "North", code=1).stderr
    assert "Another one, 1, has this name." in taken
    assert "Source 1 stands there already." in taken
    assert told("source", "list") == before
    assert len(told("routing", "list")) == 1
