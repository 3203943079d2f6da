"""A database of an older release: refused until it is migrated, whole afterwards, and brought back by its backup.

Going back means the old program on the old rows. That program is not here. What can be shown is that the backup made by
today's program before the migration holds the old schema and every row as it was. On SQLite `waypost restore` puts exactly
that in place. On PostgreSQL it migrates what it restores: there the same backup is restored to a file, and the migrated rows are
compared with those of the migration in place.
"""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.golden.files import DATABASE, KEYS, Golden, golden_files
from tests.golden.upgraded import Contents, Place, command, everything, found_by_check, ok
from waypost.storage.location import SchemaTooOld
from waypost.storage.migrations import HEAD
from waypost.storage.opening import open_store


def test_there_is_a_file_of_each_schema_that_a_commit_had_and_of_this_one() -> None:
    for engine in ("sqlite", "postgresql"):
        found = [golden.revision for golden in golden_files(engine)]
        later = [f"{number:04}" for number in range(12, int(HEAD) + 1)]  # 0011 and 0012 came together
        assert found == ["0001", "0006", "0007", "0008", "0009", "0010", *later]


def test_the_short_file_says_what_is_there(golden: Golden, tmp_path: Path) -> None:
    story, facts = golden.unpack(tmp_path), golden.facts()
    told = [story.commit, story.revision, story.version, story.engine, len(story.calls), len(story.orders)]
    assert told == [facts[name] for name in ("commit", "revision", "version", "engine", "calls", "orders")]
    assert (golden.revision, golden.engine) == (facts["revision"], facts["engine"])
    assert facts["operations"] == sorted({call.operation for call in story.calls})
    assert golden.path.stat().st_size < 100_000


def as_it_was_made(path: Path) -> list[tuple[Any, ...]]:
    """The schema of a SQLite file, as it was written."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY 1, 2").fetchall()


def unsealed(value: Any) -> Any:
    """A sealed value without its random part: it is another one each time that it is encrypted."""
    if isinstance(value, list | tuple):
        return [unsealed(one) for one in value]
    if isinstance(value, dict):
        return {name: unsealed(one) for name, one in value.items()}
    return value.rsplit(":", 1)[0] if isinstance(value, str) and value.startswith("sealed:") else value


# Columns that a step rewrites, each with the reason: table.column.
REWRITTEN = {
    "alembic_version.version_num": "says the schema",
    "webhook.secret": "encrypted by 0009", "webhook.previous_secret": "encrypted by 0009",
    "source_delivery.secrets": "encrypted by 0009",
    "fulfillment_request_state.status_since": "0010 mends what 0002 guessed; `check` judges it",
    "idempotency_key.outcome": "0009 takes the secrets out of the replies about webhooks; replays are held against the story",
}  # fmt: skip
# Tables whose rows a step makes anew from others, each with the reason.
MADE_ANEW = {"attention_group": "0014 counts it by assignee, too; `check` judges the totals"}


def kept(contents: Contents, columns: dict[str, set[str]]) -> Contents:
    """Every row, of these columns only; without those that are rewritten."""
    return {
        table: sorted(
            ([(name, value) for name, value in row if name in columns[table] and f"{table}.{name}" not in REWRITTEN]
             for row in contents[table]), key=repr)
        for table in columns
    }  # fmt: skip


def columns_of(contents: Contents) -> dict[str, set[str]]:
    """Of each table that has a row."""
    return {table: {name for name, _ in found[0]} for table, found in contents.items() if found}


def test_what_is_kept_is_compared_by_columns_that_both_have() -> None:
    before: Contents = {"orders": [[("id", 1), ("note", "a"), ("old", 1)]], "webhook": [[("id", 1), ("secret", "s")]]}
    after: Contents = {"orders": [[("id", 1), ("new", 2), ("note", "a")]], "webhook": [[("id", 1), ("secret", "t")]]}
    both = {table: names & columns_of(after)[table] for table, names in columns_of(before).items()}
    assert both == {"orders": {"id", "note"}, "webhook": {"id", "secret"}}
    assert kept(before, both) == kept(after, both)
    after["orders"] = [[("id", 1), ("new", 2), ("note", "b")]]
    assert kept(before, both) != kept(after, both)


def keeps_every_row(before: Contents, after: Contents) -> None:
    """Fail where a migration loses a row or changes a value that it need not change."""
    later = columns_of(after)
    both = {table: names & later[table] for table, names in columns_of(before).items() if table not in MADE_ANEW}
    assert kept(after, both) == kept(before, both)


async def _is_refused(place: Place) -> None:
    """With what to do; nothing is touched."""
    before = await everything(place.url)
    done = await asyncio.to_thread(command, place, "check")
    assert done.exit_code == 1
    assert f"schema revision {place.golden.revision}, older than {HEAD}: run `waypost migrate`." in done.output
    with pytest.raises(SchemaTooOld, match="run `waypost migrate`"):
        await open_store(place.url, migrate=False, key_file=place.key_file)
    assert await everything(place.url) == before


async def _is_kept_whole(place: Place, backup: Path) -> None:
    """`waypost backup` of the old schema: every row is in it, and in what it is restored to."""
    before = await everything(place.url)
    await asyncio.to_thread(ok, place, "backup", backup)
    assert await everything(f"sqlite:///{backup}") == before
    elsewhere = f"sqlite:///{backup.parent}/elsewhere.db"
    await asyncio.to_thread(ok, place, "restore", backup, url=elsewhere)
    assert await everything(elsewhere) == before


async def _comes_to_the_same(place: Place, backup: Path, url: str) -> None:
    """The backup, restored to an empty database and brought up, has the rows of the one that was migrated in place."""
    if place.golden.engine == "sqlite":
        if (place.folder / KEYS).exists():
            shutil.copy(place.folder / KEYS, f"{url.removeprefix('sqlite:///')}.key")
        await asyncio.to_thread(ok, place, "restore", backup, url=url)
        await asyncio.to_thread(ok, place, "migrate", url=url)
    else:
        await asyncio.to_thread(ok, place, "restore", backup, url=url)
    ours, theirs = await everything(place.url), await everything(url)
    del ours["pending_task"], theirs["pending_task"]  # what the next start does
    assert unsealed(theirs) == unsealed(ours)


async def test_it_is_refused_migrated_and_adds_up(place: Place, empty_url: str, tmp_path: Path) -> None:
    if place.golden.revision != HEAD:
        await _is_refused(place)
    backup = tmp_path / "before.backup"
    await _is_kept_whole(place, backup)
    before = await everything(place.url)
    await asyncio.to_thread(ok, place, "migrate")
    keeps_every_row(before, await everything(place.url))
    assert await asyncio.to_thread(found_by_check, place) == set()
    await _comes_to_the_same(place, backup, empty_url)


@pytest.mark.parametrize("golden", [one for one in golden_files("sqlite") if one.revision != HEAD], ids=lambda one: one.name)
async def test_the_backup_of_a_migration_brings_a_file_back(place: Place) -> None:
    path = place.folder / DATABASE
    before, made = await everything(place.url), as_it_was_made(path)
    await asyncio.to_thread(ok, place, "migrate")
    (backup,) = place.folder.glob(f"{DATABASE}.*.backup")
    assert await everything(f"sqlite:///{backup}") == before
    assert await everything(place.url) != before
    await asyncio.to_thread(ok, place, "restore", backup, "--force")
    assert (await everything(place.url), as_it_was_made(path)) == (before, made)
    await asyncio.to_thread(ok, place, "migrate")
    assert await asyncio.to_thread(found_by_check, place) == set()
