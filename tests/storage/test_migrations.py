"""Migrations: a migrated database is exactly the schema, all or nothing happens, and only once."""

import asyncio
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from tests.support.filled import fill, run_sql
from waypost.storage.location import SchemaTooOld, SqliteLocation, parse_url
from waypost.storage.migrations import PLAN, Plan
from waypost.storage.migrations import __file__ as migrations_file
from waypost.storage.opening import migrate, open_store
from waypost.storage.schema import metadata

NOW = 1_776_643_200_000_000  # 2026-04-20T00:00:00Z in microseconds

HEAD = PLAN.head
NEXT = f"{int(HEAD) + 1:04d}"
SECOND = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "{next}", "{head}", None, None


def upgrade():
    op.add_column("account", sa.Column("motto", sa.Text(), nullable=True))
    op.create_table("extra", sa.Column("id", sa.BigInteger(), primary_key=True))
    {more}
"""


@pytest.fixture
def next_plan(tmp_path: Path) -> Plan:
    """A later version of Waypost, with one more revision."""
    return _plan(tmp_path, "pass")


def _plan(folder: Path, more: str) -> Plan:
    versions = folder / "versions"
    versions.mkdir()
    (versions / f"v{NEXT}_motto.py").write_text(SECOND.format(more=more, next=NEXT, head=HEAD))
    return Plan((*PLAN.revisions, NEXT), (*PLAN.folders, versions))


def test_the_plan_names_every_revision_in_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations_file).parent))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    found = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(found)) == PLAN.revisions


def _backups(folder: Path) -> list[Path]:
    return list(folder.glob("*.backup"))


def _parts(sql: str) -> list[str]:
    """A CREATE statement's parts, in an order of their own: the order of constraints means nothing."""
    text = re.sub(r"\s+", " ", sql).replace('"', "").replace("( ", "(").replace(" )", ")").strip()
    head, _, rest = text.partition("(")
    body, _, tail = rest.rpartition(")")
    return [head, *sorted(re.split(r",(?![^(]*\)) ?", body)), tail]


def _sqlite_schema(path: Path) -> dict[str, list[str]]:
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version'")
        return {name: _parts(sql) for name, sql in rows}


async def test_the_migrated_schema_is_the_schema_on_sqlite(tmp_path: Path) -> None:
    await (await open_store(f"sqlite:///{tmp_path}/migrated.db")).close()
    engine = create_engine(f"sqlite:///{tmp_path}/fresh.db")
    metadata.create_all(engine)
    engine.dispose()
    migrated, fresh = _sqlite_schema(tmp_path / "migrated.db"), _sqlite_schema(tmp_path / "fresh.db")
    assert migrated == fresh
    assert len([name for name in fresh if name in metadata.tables]) == len(metadata.tables)


_COLUMNS = """SELECT table_name, ordinal_position, column_name, data_type, is_nullable,
  replace(column_default, '{schema}.', '') FROM information_schema.columns
WHERE table_schema = '{schema}' AND table_name <> 'alembic_version' ORDER BY 1, 2"""
_CONSTRAINTS = """SELECT c.relname, k.conname, k.contype::text,
  replace(pg_get_constraintdef(k.oid), '{schema}.', '')
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = '{schema}' AND c.relname <> 'alembic_version' ORDER BY 1, 2"""
_INDEXES = """SELECT tablename, indexname, replace(indexdef, '{schema}.', '') FROM pg_indexes
WHERE schemaname = '{schema}' AND tablename <> 'alembic_version' ORDER BY 1, 2"""


def _as_postgresql() -> Iterable[str]:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    for table in metadata.sorted_tables:
        yield str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            yield str(CreateIndex(index).compile(dialect=dialect))


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_the_migrated_schema_is_the_schema_on_postgresql(database_url: str) -> None:
    await (await open_store(database_url)).close()
    await run_sql(database_url, "CREATE SCHEMA fresh")
    statements = "; ".join(_as_postgresql())
    await run_sql(database_url, f"DO $$ BEGIN SET LOCAL search_path = fresh; {statements}; END $$")
    for query in (_COLUMNS, _CONSTRAINTS, _INDEXES):
        migrated = await run_sql(database_url, query.format(schema="public"))
        assert migrated == await run_sql(database_url, query.format(schema="fresh"))
        assert len(migrated) >= len(metadata.tables)


async def test_an_older_schema_is_migrated_with_its_data(database_url: str, next_plan: Plan) -> None:
    await fill(database_url)
    events = await run_sql(database_url, "SELECT count(*) FROM event")
    store = await open_store(database_url, plan=next_plan, clock=lambda: NOW)
    await store.close()
    assert await run_sql(database_url, "SELECT version_num FROM alembic_version") == [(NEXT,)]
    assert await run_sql(database_url, "SELECT motto FROM account") == [(None,), (None,)]
    assert await run_sql(database_url, "SELECT count(*) FROM event") == events


async def test_a_sqlite_file_is_backed_up_before_it_is_migrated(tmp_path: Path, next_plan: Plan) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    await fill(url)
    done = await migrate(url, next_plan, lambda: NOW)
    assert done == (HEAD, NEXT, tmp_path / f"shop.db.{HEAD}.20260420T000000Z.backup")
    kept = f"sqlite:///{tmp_path}/shop.db.{HEAD}.20260420T000000Z.backup"
    assert await run_sql(kept, "SELECT version_num FROM alembic_version") == [(HEAD,)]
    assert await run_sql(kept, "SELECT count(*) FROM event") == await run_sql(url, "SELECT count(*) FROM event")
    assert (await migrate(url, next_plan, lambda: NOW)) == (NEXT, NEXT, None)


async def test_a_fresh_database_is_not_backed_up(database_url: str, tmp_path: Path) -> None:
    assert await migrate(database_url, clock=lambda: NOW) == (None, HEAD, None)
    assert _backups(tmp_path) == []


async def test_an_older_schema_is_refused_where_nobody_may_migrate(database_url: str, next_plan: Plan) -> None:
    await (await open_store(database_url)).close()
    with pytest.raises(SchemaTooOld, match="waypost migrate"):
        await open_store(database_url, migrate=False, plan=next_plan)


async def test_a_migration_that_fails_changes_nothing(database_url: str, tmp_path: Path) -> None:
    await fill(database_url)
    plan = _plan(tmp_path, "raise RuntimeError('broken')")
    with pytest.raises(RuntimeError, match="broken"):
        await migrate(database_url, plan, lambda: NOW)
    assert await run_sql(database_url, "SELECT version_num FROM alembic_version") == [(HEAD,)]
    with pytest.raises(Exception, match="motto"):
        await run_sql(database_url, "SELECT motto FROM account")
    await (await open_store(database_url)).close()


async def test_four_processes_that_start_at_once_migrate_once(database_url: str) -> None:
    command = [sys.executable, "-m", "waypost", "migrate", "--json", "--database", database_url]
    running = [
        await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)
    ]
    outputs = await asyncio.gather(*(process.communicate() for process in running))
    assert [process.returncode for process in running] == [0] * 4, outputs
    assert sorted(b'"from": null' in out for out, _ in outputs) == [False, False, False, True]
    location = parse_url(database_url)
    if isinstance(location, SqliteLocation):
        assert _backups(location.path.parent) == []
    await (await open_store(database_url)).close()


async def test_the_first_schema_is_widened_with_its_data(database_url: str) -> None:
    """What version 0001 kept is there afterwards, with what the later columns say of it."""
    await migrate(database_url, Plan(PLAN.revisions[:1], PLAN.folders))
    await run_sql(database_url, "INSERT INTO account (id, company_name, created_at) VALUES (7, 'Ünïcode & Co', 1)")
    flag = "false" if database_url.startswith("postgresql") else "0"
    await run_sql(
        database_url,
        "INSERT INTO source (id, account_id, name, required_fields, auto_process, created_at)"
        f" VALUES (9, 7, 'North', '[]', {flag}, 2)",
    )
    await migrate(database_url)
    sql = "SELECT company_name, number_strategy FROM account"
    assert await run_sql(database_url, sql) == [("Ünïcode & Co", "order_number")]
    sql = "SELECT name, stock_release, dropship_fee, refused_characters, settings FROM source"
    assert await run_sql(database_url, sql) == [("North", "shipment", 0, "", "{}")]
    store = await open_store(database_url, migrate=False)
    await store.close()
