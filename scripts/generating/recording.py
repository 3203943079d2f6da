"""Runs the example of each operation on a fresh demo merchant, and keeps what the hub replies.

The merchant is the one of `make serve`, up to its 40th order: what an example names exists there, too. Time stands
still, so the same code gives the same replies.
"""

import asyncio
import io
import itertools
import json
import re
import secrets
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import httpx
import yaml

from generating.site.document import HOST, Document, Operation
from generating.site.refusing import facts
from waypost.demo import Demo, fill
from waypost.http.app import create_app
from waypost.http.door import Door
from waypost.http.gate import Gate
from waypost.http.log import LineLog
from waypost.http.rates import Rate
from waypost.main import build_hub
from waypost.storage.opening import open_store

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "contract" / "examples.yaml"
REPLIES = ROOT / "contract" / "replies.json"
NOW = 1_776_686_400_000_000  # 2026-04-20, 12:00 UTC, in microseconds
ORDERS = 40
RATE = Rate(40, 2.0)
CALL_ID = "4f1c9a2e7b30-1f"
# Headers that say the same of every reply, or change from run to run.
HIDDEN = ("x-content-type-options", "content-length")
_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]+")
LONG, BEGINNING = 20_000, 300  # characters; of a longer reply the beginning is kept
SECRET_SHOWN = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="


class Example(NamedTuple):
    """One call. `after`: the operations whose examples are run before it, in this order."""

    operation: str
    method: str
    path: str
    query: Mapping[str, Any]
    body: Any
    token: str
    after: tuple[str, ...]

    def asking(self, **query: Any) -> "Example":
        """The same with more in the query."""
        return self._replace(query={**self.query, **query})

    def elsewhere(self, template: str, id_: int) -> "Example":
        """The same for another id."""
        return self._replace(path=re.sub(r"{\w+}", str(id_), template))

    @property
    def target(self) -> str:
        """Path and query, percent-encoded."""
        pairs = [(name, _text(one)) for name, value in self.query.items() for one in _many(value)]
        return self.path + ("?" + urlencode(pairs, quote_via=quote) if pairs else "")


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def examples(document: Document) -> dict[str, Example]:
    """Every example, by operationId."""
    written: dict[str, Any] = yaml.load(EXAMPLES.read_text(), Loader=yaml.CSafeLoader)
    found = {}
    for id_, operation in document.operations.items():
        if id_ in written:
            own = written[id_] or {}
            found[id_] = Example(
                id_, operation.method, operation.path.format(**own.get("path", {})), own.get("query", {}), own.get("body"),
                own.get("token", "account"), tuple(own.get("after", ())),
            )  # fmt: skip
    return found


def _code(reply: httpx.Response) -> str | None:
    return str(reply.json()["code"]) if reply.status_code >= 400 else None


Try = tuple[Example, dict[str, str]]
"""A call, and headers beside its own."""


def _broken(body: Any) -> Any:
    """The body with a list where its first member has something else."""
    if isinstance(body, list):
        return [_broken(one) for one in body[:1]]
    return {name: [[]] if place == 0 else value for place, (name, value) in enumerate(body.items())}


class Recorder:
    """A demo merchant in a file, and copies of it: each example begins with the same data."""

    def __init__(self, folder: Path, orders: int = ORDERS) -> None:
        self._folder = folder
        self._orders = orders
        self._file = folder / "demo.db"
        self._numbers = itertools.count(1)
        self._last = self._file
        self.demo: Demo | None = None

    async def prepare(self) -> None:
        """Make the merchant."""
        store = await open_store(f"sqlite:///{self._file}")
        self.demo = await fill(store, self._orders, 1, NOW, secrets.token_bytes)
        await store.close()
        with sqlite3.connect(self._file) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def token(self, kind: str) -> str:
        """The account's token, or that of the first source or channel."""
        assert self.demo is not None
        tokens = {"account": self.demo.account_token, "source": self.demo.source_tokens[0].token,
                  "channel": self.demo.channel_tokens[0].token}  # fmt: skip
        return tokens[kind]

    def copy(self) -> str:
        """The URL of a fresh copy."""
        target = self._folder / f"{next(self._numbers)}.db"
        shutil.copy(self._file, target)
        self._last = target
        for beside in self._folder.glob("demo.db.*"):  # the key of the secrets
            shutil.copy(beside, self._folder / beside.name.replace("demo.db", target.name))
        return f"sqlite:///{target}"

    async def record(self, document: Document, all_: Mapping[str, Example], name: str) -> dict[str, Any]:
        """The reply to an example, after those that it needs; and to what is refused, or only tried."""
        async with self.hub(all_, name, RATE) as app:
            found = _kept(await self.send(app, all_[name], {}))
            found["events"] = self._written()
        operation, refusals = document.operations[name], {}
        async with self.hub(all_, name, None) as app:
            if operation.takes("dryRun"):
                dry = await self.send(app, all_[name].asking(dryRun=True), {})
                found["dry"] = dry.json()
            for code, tries in self._refused(operation, all_[name]).items():
                for example, headers in tries:
                    reply = await self.send(app, example, headers)
                    if reply.status_code >= 400 and reply.json()["code"] == code:
                        refusals[code] = reply.json()
                        break
        if operation.changes:
            async with self.hub(all_, name, None) as app:
                first, second = [await self.send(app, all_[name], {}) for _ in range(2)]
                found["again"] = {"first": first.status_code, "second": second.status_code, "code": _code(second)}
        return {**found, "refusals": refusals}

    def _written(self) -> list[str]:
        """The types of the events that the call wrote, in the copy that was made last."""
        with closing(sqlite3.connect(self._last)) as connection:
            found = connection.execute("SELECT DISTINCT type FROM event WHERE request_id = ? ORDER BY type", (CALL_ID,)).fetchall()
        return [type_ for (type_,) in found]

    @asynccontextmanager
    async def hub(self, all_: Mapping[str, Example], name: str, rate: Rate | None) -> AsyncIterator[Door]:
        """A hub on a fresh copy, on which the examples before this one have been run."""
        store = await open_store(self.copy(), migrate=False)
        hub, writer = build_hub(store, clock=lambda: NOW)
        app = create_app(hub, Gate(hub.tokens, rate, (), lambda: 100.0), LineLog(io.StringIO()))
        try:
            for before in all_[name].after:
                reply = await self.send(app, all_[before], {"X-Request-Id": "before"})
                if not reply.is_success:
                    raise ValueError(f"{before}, before {name}: {reply.status_code} {reply.text}")
            yield app
        finally:
            for kind in hub.kinds.values():
                await kind.close()
            await writer.close()
            await store.close()

    def _refused(self, operation: Operation, example: Example) -> "dict[str, list[Try]]":
        """For each code, calls that should be refused with it; the first that is will be kept."""
        found: dict[str, list[Try]] = {}
        required = [field.name for field in operation.fields("query", {}) if field.required]
        wrong: list[Try] = [(example._replace(query={k: v for k, v in example.query.items() if k not in required}), {})] if required else []
        if example.body is not None:
            bodies: list[Any] = [{}, [{}], _broken(example.body)]
            wrong += [(example._replace(body=body), {}) for body in bodies]
        wrong += [(example.asking(**{name: 0}), {}) for name in ("pageSize", "filterPageSize") if operation.takes(name)]
        wrong += [(example.asking(dryRun="maybe"), {})] if operation.takes("dryRun") else []
        found["invalid_input"] = wrong
        for token in ("channel", "source"):
            if operation.tokens and token not in operation.tokens:
                found.setdefault("wrong_token_type", []).append((example._replace(token=token), {}))
        if "{" in operation.path:
            found["not_found"] = [(example.elsewhere(operation.path, 999_999), {})]
        if operation.takes("If-Match"):
            found["precondition_failed"] = [(example, {"If-Match": '"99"'})]
        if operation.action and "{" in operation.path:
            ids = [self.in_status(one.chip.handle) for one in facts(operation.action).refused]
            found["not_allowed_from_status"] = [(example.elsewhere(operation.path, id_), {}) for id_ in ids if id_]
        return found

    def in_status(self, handle: str) -> int | None:
        """The first request of the merchant in this status."""
        with closing(sqlite3.connect(self._file)) as connection:
            row = connection.execute("SELECT min(id) FROM fulfillment_request_state WHERE status = ?", (handle,)).fetchone()
        found: int | None = row[0]
        return found

    async def send(self, app: Door, example: Example, headers: dict[str, str]) -> httpx.Response:
        """The reply of the hub to an example."""
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
            return await client.request(
                example.method, example.target,
                headers={"X-API-TOKEN": self.token(example.token), "X-Request-Id": CALL_ID, "Accept-Encoding": "identity", **headers},
                **({"json": example.body} if example.body is not None else {}),
            )  # fmt: skip


def _kept(reply: httpx.Response) -> dict[str, Any]:
    """What is kept of a reply; a secret is replaced by one that opens nothing."""
    headers = {_titled(name): value for name, value in reply.headers.items() if name not in HIDDEN}
    text = _SECRET.sub(SECRET_SHOWN, reply.text)
    is_json = "json" in reply.headers.get("content-type", "")
    if len(text) > LONG:  # the document itself: only its beginning, and a tag that does not change with every edit of it
        headers["ETag"] = '"5f8c9e0b1d2a4c37"'
        return {"status": reply.status_code, "headers": headers, "body": f"{text[:BEGINNING]} …"}
    return {"status": reply.status_code, "headers": headers, "body": json.loads(text) if text and is_json else text or None}


def _titled(name: str) -> str:
    return {"etag": "ETag", "x-auth-pool-size": "X-Auth-Pool-Size", "ratelimit": "RateLimit",
            "ratelimit-policy": "RateLimit-Policy"}.get(name, name.title())  # fmt: skip


async def record(document: Document, names: list[str] | None = None) -> dict[str, Any]:
    """Replies by operationId, of all examples or of those named."""
    known = examples(document)
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(Path(folder))
        await recorder.prepare()
        return {name: await recorder.record(document, known, name) for name in names or known}


def main(names: list[str]) -> int:
    """`scripts/record`: run the examples (all, or those named), and keep the replies. Says which were refused."""
    document = Document(yaml.load((ROOT / "contract" / "openapi.yaml").read_text(), Loader=yaml.CSafeLoader))
    found = asyncio.run(record(document, names or None))
    refused = {name: reply for name, reply in found.items() if reply["status"] >= 400}
    for name, reply in refused.items():
        print(f"{name}: {reply['status']} {json.dumps(reply['body'])}", file=sys.stderr)
    kept = json.loads(REPLIES.read_text()) if names and REPLIES.exists() else {}
    all_ = {**kept, **found}
    lines = [f"{json.dumps(name)}: {json.dumps(all_[name], ensure_ascii=False)}" for name in sorted(all_)]
    REPLIES.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    return 1 if refused else 0
