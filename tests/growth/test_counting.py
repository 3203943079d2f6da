"""The measures themselves: steps and buffers follow what a statement reads, and counting changes nothing."""

import sqlite3
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

from tests.growth.counting import buffers, steps
from tests.support.database import rows
from tests.support.engines import PostgresEngine
from waypost.storage.postgres_connections import opened as opened_postgres
from waypost.storage.sqlite_connections import opened
from waypost.storage.sqlite_file import ReadingConnection, connect

NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) INSERT INTO t SELECT i FROM n"
MANY_TABLES = """DO $$ BEGIN
  FOR n IN 1..400 LOOP EXECUTE format('CREATE TABLE beside_{}_%s (i bigint PRIMARY KEY)', n); END LOOP;
END $$"""


def _filled(path: Path, count: int) -> None:
    with closing(opened(path, "rwc")) as db:
        db.execute("CREATE TABLE t (i INTEGER PRIMARY KEY)")
        db.execute(NUMBERS.format(count))


def test_steps_follow_what_is_read(tmp_path: Path) -> None:
    found = {}
    for count in (100, 10_000):
        path = tmp_path / f"{count}.db"
        _filled(path, count)
        with steps() as counter, closing(opened(path)) as db:
            counter.taken()
            for sql in ("SELECT sum(i) FROM t", "SELECT i FROM t WHERE i = 50"):
                db.execute(sql).fetchall()
            found[count] = counter.taken()
    walked, by_key = ({count: by.get(sql, 0) for count, by in found.items()}
                      for sql in ("SELECT sum(i) FROM t", "SELECT i FROM t WHERE i = 50"))  # fmt: skip
    assert walked[100] >= 200
    assert 80 < walked[10_000] / walked[100] < 120
    assert by_key[100] == by_key[10_000] < 20


def test_the_hub_still_gives_up_what_takes_long(tmp_path: Path) -> None:
    path = tmp_path / "long.db"
    _filled(path, 10_000)
    asked = []
    with steps() as counter:
        connection = ReadingConnection(lambda: connect(path, read_only=True))
        with pytest.raises(sqlite3.OperationalError, match="interrupted"):
            connection.fetch("SELECT sum(i) FROM t", (), lambda: asked.append(1) or len(asked) > 3, 1_000)
        connection.drop()
    assert len(asked) == 4
    assert 4_000 <= counter.taken()["SELECT sum(i) FROM t"] < 5_000


async def test_buffers_follow_what_is_read_and_what_is_counted_is_written_once(
    postgres_engine: PostgresEngine,
) -> None:
    url = await postgres_engine.empty()
    db = await opened_postgres(url, {}, 10)
    await db.execute("CREATE TABLE t (i bigint PRIMARY KEY, j text)")
    await db.execute("INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(1, 20000) i")
    for generic in (False, True):
        with buffers(generic) as counter:
            await db.fetch("SELECT count(j) FROM t")
            await db.fetchrow("SELECT j FROM t WHERE i = $1", 50)
            await db.fetch("SELECT j FROM t WHERE i = ANY($1::bigint[]) AND j <> $2", [1, 2, 3], "it's")
            walked, by_key, several = counter.taken().values()
            assert walked > 200
            assert by_key < 6
            assert several < 12
            await db.execute("INSERT INTO t VALUES ($1, $2)", 100_000 + generic, None)
            async with db.transaction():
                await db.execute("UPDATE t SET j = j || 'y' WHERE i = $1", 1)
            assert len(counter.taken()) == 2
    assert (await rows(url, "SELECT j FROM t WHERE i = 1"))[0]["j"] == "x" * 100 + "yy"
    assert len(await rows(url, "SELECT 1 FROM t WHERE i >= 100000")) == 2
    await db.close()
    await postgres_engine.drop(url)


async def test_what_the_server_has_forgotten_of_its_catalog_is_not_counted(postgres_engine: PostgresEngine) -> None:
    """It forgets where more changes in any catalog of the server than it has followed: tests beside us make databases."""
    url = await postgres_engine.empty()
    db, beside = await opened_postgres(url, {}, 10), await opened_postgres(url, {}, 10)
    names = ", ".join(f"c{n} text" for n in range(20))
    await db.execute(f"CREATE TABLE t (i bigint PRIMARY KEY, {names})")
    for n in range(20):
        await db.execute(f"CREATE INDEX ON t (c{n})")
    insert = "INSERT INTO t (i) VALUES ($1)"
    found = []
    with buffers() as counter:
        for i in range(6):
            if i > 2:
                await beside.execute(MANY_TABLES.format(i))
            async with db.transaction():
                await db.execute(insert, i)
            found.append(counter.taken()[insert])
    assert max(found[1:]) <= min(found[1:]) + 2, found
    await db.close()
    await beside.close()
    await postgres_engine.drop(url)


async def test_what_cannot_be_counted_is_refused(postgres_engine: PostgresEngine) -> None:
    url = await postgres_engine.empty()
    db = await opened_postgres(url, {}, 10)
    with buffers(), pytest.raises(NotImplementedError, match="prepare"):
        await db.prepare("SELECT 1")
    assert isinstance(await db.prepare("SELECT 1"), asyncpg.prepared_stmt.PreparedStatement)
    await db.close()
    await postgres_engine.drop(url)
