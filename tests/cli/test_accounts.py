"""`waypost account`, `source` and `channel`."""

import re
from collections.abc import Callable
from typing import Any

from click.testing import Result

Call = Callable[..., Result]
Told = Callable[..., Any]


def test_the_first_account_makes_the_database(call: Call) -> None:
    assert call("account", "create", "Acme").stdout == "Account 1 created: Acme.\n"


def test_an_account_is_told_to_a_program(told: Told) -> None:
    made = told("account", "create", "Größe & 商店", "--brand-name", "Brand", "--subdomain", "acme")
    assert {**made, "createdAt": None} == {
        "id": 1,
        "companyName": "Größe & 商店",
        "brandName": "Brand",
        "subdomain": "acme",
        "createdAt": None,
    }
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", made["createdAt"])
    assert told("account", "list") == [made]


def test_accounts_are_listed_in_a_table(call: Call) -> None:
    call("account", "create", "Acme " + "x" * 150)
    lines = call("account", "list").stdout.splitlines()
    assert lines[0].split() == ["Id", "Company", "Brand", "Subdomain", "Created"]
    assert lines[1].split()[:3] == ["1", "Acme", "x" * 150]


def test_an_empty_list_says_so(call: Call) -> None:
    call("migrate")
    assert call("account", "list").stdout == "No accounts found.\n"


def test_a_source_says_what_it_requires(call: Call, told: Told) -> None:
    call("account", "create", "Acme")
    made = told(
        "source", "create", "Warehouse", "--max-number-length", 20, "--required-field", "phone",
        "--required-field", "vat", "--hold",
    )  # fmt: skip
    assert {**made, "createdAt": None} == {
        "id": 1, "accountId": 1, "name": "Warehouse", "reference": None, "maxNumberLength": 20, "numberStrategy": None,
        "exceedStrategy": None, "refusedCharacters": "", "requiredFields": ["phone", "vat"], "autoProcess": False,
        "passOrderFields": False, "passItemFields": False, "stockRelease": "shipment", "allowBackorders": False,
        "dropshipFee": 0, "shippingEstimate": 0, "archived": False, "createdAt": None,
    }  # fmt: skip
    assert call("source", "create", "East").stdout == "Source 2 created: East.\n"
    assert [row["autoProcess"] for row in told("source", "list")] == [False, True]
    table = call("source", "list").stdout.splitlines()
    assert table[1].split()[:5] == ["1", "Warehouse", "20", "phone,", "vat"]


def test_a_channel_is_made_and_listed(call: Call, told: Told) -> None:
    call("account", "create", "Acme")
    assert call("channel", "create", "Shop").stdout == "Channel 1 created: Shop.\n"
    made = told("channel", "create", "Market")
    assert told("channel", "list")[1] == made
    assert (made["id"], made["accountId"], made["name"]) == (2, 1, "Market")
    assert "Market" in call("channel", "list").stdout


def test_with_several_accounts_one_must_be_named(call: Call, told: Told) -> None:
    call("account", "create", "Acme")
    call("account", "create", "Other")
    refused = call("source", "create", "Warehouse", code=1)
    assert refused.stderr == ("Error: There are 2 accounts, so say which by id or name: 1 (Acme), 2 (Other).\n")
    assert told("source", "create", "Warehouse", "--account", "Other")["accountId"] == 2
    assert told("source", "create", "Warehouse", "-a", "1")["accountId"] == 1
    assert len(told("source", "list", "--account", 2)) == 1


def test_every_problem_is_one_sentence_on_standard_error(call: Call) -> None:
    call("account", "create", "Acme")
    result = call("source", "create", " ", "--max-number-length", 0, code=1)
    assert result.stdout == ""
    assert result.stderr == (
        "Error: The name must not be blank. The longest number must be from 1 to 255 characters, not 0.\n"
    )


def test_what_could_steer_a_terminal_is_spelled_out(call: Call) -> None:
    call("account", "create", "Acme\x1b[2J [bold]x[/bold]")
    table = call("account", "list").stdout
    assert r"Acme\x1b[2J [bold]x[/bold]" in table


def test_a_command_that_needs_data_does_not_make_a_database(call: Call) -> None:
    result = call("source", "create", "Warehouse", code=1)
    assert "`waypost migrate` makes one" in result.stderr
    assert "`waypost migrate` makes one" in call("account", "list", code=1).stderr
