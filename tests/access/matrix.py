"""Asks every call of the matrix for every subject under every type of token, and writes down what comes back."""

import hashlib
import json
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, suppress
from typing import Any, NamedTuple

import asyncpg

from tests.access.calls import HOLE, Place, places_of, query_parameters
from tests.access.subjects import NAMES, Values, hidden_from, word_of
from tests.support.asgi import Client, Reply
from tests.support.contract import CONTRACT
from tests.support.database import is_sqlite, sqlite_path
from tests.support.world import World

TOKENS = {"acc": "account", "src": "source", "chn": "channel"}
NOTHING = "."  # there is no such thing of this subject
SHOWN, NOT_SHOWN = "+", "-"
_LIKE_UNKNOWN = re.compile(r"zq\w+?qz|(?<=unchanged; not )'[\w-]+'|\d+")  # words, cursors that were sent, numbers
Digest = Callable[[], Awaitable[str]]
# Products are the account's: a channel maps its listings to any of them. And it sees at which sources its orders are.
OF_THE_ACCOUNT = ({"product"}, {"source"})
# Its dry run answers for the call as a whole; each element is judged when it is asked for in earnest.
ELEMENTS_IN_EARNEST = "settle_attention"


class Line(NamedTuple):
    """One line: a cell for each subject, in the order of `NAMES`."""

    place: Place
    token: str
    cells: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str, str]:
        """What the line is about."""
        return self.place.operation, self.place.place, TOKENS[self.token]


class Asked(NamedTuple):
    """The reply for one subject: its cell, and the reply without what differs from subject to subject."""

    cell: str
    likeness: str


class _Missing(Exception):
    """The subject has no such thing."""


def served() -> list[str]:
    """The operations that need a token and are served."""
    names = set(CONTRACT.operations) - CONTRACT.not_yet
    return [name for name in CONTRACT.operations if name in names and CONTRACT.operations[name][2].get("x-token-types")]


@asynccontextmanager
async def table_digest(url: str) -> AsyncIterator[Digest]:
    """Gives a digest of every row of every table."""
    if is_sqlite(url):
        with closing(sqlite3.connect(sqlite_path(url), isolation_level=None, timeout=5)) as db:
            tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]

            async def of_sqlite() -> str:
                found = [sorted(map(repr, db.execute(f"SELECT * FROM {table}"))) for table in tables]
                return hashlib.sha256(repr(found).encode()).hexdigest()

            yield of_sqlite
        return
    connection = await asyncpg.connect(url)
    listed = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
    texts = [f"(SELECT string_agg(t::text, ',' ORDER BY t::text) FROM {row[0]} t)" for row in await connection.fetch(listed)]

    async def of_postgres() -> str:
        return str(await connection.fetchval(f"SELECT md5(concat_ws('/', {', '.join(texts)}))"))

    try:
        yield of_postgres
    finally:
        await connection.close()


class Matrix:
    """All lines, and everything that is wrong whatever the reviewed file says."""

    def __init__(self, world: World, subjects: dict[str, Values], digest: Digest) -> None:
        self._world = world
        self._subjects = subjects
        self._digest = digest
        self._keys = 0
        self._same: list[Reply] = []  # to a call that names no subject
        self.lines: list[Line] = []
        self.faults: list[str] = []

    async def run(self) -> None:
        """Ask everything."""
        before = await self._digest()
        for name in served():
            for place in places_of(name):
                for token in TOKENS:
                    self.lines.append(await self._line(place, token))
                    if await self._digest() != before:
                        self._fault(f"{place.operation} {place.place} {token}: it changed something")
                        before = await self._digest()

    async def _line(self, place: Place, token: str) -> Line:
        asked: dict[str, Asked] = {}
        self._same = [] if place.things else await self._replies(place, token, "own")
        for name in NAMES:
            with suppress(_Missing):
                asked[name] = self._judge(place, name, self._same or await self._replies(place, token, name))
        unknown = asked.get("unknown")
        hidden = hidden_from(token)
        if token == "chn" and (place.things in OF_THE_ACCOUNT or place.place == "/*/productSku"):
            hidden = hidden_from("acc")
        for name in sorted(hidden & asked.keys()):
            if unknown is not None and asked[name] != unknown:
                told = f"{asked[name].likeness[:160]} but unknown: {unknown.likeness[:160]}"
                self._fault(f"{place.operation} {place.place} {token}: {name} is not as unknown: {told}")
        return Line(place, token, tuple(asked[name].cell if name in asked else NOTHING for name in NAMES))

    async def _replies(self, place: Place, token: str, name: str) -> list[Reply]:
        client = self._world.client(token)
        body = self._filled(place.body, name)
        replies = []
        for target in place.targets:
            filled = self._filled_text(target, name)
            reply = await self._call(client, place, filled, body, is_own=name == "own")
            self._judge_words(place, token, reply, f"{filled} {json.dumps(body)}")
            replies.append(reply)
        return replies

    def _judge(self, place: Place, name: str, replies: list[Reply]) -> Asked:
        cell = self._cell(place, name, replies)
        likenesses = [f"{reply.status} {_without_differences(reply)}" for reply in replies]
        return Asked(cell, "" if cell == NOT_SHOWN else " ".join(likenesses))

    async def _call(self, client: Client, place: Place, target: str, body: Any, is_own: bool) -> Reply:
        """As a dry run where there is one; what is refused then is asked for in earnest, with a key to be freed."""
        operation = CONTRACT.operations[place.operation][2]
        if "dryRun" not in {one["name"] for one in query_parameters(operation)}:
            return await client.call(place.method, target, json=body)
        mark = "&" if "?" in target else "?"
        reply = await client.call(place.method, f"{target}{mark}dryRun=true", json=body)
        by_element = place.operation == ELEMENTS_IN_EARNEST and reply.status == 200 and not is_own
        if not by_element and not _is_refused(reply):
            return reply
        self._keys += 1
        headers = {"Idempotency-Key": f"matrix-{self._keys}"} if reply.status >= 400 else {}
        again = await client.call(place.method, target, json=body, headers=headers)
        if not by_element and (again.status, _without_differences(again)) != (reply.status, _without_differences(reply)):
            self._fault(f"{place.operation} {target}: refused as a dry run only")
        return again

    def _fault(self, words: str) -> None:
        if words not in self.faults:
            self.faults.append(words)

    def _judge_words(self, place: Place, token: str, reply: Reply, asked: str) -> None:
        """Nothing of a subject that the token must not see stands anywhere in a reply, but what the caller wrote."""
        told = reply.body.decode() + json.dumps(reply.headers)
        for name in hidden_from(token):
            word = word_of(name)
            if word in told and word not in asked:
                self._fault(f"{place.operation} {place.place} {token}: shows {name}")

    def _cell(self, place: Place, name: str, replies: list[Reply]) -> str:
        refused = [reply for reply in replies if reply.status >= 300]
        if refused:
            return str(refused[0].status)
        if place.operation.startswith("count_") and not place.things:
            # The same for every subject: how many there are in all.
            return f"#{sum(reply.json()['count'] for reply in replies)}" if name == NAMES[0] else NOTHING
        if place.is_list:
            return SHOWN if any(self._shows(place, reply, name) for reply in replies) else NOT_SHOWN
        results = reply_results(replies[0])
        return f"={results[0]['status']}" if results else str(replies[0].status)

    def _shows(self, place: Place, reply: Reply, name: str) -> bool:
        document = reply.json()
        if place.operation.startswith("count_"):
            return bool(document["count"] > 0)
        if place.operation == "list_events":
            values = self._subjects[name]
            return any(event["subject"] == {"type": "fulfillment_request", "id": values["request"]}
                       for event in document["events"])  # fmt: skip
        return word_of(name).encode() in reply.body

    def _filled(self, part: Any, name: str) -> Any:
        """A body with the subject's ids in their places."""
        if isinstance(part, dict):
            return {key: self._filled(value, name) for key, value in part.items()}
        if isinstance(part, list):
            return [self._filled(value, name) for value in part]
        hole = HOLE.fullmatch(part) if isinstance(part, str) else None
        return self._value(hole, name) if hole else part

    def _filled_text(self, text: str, name: str) -> str:
        return HOLE.sub(lambda hole: str(self._value(hole, name)), text)

    def _value(self, hole: "re.Match[str]", name: str) -> Any:
        values = self._subjects[hole[1] or name]
        if hole[2] not in values:
            raise _Missing
        return values[hole[2]]


def reply_results(reply: Reply) -> list[dict[str, Any]]:
    """The results of a call that answers for each of its elements."""
    document = reply.json() if reply.body else None
    results = document.get("results") if isinstance(document, dict) else None
    return results or []


def _is_refused(reply: Reply) -> bool:
    return reply.status >= 400 or any(one["status"] >= 400 for one in reply_results(reply))


def _without_differences(reply: Reply) -> str:
    """The reply as it is for any id or number."""
    document = reply.json() if reply.body else None
    if isinstance(document, dict):
        document = {key: value for key, value in document.items() if key not in ("requestId", "instance", "next")}
    return _LIKE_UNKNOWN.sub("#", json.dumps(document))


def rendered(lines: list[Line]) -> Iterator[str]:
    """The lines of the reviewed file."""
    operation = ""
    for line in lines:
        if line.place.operation != operation:
            operation = line.place.operation
            method, path, _ = CONTRACT.operations[operation]
            yield ""
            yield f"{operation}  {method} {path}"
        asked = {cell for cell in line.cells if cell != NOTHING}
        cells = "all 401" if asked == {"401"} else " ".join(f"{cell:>4}" for cell in line.cells)
        yield f"  {line.place.place:<42} {TOKENS[line.token]:<8} {cells}"
