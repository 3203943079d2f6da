"""`released_seq`: written with the move that releases a request, and found in the events by the migration that adds it."""

from tests.support.commands import command, fail
from tests.support.database import rows
from tests.support.filled import run_sql
from tests.support.merchant import Merchant
from waypost.app.changes import Changer
from waypost.domain.lifecycle import Action
from waypost.domain.statuses import BLOCKED, Status
from waypost.storage.migrations import PLAN, Plan
from waypost.storage.opening import migrate

BEFORE = PLAN.revisions.index("0008")
RELEASES = "SELECT id, released_seq FROM fulfillment_request_state ORDER BY id"
AT_SOURCE = ("processing", "processed", "acknowledged", "processing_error")


async def _history(merchant: Merchant, changes: Changer) -> None:
    """Requests in every status, some of which ended before they were released, some after."""
    await merchant.requests(*Status)
    owner, source = merchant.actor(), merchant.actor("source")
    voided, canceled, blocked, failed, late = await merchant.requests(
        Status.UNPROCESSED, BLOCKED[0], BLOCKED[1], Status.PROCESSING, Status.UNPROCESSED
    )
    await changes.change(command(Action.VOID, voided, owner))
    await changes.change(command(Action.CANCEL, canceled, owner))
    await changes.change(command(Action.PROCESS, blocked, owner))
    await changes.change(command(Action.CANCEL, blocked, source))
    await changes.change(fail(failed, source))
    await changes.change(command(Action.PROCESS, failed, owner))
    await changes.change(command(Action.PROCESS, late, owner))


async def _expected(url: str) -> dict[int, int | None]:
    """From the events alone: the first that led to a status in which a source has the request."""
    found: dict[int, int | None] = {}
    for row in await rows(url, "SELECT id FROM fulfillment_request_state"):
        found[row["id"]] = None
    for row in await rows(url, "SELECT * FROM event WHERE subject = 'fulfillment_request' ORDER BY seq"):
        if row["to_status"] in AT_SOURCE and found[row["subject_id"]] is None:
            found[row["subject_id"]] = row["seq"]
    return found


async def test_every_road_writes_it(merchant: Merchant, changes: Changer, migrated_url: str) -> None:
    await _history(merchant, changes)
    written = {row["id"]: row["released_seq"] for row in await rows(migrated_url, RELEASES)}
    assert written == await _expected(migrated_url)
    assert None in written.values()


async def test_the_migration_finds_it_in_the_events(merchant: Merchant, changes: Changer, migrated_url: str) -> None:
    await _history(merchant, changes)
    expected = await _expected(migrated_url)
    lost = max(id_ for id_, seq in expected.items() if seq is not None)
    await run_sql(migrated_url, f"DELETE FROM event WHERE subject_id = {lost} AND subject = 'fulfillment_request'")
    await run_sql(migrated_url, "DROP INDEX ix_fulfillment_request_state_status_source_id_id")
    await run_sql(migrated_url, "ALTER TABLE fulfillment_request_state DROP COLUMN released_seq")
    await run_sql(migrated_url, f"UPDATE alembic_version SET version_num = '{PLAN.revisions[BEFORE - 1]}'")
    await migrate(migrated_url, Plan(PLAN.revisions[: BEFORE + 1], PLAN.folders))
    found = {row["id"]: row["released_seq"] for row in await rows(migrated_url, RELEASES)}
    # What stands at its source though its history is lost stays visible: no request disappears.
    assert found == {**expected, lost: 0}
