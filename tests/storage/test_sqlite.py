"""What is SQLite's own: a full disk, a file that another process holds, a commit that fails, what a look-up sees."""

import asyncio
import shutil
import sqlite3
import sys
from contextlib import closing
from typing import Any, cast

import pytest

from tests.support.audit import audit
from tests.support.commands import command, fail
from tests.support.database import contents, sqlite_path
from tests.support.merchant import Merchant
from waypost.app.changes import Changer
from waypost.app.commands import FailureReport
from waypost.app.ports import RequestQuery, Store
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import Unavailable
from waypost.domain.statuses import Status
from waypost.storage import sqlite
from waypost.storage.sqlite import SqliteStore

HOLD = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
db.execute("COMMIT")
"""


@pytest.fixture
def engine() -> str:
    """Only this one."""
    return "sqlite"


def inside(store: Store) -> SqliteStore:
    """The store as what it is."""
    assert isinstance(store, SqliteStore)
    return store


def pages(db: sqlite3.Connection, most: int) -> None:
    """How large the file may become: a disk of that size."""
    db.execute(f"PRAGMA max_page_count = {most}")


async def test_a_full_disk_refuses_and_changes_nothing_and_it_works_again_afterwards(
    store: Store, merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    ids = await merchant.requests(*[Status.PROCESSING] * 40)
    db = inside(store)._writer.db
    pages(db, db.execute("PRAGMA page_count").fetchone()[0])
    report = FailureReport("no room " * 250)
    refused = None
    for id_ in ids:
        before = await contents(migrated_url)
        try:
            await changes.change(fail(id_, merchant.actor(), details=report))
        except Unavailable as refusal:
            refused = id_, refusal.applied
            assert await contents(migrated_url) == before
            break
    assert refused is not None
    assert refused[1] == "no"
    await audit(migrated_url)
    # Reading goes on, and so does writing once there is room.
    assert await store.reads.request(merchant.actor().scope, refused[0]) is not None
    pages(db, 1_000_000)
    done = await changes.change(fail(refused[0], merchant.actor(), details=report))
    assert done.to_status == Status.PROCESSING_ERROR
    await audit(migrated_url)


async def test_while_another_process_writes_a_change_waits(
    merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    id_ = await merchant.request()
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, str(sqlite_path(migrated_url)),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"held\n"
    waiting = asyncio.ensure_future(changes.change(fail(id_, merchant.actor())))
    done, _ = await asyncio.wait([waiting], timeout=0.05)
    assert not done
    await holder.communicate(b"\n")
    assert (await waiting).to_status == Status.PROCESSING_ERROR
    await audit(migrated_url)


async def test_a_file_that_stays_held_is_unavailable(
    merchant: Merchant, changes: Changer, store: Store, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = await merchant.request()
    before = await contents(migrated_url)
    monkeypatch.setattr(sqlite, "BUSY_S", 0.02)
    with closing(sqlite3.connect(sqlite_path(migrated_url), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable) as caught:
            await changes.change(fail(id_, merchant.actor()))
        assert (caught.value.applied, caught.value.retry_after_s) == ("no", 1)
        with pytest.raises(Unavailable):
            await store.ready()
        # Reading does not wait for a writer.
        assert await store.reads.request(merchant.actor().scope, id_) is not None
        other.execute("ROLLBACK")
    assert await contents(migrated_url) == before
    assert (await changes.change(fail(id_, merchant.actor()))).moved


class Flaky:
    """A connection whose commits go wrong in a chosen way."""

    def __init__(self, db: sqlite3.Connection, how: str) -> None:
        self._db = db
        self._how = how

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    def commit(self) -> None:
        """Store, forget, or leave open; then break."""
        if self._how in ("stored", "unsynced"):
            self._db.commit()
        elif self._how in ("forgotten", "full"):
            self._db.rollback()
        error = sqlite3.OperationalError("database or disk is full" if self._how == "full" else "disk I/O error")
        codes = {"full": sqlite3.SQLITE_FULL, "unsynced": sqlite3.SQLITE_IOERR_FSYNC}  # as SQLite does
        error.sqlite_errorcode = codes.get(self._how, sqlite3.SQLITE_IOERR)
        raise error


@pytest.mark.parametrize("in_place_s", [0.0, 1000.0])
@pytest.mark.parametrize(("how", "applied"), [("open", "no"), ("full", "no"), ("stored", None), ("forgotten", "no")])
async def test_a_commit_that_breaks_is_judged_by_what_the_file_holds(
    how: str, applied: str | None, in_place_s: float, store: Store, merchant: Merchant, changes: Changer,
    migrated_url: str, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(sqlite, "COMMIT_IN_PLACE_S", in_place_s)
    id_ = await merchant.request()
    before = await contents(migrated_url)
    writer = inside(store)._writer
    writer._db = cast(sqlite3.Connection, Flaky(writer.db, how))
    asked = command(Action.ACKNOWLEDGE, id_, merchant.actor(), call_id="c1")
    if applied is None:
        assert (await changes.change(asked)).moved
    else:
        with pytest.raises(Unavailable) as caught:
            await changes.change(asked)
        assert caught.value.applied == applied
        assert await contents(migrated_url) == before
    if how in ("open", "full"):  # rolled back, and used again
        writer._db = writer.db._db  # type: ignore[attr-defined]
    assert (await changes.change(command(Action.SYNC_ACCOUNTING, id_, merchant.actor()))).moved
    await audit(migrated_url)


async def test_a_commit_that_the_disk_did_not_confirm_is_in_doubt(
    store: Store, merchant: Merchant, changes: Changer
) -> None:
    """It can be read, and may be gone after a power cut all the same."""
    id_ = await merchant.request()
    writer = inside(store)._writer
    writer._db = cast(sqlite3.Connection, Flaky(writer.db, "unsynced"))
    with pytest.raises(Unavailable) as caught:
        await changes.change(command(Action.ACKNOWLEDGE, id_, merchant.actor(), call_id="c1"))
    assert caught.value.applied == "unknown"
    found = await store.reads.request(merchant.actor().scope, id_)
    assert found is not None
    assert found.state.status == Status.ACKNOWLEDGED


@pytest.mark.parametrize("in_place_s", [0.0, 1000.0])
async def test_a_write_whose_caller_leaves_at_its_commit_is_whole(
    in_place_s: float, store: Store, merchant: Merchant, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "COMMIT_IN_PLACE_S", in_place_s)

    async def add(tx: Any) -> int:
        row = {"account_id": merchant.account, "name": "late", "created_at": 1}
        return int(await tx.insert_row("channel", row))

    leaving = asyncio.ensure_future(store.write(add))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait([leaving])
    names = [channel.name for channel in await store.reads.channels(merchant.account)]
    later = await store.write(add)
    channels = await store.reads.channels(merchant.account)
    assert len(channels) == len(names) + 1
    assert channels[-1].id == later


async def test_a_look_up_sees_what_this_process_committed_at_once(
    store: Store, merchant: Merchant, changes: Changer
) -> None:
    id_ = await merchant.request()
    scope = merchant.actor().scope
    for action in (Action.PROCESSED, Action.FAIL, Action.PROCESS, Action.ACKNOWLEDGE):
        before = await store.reads.request(scope, id_)
        done = await changes.change(command(action, id_, merchant.actor()))
        after = await store.reads.request(scope, id_)
        assert before is not None
        assert after == done.image
        assert after != before


async def test_a_look_up_sees_what_another_process_committed_at_once(
    store: Store, merchant: Merchant, migrated_url: str
) -> None:
    with closing(sqlite3.connect(sqlite_path(migrated_url), isolation_level=None)) as other:
        for name in ("Once", "Twice", "Thrice"):
            other.execute("UPDATE account SET company_name = ?", (name,))
            found = await store.reads.account(merchant.account)
            assert found is not None
            assert found.company_name == name


async def test_a_request_is_read_as_it_was_at_one_moment(
    store: Store, merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    """Its state and its lines are one statement: another process' commit cannot come between them."""
    id_ = await merchant.request()
    statements: list[str] = []
    inside(store).reads._by_key.db.set_trace_callback(statements.append)
    found = await store.reads.request(merchant.actor().scope, id_)
    assert found is not None
    assert [line.request_id for line in found.lines] == [id_, id_]
    assert len(statements) == 1


@pytest.mark.parametrize("what", ["removed", "moved", "replaced"])
async def test_nothing_is_acknowledged_once_the_file_is_not_in_its_place(
    what: str, store: Store, merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    """An open connection would go on to write a file that nobody will ever find again."""
    first, second = await merchant.requests(Status.PROCESSING, Status.PROCESSING)
    path = sqlite_path(migrated_url)
    away = path.with_name(f"{path.name}.away")
    if what == "removed":
        away.hardlink_to(path)
        path.unlink()
    else:
        path.rename(away)
    if what == "replaced":
        shutil.copyfile(away, path)
    for _ in range(2):
        with pytest.raises(Unavailable) as caught:
            await changes.change(fail(first, merchant.actor()))
        assert caught.value.applied == "no"
        with pytest.raises(Unavailable):
            await store.ready()
    if what != "replaced":
        assert not path.exists()
    away.rename(path)  # put back, it is the same database again
    assert await store.ready()
    assert (await changes.change(fail(second, merchant.actor()))).moved
    assert await store.reads.count_requests(RequestQuery(merchant.actor().scope)) == 2
    await audit(migrated_url)


async def test_a_list_is_read_as_it_was_at_one_moment(store: Store, merchant: Merchant) -> None:
    """Requests and their lines are one statement: a commit between two would show old statuses with new lines.

    Which requests are on a page is asked before.
    """
    ids = await merchant.requests(*[Status.PROCESSING] * 3)
    statements: list[str] = []
    inside(store).reads._in_loop.db.set_trace_callback(statements.append)
    scope = merchant.actor().scope
    for found in (await store.reads.requests(RequestQuery(scope)), await store.reads.requests_of(scope, ids)):
        assert [(one.state.id, len(one.lines)) for one in found] == [(id_, 2) for id_ in ids]
        assert [line.request_id for one in found for line in one.lines] == [id_ for id_ in ids for _ in range(2)]
    assert ["fulfillment_request_line" in text for text in statements] == [False, True, True]


async def test_a_database_that_was_moved_away_is_not_replaced_by_an_empty_one(
    store: Store, merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    id_ = await merchant.request()
    path = sqlite_path(migrated_url)
    away = path.with_name(f"{path.name}.away")
    path.rename(away)
    for connection in (inside(store)._writer, inside(store).reads._by_key, inside(store).reads._in_loop):
        connection.drop()
    with pytest.raises(Unavailable):
        await changes.change(fail(id_, merchant.actor()))
    with pytest.raises(Unavailable):
        await store.reads.request(merchant.actor().scope, id_)
    assert not path.exists()
    away.rename(path)
    assert (await changes.change(fail(id_, merchant.actor()))).moved
    assert await store.reads.count_requests(RequestQuery(merchant.actor().scope)) == 1
