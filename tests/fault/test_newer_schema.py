"""A newer version has migrated the database: an older process that still runs writes nothing any more, and says so."""

import asyncio
import os
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.fault.one_file import shop, until
from tests.support.database import contents, sqlite_path
from tests.support.filled import run_sql
from tests.support.merchant import Merchant
from tests.support.supplier import RULES, Supplier
from waypost.app.ports import Store
from waypost.domain.refusals import Unavailable
from waypost.storage.migrations import HEAD, PLAN

ALLOWED = ("--allow-targets", "127.0.0.0/8")
NEXT = f"{int(HEAD) + 1:04d}"
REVISION = f"""
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "{NEXT}", "{HEAD}", None, None


def upgrade():
    {{what}}
"""
# What a newer version of Waypost does at its start, in a process of its own.
NEWER = """
import asyncio, pathlib, sys
from waypost.storage.migrations import PLAN, Plan
from waypost.storage.opening import migrate
url, folder, revision = sys.argv[1:]
asyncio.run(migrate(url, Plan((*PLAN.revisions, revision), (*PLAN.folders, pathlib.Path(folder)))))
"""
STEPS = {
    "schema": 'op.add_column("account", sa.Column("motto", sa.Text(), nullable=True))',
    "rows only": "op.execute(\"UPDATE account SET brand_name = 'migrated'\")",
}


@pytest.fixture
def engine() -> str:
    """Only this one."""
    return "sqlite"


async def migrate_further(url: str, folder: Path, what: str) -> None:
    """Migrate as the next version of Waypost would."""
    versions = folder / "versions"
    versions.mkdir()
    (versions / f"v{NEXT}.py").write_text(REVISION.format(what=what))
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", NEWER, url, str(versions), NEXT)
    assert await process.wait() == 0


@pytest.mark.parametrize("what", STEPS)
async def test_a_server_writes_nothing_into_a_newer_schema(what: str, tmp_path: Path) -> None:
    async with shop(tmp_path, tmp_path / "log") as one:
        assert await one.fail() == (204, None)
        await migrate_further(one.url, tmp_path, STEPS[what])
        before = await contents(one.url)
        id_ = next(one.ids)
        reply = await one.client.patch(f"/fulfillment-requests/{id_}/processing-failed?error=x")
        assert (reply.status_code, reply.json()["applied"]) == (503, "no")
        detail = reply.json()["detail"]
        assert f"The database has schema {NEXT}, this program knows none after {HEAD}" in detail
        assert "replace this process with the newer version of Waypost" in detail
        assert "waypost migrate" not in detail
        assert await one.until_ready(503) == detail
        assert (await one.client.get(f"/fulfillment-requests/{id_}")).status_code == 200
        assert await contents(one.url) == before


async def test_a_worker_writes_and_sends_nothing_under_a_newer_schema(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    async with Supplier() as supplier, shop(tmp_path, tmp_path / "log", *ALLOWED, requests=5) as one:
        (source,) = (await one.client.get("/sources")).json()
        body = {"kind": "http", "settings": {"url": supplier.url, "rules": RULES}, "paused": True}
        assert (await one.client.put(f"/source/{source['id']}/delivery", json=body)).status_code == 200
        with log.open("wb") as file:
            worker = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "waypost", "worker", "--database", one.url, *ALLOWED,
                stdout=file, stderr=file, env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )  # fmt: skip

        async def logged(text: str) -> bool:
            assert worker.returncode is None, log.read_text()
            return text in log.read_text()

        await until(lambda: logged("hands requests"), 30, "the worker works")
        await migrate_further(one.url, tmp_path, STEPS["schema"])
        await run_sql(one.url, "UPDATE source_delivery SET paused = 0")
        before = await contents(one.url)
        await until(lambda: logged(f"The database has schema {NEXT}"), 30, "the worker is refused")
        worker.send_signal(signal.SIGTERM)
        assert await worker.wait() == 0
        assert await contents(one.url) == before
        assert await run_sql(one.url, "SELECT count(*) FROM handover_attempt") == [(0,)]
        assert supplier.book == {}


@pytest.mark.parametrize(
    ("found", "todo"),
    [
        (PLAN.revisions[-2], f"this program needs {HEAD}: run `waypost migrate`."),
        (NEXT, f"this program knows none after {HEAD}: replace this process with the newer version of Waypost."),
    ],
)
async def test_what_is_to_be_done_depends_on_which_of_both_is_older(
    found: str, todo: str, store: Store, merchant: Merchant, migrated_url: str
) -> None:
    with closing(sqlite3.connect(sqlite_path(migrated_url), isolation_level=None)) as other:
        other.execute("UPDATE alembic_version SET version_num = ?", (found,))
    for asked in (store.ready(), merchant.request()):
        with pytest.raises(Unavailable) as caught:
            await asked
        assert caught.value.message == f"The database has schema {found}, {todo}"
        assert caught.value.applied == "no"
