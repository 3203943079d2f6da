"""Stored text in what commands print: it can end no line, steer no terminal, and turn no text around."""

import asyncio
import json
import unicodedata

import pytest

from tests.cli.conftest import Call
from tests.cli.test_requests import Hub, hub  # noqa: F401 - a fixture
from tests.support.database import rows
from waypost.cli.faults import Refused
from waypost.cli.output import print_json, printable, say

FORGED = "no stock\n2026-01-01T00:00:00  voided  account Boss\x1b[2J\x1b]0;x\x07\r\x9b1mx\u202egnihtyreve\u2028\x7f\u200b"
STEERING = ("Cc", "Cf", "Zl", "Zp", "Cs")


def steers(line: str) -> list[str]:
    """The characters of a line that could do more than be shown."""
    return [char for char in line if unicodedata.category(char) in STEERING]


def test_what_steers_is_spelled_out() -> None:
    assert printable(FORGED).startswith("no stock\\n2026-01-01")
    assert steers(printable(FORGED)) == []
    assert printable("Zoë 注文 ✓") == "Zoë 注文 ✓"


def test_a_refusal_is_one_line() -> None:
    """It may quote what a hub has answered."""
    assert Refused(f"Not so: {FORGED}").format_message() == f"Not so: {printable(FORGED)}"


def test_a_sentence_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"Failed: {FORGED}")
    told = capsys.readouterr().out
    assert told.count("\n") == 1
    assert steers(told.removesuffix("\n")) == []


@pytest.mark.parametrize("text", [FORGED, "Zoë 注文 ✓", "\U000e0041", "\ud800", "\"\\/"])
def test_json_is_the_same_json(capsys: pytest.CaptureFixture[str], text: str) -> None:
    print_json({"reason": text, text: [text]})
    told = capsys.readouterr().out
    assert json.loads(told) == {"reason": text, text: [text]}
    assert steers(told.removesuffix("\n")) == []
    assert ("✓" in told) == ("✓" in text), "what can be read is not escaped"


def test_names_are_shown_and_cannot_forge_lines(call: Call, database_url: str) -> None:
    """Lists and refusals, too, whatever an older release has stored."""
    call("account", "create", "Acme")
    asyncio.run(rows(database_url, "UPDATE account SET company_name = $1", FORGED))
    listed = call("account", "list").output
    assert [steers(line) for line in listed.splitlines()] == [[], []]
    assert "no stock\\n2026" in listed
    assert json.loads(call("account", "list", "--json").stdout)[0]["companyName"].startswith("no stock\n")
    refused = call("source", "create", "x", "--account", "not\nthere\x1b[2J", code=1).output
    assert steers(refused.removesuffix("\n")) == []


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_a_stored_reason_cannot_forge_lines_of_a_request(hub: Hub) -> None:  # noqa: F811
    id_ = hub.ids[0]
    done = await hub.run("fail", id_, "--error", FORGED)
    assert done.returncode == 0, done.stderr
    told = (await hub.json("show", id_))["fulfillmentRequest"]["failure"]["message"]
    assert told == FORGED
    honest = await hub.run("show", hub.ids[1])
    shown, listed = await hub.run("show", id_), await hub.run("list", "--limit", 1)
    events = await hub.waypost("events", "--type", "fulfillment_request.*")
    for done in (shown, listed, events):
        assert done.returncode == 0, done.stderr
        assert [char for line in done.stdout.split("\n") for char in steers(line)] == []
        assert "no stock\\n2026" in done.stdout
    # A failure has one line, and its event one row, more than a request that has not failed.
    assert shown.stdout.count("\n") == honest.stdout.count("\n") + 2
