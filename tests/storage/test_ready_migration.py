"""Schema 0013 says of what stands in Processing until when it waits: its hold, or what its source said last."""

import pytest

from tests.support.checking import adds_up
from tests.support.database import rows
from tests.support.filled import run_sql
from tests.support.world import World, merchant
from waypost.app.commands import Command, Edit
from waypost.domain.lifecycle import Action
from waypost.domain.statuses import Status
from waypost.main import build_hub
from waypost.storage.migrations import HEAD, PLAN, Plan
from waypost.storage.opening import migrate, open_store

BEFORE = PLAN.revisions.index("0013")
AS_BEFORE = (
    "DROP INDEX ix_fulfillment_request_state_source_id_waits_until_id",
    "DROP INDEX ix_handover_attempt_put_off",
    "ALTER TABLE fulfillment_request_state DROP COLUMN waits_until",
    f"UPDATE alembic_version SET version_num = '{PLAN.revisions[BEFORE - 1]}'",
)
FAR = 9 * 10**15  # microseconds
WAITS = "SELECT id, waits_until FROM fulfillment_request_state WHERE waits_until <> 0 ORDER BY id"


@pytest.mark.parametrize("releases", [1, 2])
async def test_what_waits_says_until_when(database_url: str, releases: int) -> None:
    """Put off in a release that is over, it waits no more."""
    store = await open_store(database_url)
    hub, writer = build_hub(store)
    world = World(hub, None, await merchant(hub, "ours"), await merchant(hub, "theirs"))
    put_off, free = await world.request(Status.PROCESSING), await world.request(Status.PROCESSING)
    sent = await world.request(Status.PROCESSED)
    held, both = await world.request(Status.UNPROCESSED), await world.request(Status.UNPROCESSED)
    for id_ in (held, both):
        edit, actor = Edit(content={"hold_until": FAR}), world.ours.actor
        await hub.changes.change(Command(Action.EDIT, id_, actor, details=edit, outcome=edit.outcome))
        await hub.changes.change(Command(Action.PROCESS, id_, actor))
    await writer.close()
    await store.close()
    for id_, number, next_at in ((put_off, 1, 7), (put_off, 2, FAR - 5), (both, 1, FAR + 5), (sent, 1, FAR)):
        await run_sql(
            database_url,
            f"""INSERT INTO handover_attempt (account_id, source_id, request_id, number, release, attempt_group,
                  idempotency_key, tries, state, worker, lease_until, claimed_at, settled_at, outcome, next_at)
                SELECT account_id, source_id, id, {number}, {releases}, 1, 'k', 1, 'settled', 'w', 0, 1, 1, 'deferred',
                  {next_at} FROM fulfillment_request WHERE id = {id_}""",
        )
    for sql in AS_BEFORE:
        await run_sql(database_url, sql)
    await migrate(database_url, Plan(PLAN.revisions[: BEFORE + 1], PLAN.folders))
    found = {row["id"]: row["waits_until"] for row in await rows(database_url, WAITS)}
    asked = {held: FAR, put_off: FAR - 5, both: FAR + 5} if releases == 1 else {held: FAR, both: FAR}
    assert found == asked
    assert free not in found
    await run_sql(database_url, f"UPDATE alembic_version SET version_num = '{HEAD}'")  # what later steps made is there
    await adds_up(database_url)
