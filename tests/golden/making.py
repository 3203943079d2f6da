"""Makes golden files: checks a commit out, runs its hub on both engines, lets it live the story, and keeps the databases.

SQLite: the files as the stopped server leaves them. PostgreSQL: what `pg_dump` writes, as INSERTs, so that any client can
read it. Both engines are the commit's own work; nothing is converted from one to the other.
"""

import asyncio
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg

from tests.golden.files import DATABASE, DUMP, KEYS, Golden, Story, pack
from tests.golden.old_hub import Code, OldHub, Refused
from tests.golden.story import Told, live
from tests.support.keys import VARIABLE
from tests.support.postgres import PostgresServer

ROOT = Path(__file__).resolve().parents[2]
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


@contextmanager
def checked_out(revision: str | None) -> Iterator[tuple[Code, str]]:
    """The code of a revision of the repository, and its commit; None: this tree, which must be committed."""
    if revision is None:
        changed = _git("status", "--porcelain", "--", "src", "contract", "client")
        if changed:
            raise Refused(f"A golden file names a commit: commit these first.\n{changed}")
        yield Code(ROOT), _git("rev-parse", "HEAD")
        return
    with TemporaryDirectory(prefix="waypost-golden-") as folder:
        tree = Path(folder) / "tree"
        _git("worktree", "add", "--detach", str(tree), revision)
        try:
            yield Code(tree), _git("rev-parse", f"{revision}^{{commit}}")
        finally:
            _git("worktree", "remove", "--force", str(tree))


async def make(revision: str | None) -> list[Golden]:
    """Make the golden files of a revision, one for each engine."""
    with (
        checked_out(revision) as (code, commit), PostgresServer() as server,
        TemporaryDirectory() as one, TemporaryDirectory() as other,
    ):  # fmt: skip
        on_sqlite, on_postgres = _on_sqlite(code, commit, Path(one)), _on_postgres(code, commit, Path(other), server)
        return list(await asyncio.gather(on_sqlite, on_postgres))


async def _on_sqlite(code: Code, commit: str, folder: Path) -> Golden:
    url = f"sqlite:///{folder / DATABASE}"
    hub, told = await _lived(code, url, folder, {})
    names = [name for name in os.listdir(folder) if name.startswith(DATABASE)]
    with closing(sqlite3.connect(folder / DATABASE)) as db:
        (revision,) = db.execute("SELECT version_num FROM alembic_version").fetchone()
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")]
        rows = {name: db.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}
    return pack(folder, names, _story(hub, told, commit, revision, "sqlite"), rows)


async def _on_postgres(code: Code, commit: str, folder: Path, server: PostgresServer) -> Golden:
    url = await server.create("golden")
    keys = folder / KEYS
    if (code.root / "src" / "waypost" / "cli" / "secret_keys.py").exists():
        environment = code.environment({VARIABLE: str(keys)})
        command = [sys.executable, "-m", "waypost", "secrets", "create-key", "--database", url]
        await asyncio.to_thread(subprocess.run, command, env=environment, check=True, capture_output=True)
    hub, told = await _lived(code, url, folder, {VARIABLE: str(keys)})
    dump = [
        str(server.programs / "pg_dump"), "--dbname", url, "--inserts", "--rows-per-insert=100", "--no-owner",
        "--no-privileges",
    ]  # fmt: skip
    done = await asyncio.to_thread(subprocess.run, dump, capture_output=True, text=True, check=True)
    # psql's own commands, and a setting that older servers do not know, are not for every client.
    text = re.sub(r"^(\\(un)?restrict .*|SET transaction_timeout .*)\n", "", done.stdout, flags=re.MULTILINE)
    (folder / DUMP).write_text(text)
    db = await asyncpg.connect(url)
    try:
        revision = await db.fetchval("SELECT version_num FROM alembic_version")
        rows = {row[0]: await db.fetchval(f'SELECT count(*) FROM "{row[0]}"') for row in await db.fetch(_TABLES)}
    finally:
        await db.close()
    names = [DUMP, *([KEYS] if keys.exists() else [])]
    return pack(folder, names, _story(hub, told, commit, revision, "postgresql"), rows)


async def _lived(code: Code, url: str, folder: Path, variables: dict[str, str]) -> tuple[OldHub, Told]:
    """The story on one database, to its end: the server has stopped, and the commit's own check finds nothing."""
    hub = OldHub(code, url, folder, variables)
    told = await live(hub, folder)
    unused = hub.unused()
    if unused:
        raise Refused(f"The story never calls these: {', '.join(sorted(unused))}")
    await asyncio.to_thread(hub.command, "check")
    return hub, told


def _story(hub: OldHub, told: Told, commit: str, revision: str, engine: str) -> Story:
    version = hub.version()
    return Story(commit, revision, version, engine, hub.tokens, hub.calls, hub.orders, told.imported, told.hooks,
                 told.supplier)  # fmt: skip


def main(arguments: list[str]) -> int:
    """`scripts/golden [--at REVISION]`."""
    if arguments and (len(arguments) != 2 or arguments[0] != "--at"):
        print("usage: scripts/golden [--at REVISION]", file=sys.stderr)
        return 2
    os.environ.pop("WAYPOST_TEST_POSTGRES_URL", None)  # pg_dump comes with the wheel, and must fit the server
    try:
        made: list[Golden] = asyncio.run(make(arguments[1] if arguments else None))
    except Refused as error:
        print(error, file=sys.stderr)
        return 1
    for one in made:
        facts: dict[str, Any] = one.facts()
        size = one.path.stat().st_size / 1024
        print(f"{one.path.relative_to(ROOT)}: {size:.0f} KiB, schema {facts['revision']}, {facts['calls']} calls")
    return 0
