"""Planted secrets are searched for everywhere after a whole story: they are where they must be, and nowhere else.

In files, in the database, in replies, logs and process arguments; as they are, in base64 and percent-encoded.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
from aiohttp import web

from tests.fault.merchant import fill
from tests.support.database import is_sqlite, sqlite_path
from tests.support.engines import Engine
from tests.support.filled import run_sql
from tests.support.planted import everything_in, found_in, found_in_files
from tests.support.process import ServerProcess
from tests.support.receiver import Received, Receiver
from waypost.storage.key_file import KeyFile

BEARER, PASSWORD, HEADER = "bearer/of+supplier~4711", "basic-password 4712", "value-of-header-4713"
SIGNING, FAULTY = "signing-secret-of-4714", "faulty-secret-4715"
DATABASE_PASSWORD = "database-password-4716"
AUTHS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "bearer": ({"auth": {"type": "bearer"}}, {"token": BEARER}),
    "basic": ({"auth": {"type": "basic", "username": "hub"}}, {"password": PASSWORD}),
    "header": ({"auth": {"type": "header", "name": "X-Key"}}, {"value": HEADER}),
    "signed": ({"signature": {"scheme": "hmac"}}, {"signingSecret": SIGNING}),
}


async def echoes(request: web.Request, received: Received) -> web.StreamResponse:
    """A careless supplier: it refuses, and repeats what it was sent with, in words and in JSON."""
    seen = dict(received.headers)
    escaped = {name: value.replace("/", "\\/") for name, value in seen.items()}
    return web.Response(status=422, text=f'{{"error": "not you: {escaped.get("Authorization")}", "seen": "{seen}"}}')


class Story:
    """A server, and every reply that it has given; `shown`: those that must show a secret."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.replies: list[bytes] = []
        self.shown: list[bytes] = []

    async def call(self, method: str, path: str, status: int = 200, shows: bool = False, **more: Any) -> httpx.Response:
        """A call; its reply is kept to be searched."""
        reply = await self._client.request(method, path, **more)
        assert reply.status_code == status, f"{method} {path}: {reply.text}"
        kept = reply.content + repr(reply.headers.raw).encode()
        (self.shown if shows else self.replies).append(kept)
        return reply

    async def webhooks(self, url: str) -> list[str]:
        """Made, repeated, rotated, tried out; the secrets that were shown."""
        root, once = "/webhook/configurations", {"Idempotency-Key": "create-once"}
        body = {"configurationName": "a", "webhookUrl": url, "subscribedEvents": ["*"]}
        await self.call("POST", f"{root}?dryRun=true", json=body)
        made = (await self.call("POST", root, 201, shows=True, json=body, headers=once)).json()
        assert (await self.call("POST", root, 201, json=body, headers=once)).json()["secret"] is None
        one, twice = f"{root}/{made['id']}", {"Idempotency-Key": "rotate-once"}
        await self.call("POST", f"{one}/rotate-secret?dryRun=true")
        rotated = (await self.call("POST", f"{one}/rotate-secret", shows=True, headers=twice)).json()
        assert (await self.call("POST", f"{one}/rotate-secret", headers=twice)).json()["secret"] is None
        change = {"json": {"configurationName": "b"}, "headers": {"Idempotency-Key": "patch-once"}}
        for _ in range(2):
            await self.call("PATCH", one, **change)
        await self.call("POST", root, 400, json={**body, "webhookUrl": "ftp://nowhere"})
        await self.call("POST", f"{one}/test", 202)
        await self.call("GET", one)
        await self.call("GET", root)
        return [made["secret"], rotated["secret"]]

    async def sources(self, url: str, request: int) -> None:
        """One source, set in turn to each way of saying who the hub is; tried out, and handed a request each time."""
        place = "/source/1/delivery"
        policy = {"attempts": 1}
        for name, (settings, secrets) in AUTHS.items():
            body = {"kind": "http", "settings": {"url": url, **settings}, "secrets": secrets, "policy": policy}
            await self.call("PUT", f"{place}?dryRun=true", json=body)
            for _ in range(2):
                await self.call("PUT", place, json=body, headers={"Idempotency-Key": f"put-{name}"})
            await self.call("GET", place)
            await self.call("POST", f"{place}/test", json={"send": True})
            await self.handed_over(request)
            await self.call("PATCH", f"/fulfillment-requests/{request}/process?confirm=resend")
        await self.handed_over(request)
        wrong: list[Any] = [{"token": f"a\a{FAULTY}"}, {"token": FAULTY, "other": FAULTY}, {"token": [FAULTY]}, FAULTY]
        for faulty in wrong:
            body = {"kind": "http", "settings": {"url": url, "auth": {"type": "bearer"}}, "secrets": faulty}
            await self.call("PUT", place, 400, json=body)
        await self.call("PUT", place, 400, content=f'{{"secrets": {{"token": "{FAULTY}"', headers={"Content-Type": "application/json"})

    async def handed_over(self, request: int) -> None:
        """Wait until the request was refused by its source."""
        path = f"/fulfillment-requests/{request}"
        for _ in range(500):
            reply = await self._client.get(path)
            if reply.json()["fulfillmentRequestStatus"]["name"] == "Processing Error":
                break
            await asyncio.sleep(0.05)
        for what in ("", "/attempts", "/events"):
            await self.call("GET", f"{path}{what}")


async def command(folder: Path, environment: dict[str, str], *arguments: str) -> bytes:
    """What a command prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "waypost", *arguments, cwd=folder, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, output
    return output


def with_password(url: str) -> str:
    """The URL of PostgreSQL with a password, which the test's server does not ask for."""
    parts = urlsplit(url)
    user, _, place = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0] or 'postgres'}:{DATABASE_PASSWORD}@{place}"))


async def test_planted_secrets_are_found_nowhere_else(databases: Engine, engine: str, tmp_path: Path) -> None:
    folder, captured, given = tmp_path / "hub", tmp_path / "captured", tmp_path / "given"
    for made in (folder, captured, given):
        made.mkdir()
    url = f"sqlite:///{folder}/shop.db" if engine == "sqlite" else await databases.empty()
    keys, url_file = given / "waypost.key", given / "url"
    KeyFile(keys).make()
    url_file.write_text(url if engine == "sqlite" else with_password(url))
    environment = {"WAYPOST_SECRET_KEY_FILE": str(keys), "WAYPOST_LOG_LEVEL": "debug"}
    token, (request, *_) = await fill(url, 1, keys)
    async with Receiver() as receiver, Receiver() as supplier:
        supplier.behave = echoes
        options = ("--log", str(folder / "hub.log"), "--allow-targets", "127.0.0.0/8")
        process = ServerProcess(url, captured / "out", *options, environment=environment, url_file=url_file)
        process.run_by()  # a process list shows its own arguments
        async with (
            process as server,
            httpx.AsyncClient(base_url=server.url, headers={"X-API-TOKEN": token}, timeout=30) as client,
        ):
            story = Story(client)
            shown = await story.webhooks(receiver.url)
            await story.sources(supplier.url, request)
            await receiver.until(3)
            for path in ("/events?limit=500", "/attention", "/webhook/configurations/1/deliveries", "/readyz", "/account"):
                reply = await client.get(path)
                story.replies.append(reply.content)
            arguments = server.arguments
            shell = {**os.environ, **environment, "WAYPOST_DATABASE_FILE": str(url_file)}
            printed = [
                await command(folder, shell, *words) for words in (
                    ("backup", "a.backup"), ("export", "inventory", "inventory.csv"), ("check",), ("secrets", "rotate"),
                    ("token", "list"), ("source", "list", "--json"), ("attention", "--url", server.url, "--token", token),
                )
            ]  # fmt: skip
            plain = {*shown, BEARER, PASSWORD, HEADER, SIGNING, FAULTY}
            # While it runs: the WAL holds what the database does not yet.
            assert found_in(await everything_in(url), plain) == set()
    key_lines = [line for line in keys.read_text().splitlines() if not line.startswith("#")]
    secrets = {*plain, *(line.removeprefix("wpk1_") for line in key_lines), DATABASE_PASSWORD}
    places = {
        "database": await everything_in(url), "replies": b"\0".join(story.replies), "arguments": arguments,
        "printed": b"\0".join(printed),
    }  # fmt: skip
    assert {(name, secret) for name, content in places.items() for secret in found_in(content, secrets)} == set()
    assert found_in_files(folder, secrets) == set()
    assert found_in_files(captured, secrets) == set()
    # And where they must be: in the one reply, in the call to the source, in the file.
    assert [found_in(reply, shown) for reply in story.shown] == [{shown[0]}, {shown[1]}]
    sent = repr([received.headers for received in supplier.received]).encode()
    assert found_in(sent, {BEARER, PASSWORD, HEADER}) == {BEARER, PASSWORD, HEADER}
    assert {name for name, _ in found_in_files(given, secrets - plain)} == {keys.name, *((url_file.name,) if engine == "postgresql" else ())}
    assert len(key_lines) == 2
    attempts = await run_sql(url, "SELECT response FROM handover_attempt ORDER BY id")
    assert len(attempts) == len(AUTHS) + 1
    assert "***" in attempts[0][0]
    if is_sqlite(url):
        assert sqlite_path(url).exists()
    else:
        await databases.drop(url)

