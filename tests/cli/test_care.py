"""`waypost migrate`, `backup`, `restore` and `check`: the commands that look after a database."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from tests.support.filled import fill, run_sql
from waypost.cli import waypost
from waypost.storage.migrations import HEAD

Call = Callable[..., Result]
Told = Callable[..., Any]


def test_a_database_is_made_once(call: Call, told: Told, engine: str) -> None:
    made = told("migrate")
    assert (made["from"], made["to"], made["backup"]) == (None, HEAD, None)
    assert made["database"].startswith("/" if engine == "sqlite" else "postgresql://")
    assert call("migrate").stdout.endswith(f"is up to date: schema revision {HEAD}.\n")


def test_making_a_database_says_so(call: Call) -> None:
    assert call("migrate").stdout.endswith(f"is made, with schema revision {HEAD}.\n")


def test_a_newer_database_is_refused_by_every_command(call: Call, database_url: str, tmp_path: Path) -> None:
    call("migrate")
    asyncio.run(run_sql(database_url, "UPDATE alembic_version SET version_num = '9999'"))
    for args in (("migrate",), ("account", "list"), ("check",), ("backup", tmp_path / "x.backup")):
        assert "a newer version wrote it" in call(*args, code=1).stderr


def test_a_sound_database_has_no_findings(call: Call, told: Told, database_url: str) -> None:
    asyncio.run(fill(database_url))
    report = told("check")
    assert report["findings"] == []
    assert report["examined"]["fulfillmentRequests"] == 14
    words = call("check").stdout.splitlines(keepends=True)[-1]  # before it: what a PostgreSQL that was given may lose
    assert words.startswith("Checked 14 fulfillment requests, 14 orders and ")
    assert words.endswith(" events: all adds up.\n")


def test_a_finding_is_a_line_and_ends_with_1(call: Call, told: Told, database_url: str) -> None:
    asyncio.run(fill(database_url))
    asyncio.run(run_sql(database_url, "UPDATE fulfillment_request_state SET version = 9 WHERE id = 2"))
    lines = call("check", code=1).stdout.splitlines()
    assert lines[0] == "version_differs: fulfillment request 2 has version 9 and 1 events."
    assert lines[-2].endswith(": 1 finding.")
    assert "restore a backup" in lines[-1]
    assert "key" not in lines[-1]
    assert told("check", code=1)["findings"] == [
        {
            "check": "version_differs",
            "subject": "fulfillment_request",
            "id": 2,
            "message": "has version 9 and 1 events.",
        }
    ]


def test_a_database_that_is_not_there_cannot_be_checked(call: Call) -> None:
    assert "`waypost migrate` makes one" in call("check", code=1).stderr


def test_a_backup_is_written_and_restored(call: Call, told: Told, database_url: str, tmp_path: Path) -> None:
    asyncio.run(fill(database_url))
    file = tmp_path / "all.backup"
    words = call("backup", file).stdout
    assert words.startswith(f"{file} is written and verified: schema revision {HEAD}, 14 orders, ")
    assert "--force" in call("backup", file, code=1).stderr
    again = told("backup", file, "--force")
    assert (again["file"], again["revision"], again["rows"]["orders"]) == (str(file), HEAD, 14)
    refused = call("restore", file, code=1)
    assert "exists already" in refused.stderr or "holds data already" in refused.stderr


def test_a_restore_says_what_it_kept(call: Call, told: Told, database_url: str, engine: str, tmp_path: Path) -> None:
    origin = f"sqlite:///{tmp_path}/origin.db"
    asyncio.run(fill(origin))
    file = tmp_path / "all.backup"
    taken = CliRunner().invoke(waypost, ["--database", origin, "backup", str(file)])
    assert taken.exit_code == 0, taken.output
    assert f"is restored: schema revision {HEAD}, 14 orders" in call("restore", file).stdout
    if engine == "sqlite":
        kept = Path(told("restore", file, "--force")["kept"])
        assert ".replaced." in kept.name
        assert "What was there before is kept in " in call("restore", file, "--force").stdout
    assert call("check").exit_code == 0


def test_what_is_no_backup_is_refused(call: Call, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Dear diary")
    assert "is not a SQLite database" in call("restore", tmp_path / "notes.txt", code=1).stderr
    assert "empty or missing" in call("restore", tmp_path / "missing", code=1).stderr
