"""`waypost check` on a real database: clean when made on the road, and every kind of damage is found."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.checking import findings
from tests.support.database import is_sqlite
from tests.support.filled import fill, run_sql
from waypost.app import check as checking
from waypost.app.judging import Finding
from waypost.storage import checking as storage_checking
from waypost.storage.backup import back_up, restore
from waypost.storage.checking import evidence_of
from waypost.storage.location import Unreachable
from waypost.storage.opening import current_location

# What somebody does to the database by hand, and the finding that must come of it. Request 2 stands in
# Processing; of its order's items, number 3 is the first.
TAMPERED = [
    ("UPDATE fulfillment_request_state SET status = 'processed' WHERE id = 2", "status_differs"),
    ("UPDATE fulfillment_request_state SET version = version + 1 WHERE id = 2", "version_differs"),
    ("UPDATE fulfillment_request_state SET attempt_count = 7 WHERE id = 2", "attempts_differ"),
    ("UPDATE fulfillment_request_state SET modified_at = 7 WHERE id = 2", "modified_differs"),
    ("UPDATE fulfillment_request_state SET shipped_quantity = 1 WHERE id = 2", "shipped_quantity_differs"),
    (
        "UPDATE fulfillment_request_state SET fulfillment_status = 'shipped' WHERE id = 2",
        "fulfillment_status_differs",
    ),
    ("UPDATE fulfillment_request_state SET source_id = 2 WHERE id = 2", "copy_differs"),
    ("UPDATE fulfillment_request_state SET handover = 'sending' WHERE id = 2", "handover_differs"),
    ("UPDATE fulfillment_request_state SET waits_until = 9000000000000000 WHERE id = 2", "wait_differs"),
    ("UPDATE fulfillment_request SET hold_until = 9000000000000000 WHERE id = 2", "wait_differs"),
    ("UPDATE fulfillment_request_state SET waits_until = -1 WHERE id = 2", "wait_differs"),
    ("DELETE FROM fulfillment_request_state WHERE id = 2", "state_missing"),
    ("UPDATE fulfillment_request_state SET alerted = (1 = 1) WHERE id = 2", "alert_differs"),
    ("UPDATE fulfillment_request_state SET cared = (1 = 1) WHERE id = 2", "care_differs"),
    ("UPDATE fulfillment_request SET assignee = 'Mei' WHERE id = 2", "care_differs"),
    ("UPDATE fulfillment_request_state SET failure_code = 'x_1' WHERE status = 'processing_error'",
     "attention_item_missing"),
    ("UPDATE fulfillment_request_state SET status_since = 7 WHERE status = 'processing_error'",
     "attention_item_missing"),
    ("DELETE FROM attention_item", "attention_item_missing"),
    ("DELETE FROM attention_item", "attention_total_differs"),
    ("UPDATE attention_item SET since = since + 1", "attention_item_stray"),
    ("UPDATE attention_item SET assignee = 'Mei'", "attention_item_stray"),
    ("UPDATE attention_item SET snoozed_until = 7", "attention_item_missing"),
    ("UPDATE attention_group SET total = total + 1", "attention_total_differs"),
    ("UPDATE attention_group SET code = code || '_'", "attention_total_differs"),
    ("DELETE FROM attention_group", "attention_total_differs"),
    ("INSERT INTO attention_group VALUES (1, '', 1, 'x_2', 0, 0)", "attention_total_differs"),
    ("UPDATE attention_item SET care = 1", "attention_care_differs"),
    ("UPDATE attention_item SET care = 2", "attention_care_differs"),
    ("UPDATE attention_item SET assignee = 'Mei'", "attention_care_differs"),
    ("INSERT INTO attention (account_id, source_id, subject, subject_id, code, message, raised_at)"
     " VALUES (1, 1, 'fulfillment_request', 2, 'unshipped', 'Look.', 7)", "alert_differs"),
    ("INSERT INTO attention (account_id, source_id, subject, subject_id, code, message, raised_at)"
     " VALUES (1, 1, 'fulfillment_request', 2, 'unsent', 'Look.', 7)", "alert_differs"),
    ("UPDATE fulfillment_request SET total_quantity = 99 WHERE id = 2", "totals_differ"),
    ("UPDATE fulfillment_request SET channel_id = 2 WHERE id = 2", "channel_differs"),
    ("UPDATE fulfillment_request SET number = 'other' WHERE id = 2", "number_unclaimed"),
    ("UPDATE fulfillment_request SET number = 'other' WHERE id = 2", "claim_differs"),
    ("UPDATE fulfillment_request SET source_id = 3 WHERE id = 2", "account_differs"),
    ("DELETE FROM event WHERE subject = 'fulfillment_request' AND subject_id = 2", "history_missing"),
    ("DELETE FROM event WHERE subject = 'fulfillment_request' AND subject_id = 2", "events_not_dense"),
    ("DELETE FROM event WHERE subject = 'fulfillment_request' AND subject_id = 2", "counter_differs"),
    (
        "UPDATE event SET subject_id = 999 WHERE subject = 'fulfillment_request' AND subject_id = 2",
        "request_missing",
    ),
    ("UPDATE event SET subject_id = 999 WHERE subject = 'order' AND subject_id = 2", "order_missing"),
    ("UPDATE event SET account_id = 999 WHERE subject = 'order' AND subject_id = 2", "account_missing"),
    ("UPDATE event SET from_status = 'processed' WHERE type LIKE '%.failed'", "history_broken"),
    ("UPDATE event SET type = 'fulfillment_request.voided' WHERE type LIKE '%.failed'", "history_illegal"),
    ("UPDATE event SET at = 5 WHERE type LIKE '%.failed'", "time_runs_back"),
    ("UPDATE account_counter SET last_at = 5", "counter_behind"),
    ("DELETE FROM account_counter", "counter_missing"),
    ("UPDATE order_item SET allocated = 0 WHERE id = 3", "item_quantity_differs"),
    ("UPDATE order_item SET quantity = 1 WHERE id = 3", "item_exceeded"),
    ("UPDATE orders SET shipped_status = 'completed' WHERE id = 2", "order_status_differs"),
    ("UPDATE fulfillment_request_line SET acknowledged = 1 WHERE request_id = 2", "item_quantity_differs"),
    ("UPDATE fulfillment_request_line SET order_item_id = 1 WHERE request_id = 2", "item_differs"),
    ("UPDATE fulfillment_request_state SET acknowledged_at = 5 WHERE id = 2", "standing_differs"),
    ("UPDATE fulfillment_request_state SET held_until = 9000000000000000 WHERE id = 2", "care_differs"),
    ("UPDATE fulfillment_request_state SET snoozed_until = 9000000000000000 WHERE id = 2", "care_differs"),
]


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of a filled database: quicker to restore than to fill again."""
    folder = tmp_path_factory.mktemp("filled")
    url = f"sqlite:///{folder}/origin.db"
    asyncio.run(fill(url))
    return asyncio.run(back_up(url, folder / "filled.backup", False, lambda: 0)).file


@pytest.fixture
async def filled_url(database_url: str, backup: Path) -> str:
    """A filled database of each engine."""
    await restore(database_url, backup, False, lambda: 0)
    return database_url


async def test_what_was_made_on_the_road_adds_up(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_checking, "FETCH", 2)
    await fill(database_url)
    async with evidence_of(await current_location(database_url)) as evidence:
        found: list[Finding] = []
        examined = await checking.check(evidence, found.append)
    assert found == []
    events = await run_sql(database_url, "SELECT count(*) FROM event")
    assert examined[:3] == (14, 14, events[0][0])
    assert examined.warnings == () or not is_sqlite(database_url)  # a PostgreSQL that was given may be a weak one


@pytest.mark.parametrize(
    ("sql", "expected"), TAMPERED, ids=[f"{check}-{place}" for place, (_, check) in enumerate(TAMPERED)]
)
async def test_tampering_is_found(filled_url: str, sql: str, expected: str) -> None:
    await run_sql(filled_url, sql)
    assert expected in {finding.check for finding in await findings(filled_url)}


async def test_a_broken_reference_is_found(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    await fill(url)
    await run_sql(url, "UPDATE fulfillment_request_line SET request_id = 999 WHERE request_id = 2")
    broken = [finding for finding in await findings(url) if finding.check == "reference_broken"]
    assert [(finding.subject, finding.message) for finding in broken] == [
        ("fulfillment_request_line", "has a request_id that is not there.")
    ] * 2


async def test_a_finding_names_what_it_is_about(filled_url: str) -> None:
    await run_sql(filled_url, "UPDATE fulfillment_request_state SET version = 9 WHERE id = 2")
    assert await findings(filled_url) == [
        Finding("version_differs", "fulfillment_request", 2, "has version 9 and 1 events.")
    ]


async def test_a_finding_about_the_attention_list_is_in_plain_words(filled_url: str) -> None:
    await run_sql(filled_url, "DELETE FROM attention_item")
    found = {one.check: one.message for one in await findings(filled_url)}
    missing, total = found["attention_item_missing"], found["attention_total_differs"]
    assert missing.startswith("is missing from the attention list (")
    assert total.startswith("has 0 items on the attention list for ")
    assert total.endswith(" at source 1, but the list's total says 1.")


async def test_a_constraint_that_does_not_hold_is_found(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    await fill(url)
    with closing(sqlite3.connect(tmp_path / "shop.db", isolation_level=None)) as db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        db.execute("UPDATE order_item SET quantity = -1 WHERE id = 3")
    found = {finding.check: finding.message for finding in await findings(url)}
    assert "order_item" in found["damaged"]


async def test_a_damaged_file_ends_the_check_with_a_sentence(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    await fill(url)
    path = tmp_path / "shop.db"
    roots = await run_sql(url, "SELECT rootpage FROM sqlite_master WHERE name = 'fulfillment_request'")
    data = bytearray(path.read_bytes())
    start = (roots[0][0] - 1) * 4096
    data[start : start + 4096] = b"\xff" * 4096
    path.write_bytes(data)
    with pytest.raises(Unreachable, match="cannot be read to its end"):
        await findings(url)
