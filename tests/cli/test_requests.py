"""`waypost fr`, against a real server."""

import asyncio
import json
import os
import shlex
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from tests.fault.merchant import fill
from tests.support.database import rows
from tests.support.many_groups import Filling
from tests.support.process import ServerProcess, completed
from waypost.cli import requests
from waypost_client import InvalidInput


class Hub:
    """A server with requests in Processing, and the command line that calls it."""

    def __init__(self, url: str, token: str, ids: list[int]) -> None:
        self.ids = ids
        self.token = token
        self._env = {**os.environ, "WAYPOST_URL": url, "WAYPOST_TOKEN": token}

    async def run(self, *args: object, **env: str) -> "subprocess.CompletedProcess[str]":
        """`waypost fr ARGS`."""
        return await self.waypost("fr", *args, **env)

    async def waypost(self, *args: object, **env: str) -> "subprocess.CompletedProcess[str]":
        """`waypost ARGS`."""
        return await completed(*map(str, args), environment={**self._env, **env})

    async def json(self, *args: object) -> Any:
        """What it prints for a program."""
        done = await self.run(*args, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
async def hub(migrated_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """Five requests."""
    token, ids = await fill(migrated_url, 5)
    async with ServerProcess(migrated_url, tmp_path / "server.log") as server:
        yield Hub(server.url, token, ids)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_requests_are_listed_shown_and_moved(hub: Hub) -> None:
    listed = await hub.json("list", "--status", "Processing", "--limit", 3)
    assert [one["id"] for one in listed] == hub.ids[:3]
    done = await hub.run("fail", hub.ids[0], "--error", "Out of stock", "--code", "out_of_stock")
    assert (done.returncode, done.stdout) == (0, f"{hub.ids[0]}: failed.\n")
    again = await hub.run("fail", hub.ids[0], "--error", "Out of stock")
    assert again.returncode == 1
    assert "fail is not allowed from Processing Error. Allowed now: process" in again.stderr
    shown = await hub.run("show", hub.ids[0])
    for words in ("Processing Error, Awaiting Shipment", "Failed: Out of stock (out_of_stock;", "Allowed now: process"):
        assert words in shown.stdout
    told = await hub.json("show", hub.ids[0])
    assert told["events"][-1]["reason"] == "Out of stock"
    table = await hub.run("list", "--failure-code", "out_of_stock")
    assert "Out of stock" in table.stdout


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_many_are_moved_at_once_and_each_has_its_result(hub: Hub) -> None:
    would = await hub.run("cancel", *hub.ids, "--dry-run", "--reason", "season over")
    assert would.stdout.splitlines() == [f"{id_}: would be canceled." for id_ in hub.ids]
    assert len(await hub.json("list", "--status", "Processing")) == 5
    assert (await hub.run("cancel", hub.ids[0])).returncode == 0
    done = await hub.run("fail", *hub.ids, "--error", "closed")
    assert done.returncode == 1
    assert done.stdout.splitlines()[:2] == [
        f"{hub.ids[0]}: refused (not_allowed_from_status).", f"{hub.ids[1]}: failed."
    ]  # fmt: skip
    assert "1 of 5 refused." in done.stderr


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_events_are_printed_and_followed(hub: Hub) -> None:
    await hub.run("fail", hub.ids[0], "--error", "Out of stock")
    told = (await hub.waypost("events", "--type", "fulfillment_request.*")).stdout.splitlines()
    assert len(told) == 6
    assert told[-1].endswith(f"fulfillment_request.failed {hub.ids[0]} -> Processing Error by account load: Out of stock")
    lines = (await hub.waypost("events", "--json", "--limit", 2)).stdout.splitlines()
    cursor = json.loads(lines[1])["cursor"]
    assert [json.loads(line)["seq"] for line in lines] == [1, 2]
    following = asyncio.create_task(hub.waypost("events", "--follow", "--limit", 1, "--after", cursor))
    await hub.run("fail", hub.ids[1], "--error", "closed")
    assert (await following).returncode == 0


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_what_needs_somebody_is_shown(hub: Hub) -> None:
    assert (await hub.waypost("attention")).stdout == "Nothing needs anybody.\n"
    await hub.run("fail", *hub.ids[:3], "--error", "House number missing", "--code", "address_invalid")
    told = (await hub.waypost("attention", "--limit", 2)).stdout
    for words in ("Address invalid (address_invalid)", ": 3, the oldest for 0 min", "House number missing", "process, "):
        assert words in told
    found = json.loads((await hub.waypost("attention", "--json", "--code", "out_of_stock")).stdout)
    assert found == {"total": 0, "moreGroups": False, "groups": []}
    assert (await hub.waypost("attention", "--assignee", "Nobody")).stdout == "Nothing that these filters ask for needs anybody.\n"
    mine = json.loads((await hub.waypost("attention", "--json", "--limit", 1)).stdout)["groups"][0]["next"]
    await hub.run("cancel", *hub.ids[:3])
    assert (await hub.waypost("attention", "--after", mine)).stdout == "Nothing comes after this in its group.\n"


def _offered(told: str, words: str) -> list[str]:
    """The arguments of the command that the output offers after these words."""
    [line] = [line for line in told.splitlines() if words in line]
    name, *arguments = shlex.split(line.partition(words)[2])
    assert name == "waypost"
    return arguments


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_what_is_not_shown_yet_is_one_command_away(hub: Hub) -> None:
    await hub.run("fail", *hub.ids[:3], "--error", "House number missing", "--code", "address_invalid")
    filters = ("--source", 1, "--code", "address_invalid", "--code", "x_own", "--unassigned", "--snoozed")
    told = (await hub.waypost("attention", *filters, "--limit", 1, "--token", hub.token)).stdout
    arguments = _offered(told, "There are more: ")
    cursor = arguments.pop()
    assert arguments == ["attention", *map(str, filters), "--limit", "1", "--after"]
    more = json.loads((await hub.waypost(*arguments, cursor, "--json")).stdout)["groups"][0]
    assert [item["subject"]["id"] for item in more["items"]] == [hub.ids[1]]
    told = (await hub.waypost("attention", "--limit", 0)).stdout
    assert hub.token not in told
    whole = (await hub.waypost(*_offered(told, "To see them: "))).stdout
    assert whole.count("House number missing") == 3
    assert "There are more" not in whole
    assert (await hub.waypost("attention", "--limit", 200)).returncode == 0


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_groups_that_are_not_shown_are_told_of(hub: Hub, migrated_url: str) -> None:
    [account] = await rows(migrated_url, "SELECT id FROM account")
    await Filling(account["id"], 0, 1_002, 2).write(migrated_url)
    last = (await hub.waypost("attention", "--limit", 0)).stdout.splitlines()[-1]
    assert last == "These are 1,000 groups, and there are more: 2,004 items in all. Narrow with --source or --code."
    assert "These are" not in (await hub.waypost("attention", "--code", "x_01002")).stdout


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_unassigned_and_an_assignee_are_wrong_usage(hub: Hub) -> None:
    done = await hub.waypost("attention", "--unassigned", "--assignee", "Bob")
    assert done.returncode == 2
    assert "--unassigned and --assignee contradict each other" in done.stderr


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_what_goes_wrong_is_one_sentence(hub: Hub) -> None:
    for env, args, code, words in (
        ({"WAYPOST_TOKEN": ""}, ["list"], 2, "Say whose token to call with"),
        ({"WAYPOST_TOKEN": "wp_nobody"}, ["list"], 1, "A valid X-API-TOKEN"),
        ({"WAYPOST_URL": "localhost"}, ["list"], 2, "It must be a URL"),
        ({}, ["list", "--status", "Lost"], 1, "is not known"),
        ({}, ["show", "999999"], 1, "There is no such fulfillment request."),
        ({}, ["fail", "1"], 2, "--error"),
        ({}, ["process", "0"], 2, "0"),
    ):
        done = await hub.run(*args, **env)
        assert done.returncode == code, done.stderr
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_requests_with_too_many_lines_are_moved_by_halves() -> None:
    calls: list[list[int]] = []

    class Fake:
        def bulk_fulfillment_requests(self, body: Any) -> Any:
            ids = [one["id"] for one in body["items"]]
            calls.append(ids)
            if len(ids) > 2:
                problem = {"errors": [{"pointer": "/items", "code": "too_many", "message": "Too many."}]}
                raise InvalidInput(400, "invalid_input", "Too many.", problem, None)
            return {"results": [{"id": id_, "status": 200, "code": None} for id_ in ids]}

    done = requests._moved(cast("Any", Fake()), "cancel", (1, 2, 3, 4, 5), {}, False)
    assert [one["id"] for one in done] == [1, 2, 3, 4, 5]
    assert calls == [[1, 2, 3, 4, 5], [1, 2], [3, 4, 5], [3], [4, 5]]
