"""Moving to another host, by the steps of docs/operations.md: a webhook still signs with the same secret."""

import shutil
from pathlib import Path

import httpx
import pytest
from standardwebhooks import Webhook

from tests.fault.merchant import fill
from tests.support.engines import Engine
from tests.support.filled import run_sql
from tests.support.process import ServerProcess, waypost
from tests.support.receiver import Receiver
from waypost.storage.key_file import KeyFile

ALLOWED = ("--allow-targets", "127.0.0.0/8")


async def sent_test(server: ServerProcess, token: str, hook: int, receiver: Receiver) -> None:
    """Ask for a test message, and wait until it has arrived."""
    before = len(receiver.received)
    async with httpx.AsyncClient(base_url=server.url, headers={"X-API-TOKEN": token}) as client:
        reply = await client.post(f"/webhook/configurations/{hook}/test")
        assert reply.status_code == 202, reply.text
    await receiver.until(before + 1)


async def test_a_backup_and_its_key_file_are_all_that_is_needed(
    databases: Engine, engine: str, tmp_path: Path
) -> None:
    old_host, new_host, backups = (tmp_path / name for name in ("old", "new", "backups"))
    for folder in (old_host, new_host, backups):
        folder.mkdir()
    old_keys, new_keys = old_host / "waypost.key", new_host / "waypost.key"
    urls = [await databases.empty(), await databases.empty()]
    if engine == "sqlite":
        urls = [f"sqlite:///{folder}/shop.db" for folder in (old_host, new_host)]
        old_keys, new_keys = old_host / "shop.db.key", new_host / "shop.db.key"
    else:
        KeyFile(old_keys).make()
    given = {url: () if engine == "sqlite" else ("--secret-key-file", str(keys)) for url, keys in zip(urls, (old_keys, new_keys), strict=True)}
    token, _ = await fill(urls[0], 1)
    async with Receiver() as receiver:
        async with (
            ServerProcess(urls[0], tmp_path / "log", *ALLOWED, *given[urls[0]]) as server,
            httpx.AsyncClient(base_url=server.url, headers={"X-API-TOKEN": token}) as client,
        ):
            body = {"configurationName": "a", "webhookUrl": receiver.url, "subscribedEvents": ["webhook.*"]}
            made = (await client.post("/webhook/configurations", json=body)).json()
            await sent_test(server, token, made["id"], receiver)
            # 1. A backup, while the hub runs; it says which file belongs to it.
            backup = backups / "shop.backup"
            code, output = await waypost("backup", str(backup), "--database", urls[0], *given[urls[0]])
            assert (code, str(old_keys) in output) == (0, True), output
        assert KeyFile(old_keys).read()[0].id in backup.read_bytes().decode("latin-1")
        assert made["secret"].encode() not in backup.read_bytes()
        # 2. Restored before the key file is there, it says so; the hub does not start.
        code, output = await waypost("restore", str(backup), "--database", urls[1], *given[urls[1]])
        assert (code, str(new_keys) in output, KeyFile(old_keys).read()[0].id in output) == (0, True, True), output
        code, output = await waypost("serve", "--port", "0", "--database", urls[1], *given[urls[1]])
        assert (code, "key" in output) == (1, True), output
        # 3. The key file goes to its place by itself.
        shutil.copy(old_keys, new_keys)
        async with ServerProcess(urls[1], tmp_path / "log2", *ALLOWED, *given[urls[1]]) as server:
            await sent_test(server, token, made["id"], receiver)
        for received in receiver.received:
            Webhook(made["secret"]).verify(received.body, received.headers)
    code, output = await waypost("check", "--database", urls[1], *given[urls[1]])
    assert code == 0, output
    if engine == "postgresql":
        for url in urls:
            await databases.drop(url)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_postgresql_serves_without_a_key_until_a_secret_is_stored(database_url: str, tmp_path: Path) -> None:
    token, _ = await fill(database_url, 1)
    none = {"WAYPOST_SECRET_KEY_FILE": "auto"}
    body = {"configurationName": "a", "webhookUrl": "https://example.com/h", "subscribedEvents": ["*"]}
    async with (
        ServerProcess(database_url, tmp_path / "log", environment=none) as server,
        httpx.AsyncClient(base_url=server.url, headers={"X-API-TOKEN": token}) as client,
    ):
        refused = await client.post("/webhook/configurations", json=body)
        assert (refused.status_code, refused.json()["code"], refused.json()["applied"]) == (503, "secret_key_missing", "no")
        assert await run_sql(database_url, "SELECT count(*) FROM webhook") == [(0,)]
        source = await client.put("/source/1/delivery", json={"kind": "http", "settings": {"url": "https://example.com"}})
        assert source.status_code == 200, source.text  # nothing of it is secret
    async with (
        ServerProcess(database_url, tmp_path / "log") as server,
        httpx.AsyncClient(base_url=server.url, headers={"X-API-TOKEN": token}) as client,
    ):
        assert (await client.post("/webhook/configurations", json=body)).status_code == 201
    with pytest.raises(AssertionError, match="No key file is given"):
        await ServerProcess(database_url, tmp_path / "log3", environment=none).start()
