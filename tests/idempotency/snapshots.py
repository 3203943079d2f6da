"""What a database holds, kept under a name, and put back: many times cheaper than another database."""

import io
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from tests.support.database import is_sqlite, sqlite_path

_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
_SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"
_SET = "SELECT setval(format('%I', $1::text)::regclass, $2, $3)"
_OTHERS = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> $1"


class Snapshots(Protocol):
    """Of one database. Nobody may be connected to it meanwhile."""

    async def keep(self, name: str) -> None:
        """Keep what it holds now."""
        ...

    async def put_back(self, name: str) -> str:
        """The URL of a database that holds what was kept: this one, or another one in its place."""
        ...


class _OfSqlite:
    """A file is replaced by another one: who might still have it open is not disturbed."""

    def __init__(self, url: str) -> None:
        self._path = sqlite_path(url)
        self._folder = self._path.with_name(f"copies-of-{self._path.stem}")
        self._kept: dict[str, Path] = {}
        self._count = 0

    async def keep(self, name: str) -> None:
        with closing(sqlite3.connect(self._path)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._kept[name] = self._copy(self._path, f"kept-{len(self._kept)}.db")

    async def put_back(self, name: str) -> str:
        self._count += 1
        before, self._path = self._path, self._copy(self._kept[name], f"fresh-{self._count}.db")
        if self._count > 1:
            for file in before.parent.glob(f"{before.name}*"):
                file.unlink()
        return f"sqlite:///{self._path}"

    def _copy(self, path: Path, name: str) -> Path:
        """The file, and the key of its secrets, in the folder of the copies."""
        self._folder.mkdir(exist_ok=True)
        target = self._folder / name
        shutil.copyfile(path, target)
        shutil.copy(path.with_name(f"{path.name}.key"), self._folder / f"{name}.key")
        return target


class _OfPostgres:
    def __init__(self, url: str) -> None:
        self._url = url
        self._kept: dict[str, tuple[dict[str, tuple[str, bytes]], list[Any]]] = {}

    async def keep(self, name: str) -> None:
        db = await asyncpg.connect(self._url)
        try:
            tables = {}
            for table, digest in (await _digests(db)).items():
                rows = io.BytesIO()
                await db.copy_from_table(table, output=rows, format="binary")
                tables[table] = digest, rows.getvalue()
            self._kept[name] = tables, await db.fetch(_SEQUENCES)
        finally:
            await db.close()

    async def put_back(self, name: str) -> str:
        tables, sequences = self._kept[name]
        db = await asyncpg.connect(self._url)
        try:
            await db.fetch(_OTHERS, db.get_server_pid())
            changed = [table for table, digest in (await _digests(db)).items() if digest != tables[table][0]]
            async with db.transaction():
                await db.execute("SET LOCAL session_replication_role = replica; SET LOCAL synchronous_commit = off")
                for table in changed:
                    await db.execute(f"DELETE FROM {table}")
                    await db.copy_to_table(table, source=io.BytesIO(tables[table][1]), format="binary")
                for sequence, value in sequences:
                    await db.execute(_SET, sequence, value or 1, value is not None)
        finally:
            await db.close()
        return self._url


async def _digests(db: "asyncpg.Connection[Any]") -> dict[str, str]:
    """A digest of the rows of each table."""
    tables = [row[0] for row in await db.fetch(_TABLES)]
    texts = [f"SELECT '{table}', md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {table} t" for table in tables]
    return {row[0]: row[1] for row in await db.fetch(" UNION ALL ".join(texts))}


def snapshots_of(url: str) -> Snapshots:
    """Those of the database with this URL."""
    return _OfSqlite(url) if is_sqlite(url) else _OfPostgres(url)
