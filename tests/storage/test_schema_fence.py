"""A process that knows another schema than the database has writes nothing, on either engine."""

import pytest

from tests.support.commands import fail, key
from tests.support.database import contents, rows
from tests.support.merchant import Merchant
from waypost.app.changes import Changer
from waypost.app.ports import Store
from waypost.domain.refusals import Unavailable
from waypost.domain.statuses import Status

NEWER = "replace this process with the newer version of Waypost"


async def test_nothing_is_written_to_a_schema_of_another_version(
    store: Store, merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    ids = await merchant.requests(*[Status.PROCESSING] * 3)
    await changes.change(fail(ids[0], merchant.actor()))
    (known,) = await rows(migrated_url, "SELECT version_num FROM alembic_version")
    await rows(migrated_url, "UPDATE alembic_version SET version_num = '9999'")
    before = await contents(migrated_url)
    row = {"account_id": merchant.account, "name": "late", "created_at": 1}
    for work in (
        lambda: changes.change(fail(ids[1], merchant.actor())),
        lambda: changes.change(fail(ids[1], merchant.actor()), key("k")),
        lambda: store.write(lambda tx: tx.insert_row("channel", row)),
    ):
        with pytest.raises(Unavailable, match=NEWER) as refused:
            await work()
        assert refused.value.applied == "no"
        assert await contents(migrated_url) == before
    await rows(migrated_url, "UPDATE alembic_version SET version_num = $1", known["version_num"])
    assert (await changes.change(fail(ids[2], merchant.actor()))).moved
