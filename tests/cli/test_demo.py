"""`waypost demo` and `waypost serve --demo`, as a stranger meets them."""

import asyncio
import json
import shlex
import subprocess
import sys
from pathlib import Path

import httpx

from tests.support.checking import findings
from tests.support.database import rows
from tests.support.process import completed, free_port
from waypost.domain.statuses import STATUSES

PROGRAM = [sys.executable, "-m", "waypost"]


async def demo(url: str, *more: str) -> "subprocess.CompletedProcess[str]":
    return await completed("demo", "--database", url, *more, within_s=120)


async def test_a_believable_merchant(database_url: str) -> None:
    done = await demo(database_url, "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert set(made) == {"accountToken", "sourceTokens", "channelTokens", "orders", "fulfillmentRequests"}
    assert (made["orders"], len(made["sourceTokens"]), len(made["channelTokens"])) == (200, 4, 2)
    counts = made["fulfillmentRequests"]
    assert set(counts) == {facts.name for facts in STATUSES.values()}
    assert 10 <= counts["Processing"] <= 80
    assert 10 <= counts["Processed"] <= 80
    assert min(counts.values()) >= 2
    per_source = await rows(database_url, "SELECT source_id, count(*) AS n FROM fulfillment_request GROUP BY source_id")
    assert {row["source_id"] for row in per_source} == {token["sourceId"] for token in made["sourceTokens"]}
    per_order = await rows(database_url, "SELECT count(*) AS n FROM fulfillment_request GROUP BY order_id")
    assert {row["n"] for row in per_order} == {1, 2, 3}
    shipped = await rows(database_url, "SELECT count(*) AS n FROM shipment")
    held = await rows(database_url, "SELECT sum(committed - released) AS n FROM stock_ledger")
    assert shipped[0]["n"] > 30
    assert held[0]["n"] > 100
    closed = await rows(database_url, "SELECT count(*) AS n FROM orders WHERE status = 'closed'")
    assert closed[0]["n"] > 4
    assert await findings(database_url) == []
    again = await demo(database_url)
    assert again.returncode == 1
    assert "holds data already" in again.stderr


async def test_the_same_seed_gives_the_same_merchant(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in ("one", "two", "other")]
    for url, seed in zip(urls, ("7", "7", "8"), strict=True):
        assert (await demo(url, "--orders", "40", "--seed", seed)).returncode == 0
    sql = "SELECT at, subject_id, type, reason FROM event ORDER BY seq"
    one, two, other = [await rows(url, sql) for url in urls]
    assert one == two
    assert one != other


async def test_what_is_exported_is_named(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    assert (await demo(url, "--orders", "5")).returncode == 0
    for kind, words in (("inventory", "inventory variants"), ("fulfillment-requests", "fulfillment requests")):
        done = await completed("export", kind, str(tmp_path / f"{kind}.csv"), "--database", url)
        assert f" {words} are written to " in done.stdout


async def test_serve_prints_a_call_that_fails_a_request(tmp_path: Path) -> None:
    url, port = f"sqlite:///{tmp_path}/served.db", str(free_port())
    for _ in range(2):  # the second start finds the database, and makes fresh tokens
        server = await asyncio.create_subprocess_exec(
            *PROGRAM, "serve", "--demo", "--database", url, "--port", port, "--log", str(tmp_path / "log"),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert server.stdout is not None
        tokens, line = [], ""
        while not line.startswith("curl "):
            line = (await asyncio.wait_for(server.stdout.readline(), 30)).decode()
            tokens += [line.split()[-1]] if " token: " in line else []
        assert len(tokens) == 3
        words = shlex.split(line)
        header = words[words.index("-H") + 1].split(": ")
        async with httpx.AsyncClient(timeout=10) as client:
            replies = [await client.patch(words[-1], headers=dict([header])) for _ in range(2)]
        assert [reply.status_code for reply in replies] == [204, 400]
        assert replies[1].json()["currentStatus"] == "Processing Error"
        server.terminate()
        assert await asyncio.wait_for(server.wait(), 10) == 0


async def test_what_cannot_be_served_is_told_in_one_line(tmp_path: Path) -> None:
    url, port = f"sqlite:///{tmp_path}/a.db", str(free_port())
    for arguments, words in [
        (("--database", url, "--port", "99999"), "from 0 to 65535"), (("--rate-limit", "fast"), "2/s, or off"),
        (("--database", "mysql://x"), "sqlite:///"), (("--database", f"sqlite:///{tmp_path}/no/where.db"), "does not exist"),
        (("--database", url, "--host", "203.0.113.1", "--port", port), "Cannot listen on 203.0.113.1"),
    ]:  # fmt: skip
        done = await completed("serve", *arguments)
        assert done.returncode in (1, 2)
        assert words in done.stderr
        assert "Traceback" not in done.stderr
