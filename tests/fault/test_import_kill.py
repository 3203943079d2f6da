"""kill -9 in the middle of an import: the same command goes on, nothing is there twice, every bad row is told once."""

import asyncio
import csv
import signal
import sqlite3
import sys
from pathlib import Path

from tests.support.checking import findings
from tests.support.database import rows
from tests.support.keys import key_file_for
from waypost.app.accounts import create_account, create_channel
from waypost.storage.opening import open_store

ORDERS = 5000
KILLS = 4
BAD = 100  # every so many orders, one that is refused


async def _shop(url: str) -> None:
    store = await open_store(url, key_file=key_file_for(url))
    account = await create_account(store, "Shop", 1)
    await create_channel(store, account.id, "Web", 1)
    await store.close()


def _file(path: Path) -> Path:
    lines = ["orderNumber,sku,quantity"]
    for number in range(ORDERS):
        quantity = 0 if number % BAD == 0 else 1
        lines += [f"A{number},X,{quantity}", f"A{number},Y,2"]
    path.write_text("\n".join(lines) + "\n")
    return path


async def _start(url: str, file: Path, report: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "waypost", "import", "orders", str(file), "--channel", "Web", "--database", url,
        "--report", str(report), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


async def _settled(url: str) -> int:
    found = await rows(url, "SELECT rows_done FROM import_run")
    return int(found[0]["rows_done"]) if found else 0


async def _run_until(url: str, process: asyncio.subprocess.Process, wanted: int) -> int:
    """Let the import run in slices until it has settled so many rows; how many it has.

    It stands still while it is looked at: on a busy machine it would be at its end before it is looked at again.
    """
    async with asyncio.timeout(120):
        while True:
            process.send_signal(signal.SIGSTOP)
            try:
                settled = await _settled(url)
            except sqlite3.OperationalError:
                settled = 0  # it stands still while it recovers the file from the last kill
            if settled >= wanted:
                return settled
            process.send_signal(signal.SIGCONT)
            await asyncio.sleep(0.02)
            assert process.returncode is None, "it came to its end before it was killed"


async def test_kills_lose_nothing_and_double_nothing(migrated_url: str, tmp_path: Path) -> None:
    await _shop(migrated_url)
    file, report = _file(tmp_path / "orders.csv"), tmp_path / "bad.csv"
    reached = [0]
    for kill in range(1, KILLS + 1):
        process = await _start(migrated_url, file, report)
        settled = await _run_until(migrated_url, process, min(reached[-1] + 500, kill * 1200))
        process.send_signal(signal.SIGKILL)
        await process.wait()
        assert process.returncode == -signal.SIGKILL
        reached.append(max(settled, await _settled(migrated_url)))
    process = await _start(migrated_url, file, report)
    said, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 1  # some rows were refused
    assert f"after row {reached[-1]:,}, where it had stopped" in said.decode()
    numbers = [row["order_number"] for row in await rows(migrated_url, "SELECT order_number FROM orders ORDER BY id")]
    assert numbers == [f"A{number}" for number in range(ORDERS) if number % BAD]
    [run] = await rows(migrated_url, "SELECT rows_done, rows_refused, finished_at FROM import_run")
    assert (run["rows_done"], run["rows_refused"]) == (2 * ORDERS + 1, 2 * ORDERS // BAD)
    assert run["finished_at"] is not None
    with report.open(newline="") as told:
        bad = [int(row["row"]) for row in csv.DictReader(told)]
    assert bad == [2 * number + 2 for number in range(0, ORDERS, BAD)]
    assert await findings(migrated_url) == []
