"""Finds the table on both engines, and writes the reviewed file: `python -m tests.idempotency.run [OPERATION ...]`.

With names of operations, only their lines are found anew. Where the engines differ, both are told, and the line stays.
"""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.idempotency.calls import calls, sample
from tests.idempotency.cases import Case, Cells
from tests.idempotency.databases import Databases
from tests.idempotency.hubs import other_process
from tests.idempotency.table import COLUMNS, EXPECTED, expected, in_order, rendered, with_head
from tests.support.engines import Engine, PostgresEngine, SqliteEngine
from tests.support.postgres import PostgresServer


async def _found(engine: Engine, socket: str, names: Sequence[str]) -> dict[str, Cells]:
    databases = Databases(engine)
    return {name: await Case(databases, socket, sample(name)).cells() for name in names}


async def _write(names: Sequence[str]) -> list[str]:
    """Write the file; what the engines differ in."""
    with tempfile.TemporaryDirectory() as folder, PostgresServer() as server, other_process(Path(folder) / "s") as socket:
        of_postgres, of_sqlite = await asyncio.gather(
            _found(PostgresEngine(server), socket, names), _found(SqliteEngine(Path(folder)), socket, names)
        )
    lines, faults = expected(), []
    for name in names:
        one, two = of_postgres[name], of_sqlite[name]
        faults += [f"{name} {column}: {one[column]} on PostgreSQL, {two[column]} on SQLite"
                   for column in COLUMNS if one[column] != two[column]]  # fmt: skip
        if one == two:
            lines[name] = one
    EXPECTED.write_text(with_head(rendered(in_order(lines))))
    return faults


if __name__ == "__main__":
    differences = asyncio.run(_write(sys.argv[1:] or calls()))
    print(*differences, sep="\n")
    sys.exit(1 if differences else 0)
