"""Runs the access matrix on a database, and writes the reviewed file: `python -m tests.access.run`."""

import asyncio
import io
import tempfile
from ipaddress import ip_network
from pathlib import Path

from tests.access.matrix import Matrix, rendered, table_digest
from tests.access.subjects import build
from tests.support.engines import SqliteEngine
from tests.support.keys import key_file_for
from tests.support.world import World, merchant
from waypost.http.app import create_app
from waypost.http.gate import Gate
from waypost.http.log import LineLog
from waypost.main import build_hub
from waypost.outgoing.targets import Targets
from waypost.storage.opening import open_store

EXPECTED = Path(__file__).with_name("expected.txt")
HEAD_ENDS = "# ----"


async def asked(url: str) -> Matrix:
    """The matrix, asked for on a fresh database."""
    store = await open_store(url, migrate=False, key_file=key_file_for(url))
    hub, writer = build_hub(store, Targets((ip_network("127.0.0.0/8"),)))
    app = create_app(hub, Gate(hub.tokens, None, ()), LineLog(io.StringIO()))
    world = World(hub, app, await merchant(hub, "ours"), await merchant(hub, "theirs"))
    try:
        subjects = await build(world)
        async with table_digest(url) as digest:
            matrix = Matrix(world, subjects, digest)
            await matrix.run()
    finally:
        for kind in hub.kinds.values():
            await kind.close()
        await writer.close()
        await store.close()
    return matrix


def with_head(lines: list[str]) -> list[str]:
    """The reviewed file: its head as it is, and these lines."""
    head = EXPECTED.read_text().splitlines()
    return [*head[: head.index(HEAD_ENDS) + 1], *lines]


async def _write() -> None:
    with tempfile.TemporaryDirectory() as folder:
        matrix = await asked(await SqliteEngine(Path(folder)).migrated())
    EXPECTED.write_text("\n".join(with_head(list(rendered(matrix.lines)))) + "\n")
    for fault in matrix.faults:
        print(fault)


if __name__ == "__main__":
    asyncio.run(_write())
