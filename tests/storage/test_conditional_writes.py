"""A state is written only where the row is still as it was decided upon, whatever the locks should have prevented."""

import pytest

from tests.support.database import contents, rows
from tests.support.merchant import Merchant
from waypost.app.ports import Store, Tx, no_changes
from waypost.domain.statuses import Status
from waypost.storage.faults import BadRow, RolledBack


@pytest.mark.parametrize("stale", [{"version": 7}, {"status": Status.PROCESSED}], ids=["version", "status"])
async def test_a_state_that_is_not_as_it_was_read_is_not_written(
    stale: dict[str, object], store: Store, merchant: Merchant, migrated_url: str
) -> None:
    id_ = await merchant.request()
    found = await store.reads.request(merchant.actor().scope, id_)
    assert found is not None
    now = found.state._replace(status=Status.VOIDED, version=found.state.version + 1)
    before = await contents(migrated_url)

    async def run(tx: Tx) -> None:
        await tx.load([], [merchant.account])
        await tx.write(no_changes(10)._replace(states=[(found.state._replace(**stale), now)]))

    with pytest.raises((BadRow, RolledBack)):
        await store.write(run)
    assert await contents(migrated_url) == before
    (row,) = await rows(migrated_url, "SELECT status FROM fulfillment_request_state WHERE id = $1", id_)
    assert row["status"] == Status.PROCESSING
