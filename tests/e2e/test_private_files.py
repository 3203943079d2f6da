"""Every file that the hub makes is its owner's alone, whatever the umask, and what was open before is closed."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fault.merchant import fill
from tests.support.keys import environment_for
from tests.support.process import ServerProcess
from waypost.storage.migrations import PLAN, Plan
from waypost.storage.opening import migrate

WIDE = Plan(PLAN.revisions[: PLAN.revisions.index("0007") + 1], PLAN.folders)


def modes(folder: Path) -> dict[str, int]:
    """The mode of each file in a folder, by its path."""
    return {
        str(file.relative_to(folder)): file.stat().st_mode & 0o777 for file in folder.rglob("*") if file.is_file()
    }


def wide(folder: Path) -> dict[str, str]:
    """Those that anybody but the owner may read or write."""
    return {name: f"{mode:04o}" for name, mode in modes(folder).items() if mode & 0o077}


@pytest.fixture
def no_umask() -> Iterator[None]:
    """As careless as a user may be: whatever is made without a mode is everybody's."""
    was = os.umask(0)
    yield
    os.umask(was)


async def run(folder: Path, *arguments: str) -> str:
    """A command in that folder, which succeeds."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "waypost", *arguments, cwd=folder, env=environment_for(*arguments),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, output
    return output.decode()


BAD = "channelId,orderNumber,orderItems.sku,orderItems.quantity\n1,,MUG,1\n"


@pytest.mark.usefixtures("no_umask")
async def test_after_a_whole_story_every_file_is_private(tmp_path: Path) -> None:
    """Serving, logging, importing, exporting, backing up, restoring, migrating, rotating keys; while it runs and after."""
    folder, logs = tmp_path / "shop", tmp_path / "captured"
    folder.mkdir()
    logs.mkdir()
    url = f"sqlite:///{folder}/shop.db"
    token, _ = await fill(url, 5)
    os.chmod(folder / "shop.db", 0o644)  # as an older version left it
    for name in ("hub.log", "all.csv", "bad.csv", ".all.csv.unfinished"):
        (folder / name).touch(0o666)
    (folder / "orders.csv").write_text(BAD)
    (folder / "orders.csv").chmod(0o600)  # the user's own
    async with ServerProcess(url, logs / "out", "--log", str(folder / "hub.log")) as server:
        async with httpx.AsyncClient(base_url=server.url, headers={"X-API-TOKEN": token}) as client:
            hook = {"configurationName": "a", "webhookUrl": "https://example.com/h", "subscribedEvents": ["*"]}
            assert (await client.post("/webhook/configurations", json=hook)).status_code == 201
        await run(folder, "backup", "a.backup", "--database", url)
        await run(folder, "export", "inventory", "all.csv", "--force", "--database", url)
        await run(folder, "export", "inventory", "all.jsonl", "--database", url)
        code = await (await asyncio.create_subprocess_exec(
            sys.executable, "-m", "waypost", "import", "orders", "orders.csv", "--report", "bad.csv", "--database", url, cwd=folder,
        )).wait()  # fmt: skip
        assert code == 1  # a row was refused, and is in the report
        await run(folder, "secrets", "rotate", "--database", url)
        assert wide(folder) == {}
        assert {"shop.db-wal", "shop.db-shm", ".shop.db.serve.lock", "shop.db.key"} <= set(modes(folder))
    await run(folder, "restore", "a.backup", "--force", "--database", url)
    await run(folder, "secrets", "create-key", "--secret-key-file", str(folder / "own.key"), "--database", f"sqlite:///{folder}/none.db")
    await run(folder, "migrate", "--database", f"sqlite:///{folder}/fresh.db")
    await migrate(f"sqlite:///{folder}/old.db", WIDE)
    os.chmod(folder / "old.db", 0o664)
    await run(folder, "migrate", "--database", f"sqlite:///{folder}/old.db")
    assert wide(folder) == {}
    names = set(modes(folder))
    for part in ("a.backup", "all.csv", "all.jsonl", "bad.csv", "hub.log", "own.key", ".shop.db.key.lock"):
        assert part in names
    assert any(name.startswith("shop.db.replaced.") for name in names)
    assert any(name.startswith("old.db.0007.") for name in names)
    assert (folder / "bad.csv").read_text().count("\n") > 1


@pytest.mark.usefixtures("no_umask")
async def test_a_killed_server_leaves_private_files(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shop/shop.db"
    (tmp_path / "shop").mkdir()
    token, ids = await fill(url, 5)
    server = ServerProcess(url, tmp_path / "out")
    await server.start()
    async with httpx.AsyncClient(base_url=server.url, headers={"X-API-TOKEN": token}) as client:
        reply = await client.patch(f"/fulfillment-requests/{ids[0]}/processing-failed", params={"error": "none left"})
        assert reply.status_code == 204
    await server.kill()
    assert wide(tmp_path / "shop") == {}
    assert "shop.db-wal" in modes(tmp_path / "shop")


@pytest.mark.usefixtures("no_umask")
async def test_a_log_that_is_no_file_stays_as_it_is(tmp_path: Path) -> None:
    """A pipe or a terminal is the user's."""
    url = f"sqlite:///{tmp_path}/shop.db"
    await fill(url, 1)
    os.mkfifo(tmp_path / "pipe", 0o666)
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        async with ServerProcess(url, tmp_path / "out", "--log", str(tmp_path / "pipe")):
            assert (tmp_path / "pipe").stat().st_mode & 0o777 == 0o666
        assert b"told to stop" in os.read(reader, 65536)
    finally:
        os.close(reader)
