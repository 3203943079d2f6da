"""Schema 0012 writes what needs somebody as rows, and settles the alerts about requests that had moved on.

Schema 0014 keeps apart what is assigned or snoozed, and says of each state until when it is held and snoozed.
"""

from tests.support.checking import adds_up
from tests.support.database import rows
from tests.support.filled import run_sql
from tests.support.world import World, merchant
from waypost.app.commands import Command, Edit, FailureReport
from waypost.app.ports.attention import Attention
from waypost.domain.attention import LATE, SOURCE_DOWN
from waypost.domain.lifecycle import Action
from waypost.domain.statuses import Status
from waypost.main import build_hub
from waypost.storage.migrations import PLAN, Plan
from waypost.storage.opening import migrate, open_store

BEFORE = PLAN.revisions.index("0012")
LISTED = """SELECT account_id, source_id, code, since, subject_id, subject, assignee, snoozed_until FROM attention_item
  ORDER BY account_id, source_id, code, since, subject_id"""
GROUPS = "SELECT * FROM attention_group ORDER BY account_id, source_id, code"
GROUPS_NOW = """SELECT account_id, source_id, code, CAST(sum(total) AS bigint) AS total FROM attention_group
  WHERE assignee = '' GROUP BY account_id, source_id, code ORDER BY account_id, source_id, code"""
MARKS = "SELECT id, alerted, cared FROM fulfillment_request_state ORDER BY id"
RAISED = "SELECT subject_id, code, raised_at, settled_at FROM attention ORDER BY id"
AS_BEFORE = (
    "DROP TABLE attention_item", "DROP TABLE attention_group", "DROP INDEX ix_fulfillment_request_state_watched",
    "ALTER TABLE fulfillment_request_state DROP COLUMN alerted",
    "ALTER TABLE fulfillment_request_state DROP COLUMN cared",
    "CREATE INDEX ix_attention_open ON attention (account_id, id) WHERE settled_at IS NULL",
    f"UPDATE alembic_version SET version_num = '{PLAN.revisions[BEFORE - 1]}'",
)  # fmt: skip
_STATE, _OLD = "fulfillment_request_state", "account_id, source_id, code, since, subject_id, subject, assignee, snoozed_until"
_OF_TEXTS = ("mapped", "unmapped", "mapped_of_channel", "unmapped_of_channel", "channel_id_id")
AS_BEFORE_WHAT_CALLS_ADD = (
    *(f"DROP INDEX ix_{name}" for name in (
        "orders_channel_id_likeness_id", f"{_STATE}_status_source_id_id", "webhook_kept", "webhook_active",
        "handover_attempt_retry", "source_shipping_method_source_id_id", "shipping_policy_account_id_id",
        "routing_group_account_id_id", "webhook_delivery_ended", *(f"channel_shipping_method_{name}" for name in _OF_TEXTS),
    )),
    "CREATE INDEX ix_orders_channel_id_likeness_id ON orders (id)", "CREATE INDEX ix_webhook_account_id_id ON webhook (id)",
    "CREATE INDEX ix_handover_attempt_retry ON handover_attempt (id)",
    "CREATE INDEX ix_webhook_delivery_updated_at ON webhook_delivery (id)",
    "DROP INDEX ix_handover_attempt_late",
    *(sql for table, columns, more in (
        ("listing_variant", "channel_id_external_id", "id"), ("inventory_variant", "product_variant_id", "source_id"),
        ("shipment", "request_id", "tracking_number"),
    ) for sql in (f"DROP INDEX ix_{table}_{columns}_{more}", f"CREATE INDEX ix_{table}_{columns} ON {table} (id)")),
)  # fmt: skip
AS_BEFORE_CARE = (
    *AS_BEFORE_WHAT_CALLS_ADD,
    f"CREATE TABLE old AS SELECT {_OLD} FROM attention_item", "DROP TABLE attention_item", "DROP TABLE attention_group",
    "ALTER TABLE old RENAME TO attention_item", "CREATE TABLE attention_group (total bigint)", "DROP INDEX ix_order_item_unlinked",
    f"DROP INDEX ix_{_STATE}_watched",
    *(f"ALTER TABLE {_STATE} DROP COLUMN {name}" for name in ("held_until", "snoozed_until")),
    f"CREATE INDEX ix_{_STATE}_status_account_id_id ON {_STATE} (id)", "DROP INDEX ix_webhook_delivery_due",
    "CREATE INDEX ix_webhook_delivery_webhook_id_next_at ON webhook_delivery (webhook_id, next_at)",
    "UPDATE alembic_version SET version_num = '0013'",
)  # fmt: skip
AFTER_CARE = (
    "SELECT * FROM attention_item ORDER BY account_id, source_id, code, care, since, subject_id",
    "SELECT * FROM attention_group ORDER BY account_id, assignee, source_id, code, care",
    "SELECT id, held_until, snoozed_until FROM fulfillment_request_state ORDER BY id",
)


async def _raise(world: World, subject: str, subject_id: int, code: str, source: int | None) -> None:
    row = Attention(world.ours.account, source, subject, subject_id, code, "Look.", world.hub.clock())
    await world.hub.store.write(lambda tx: tx.raise_attention([row]))


async def _fill(url: str) -> dict[str, int]:
    """Stuck requests of every kind, one with an assignee and one snoozed, and whatever can be raised; ids by name."""
    store = await open_store(url)
    hub, writer = build_hub(store)
    world = World(hub, None, await merchant(hub, "ours"), await merchant(hub, "theirs"))
    source, actor = world.ours.sources[0], world.ours.actor
    for status in Status:
        await world.request(status)
    await world.request(Status.PROCESSING_ERROR, merchant=world.theirs)
    for care in ({"assignee": "Mei"}, {"snoozed_until": 4 * 10**15}, {"assignee": "Mei", "snoozed_until": 4 * 10**15}):
        id_ = await world.request(Status.PROCESSING_ERROR)
        edit = Edit(care=care)
        await hub.changes.change(Command(Action.EDIT, id_, actor, details=edit, outcome=edit.outcome))
    ids = {"alerted": await world.request(), "settled": await world.request(), "moved": await world.request(),
           "back": await world.request()}  # fmt: skip
    for id_ in ids.values():
        await _raise(world, "fulfillment_request", id_, "unsent", source)
    await store.write(
        lambda tx: tx.settle_attention(world.ours.account, "fulfillment_request", ids["settled"], ["unsent"], 10**16)
    )
    await _raise(world, "fulfillment_request", ids["alerted"], LATE[0], source)
    await _raise(world, "source", source, SOURCE_DOWN, source)
    await _raise(world, "webhook", 77, "webhook_defect", None)
    await hub.changes.change(Command(Action.PROCESSED, ids["moved"], actor))
    await hub.changes.change(Command(Action.FAIL, ids["back"], actor, details=FailureReport("It broke")))
    await hub.changes.change(Command(Action.PROCESS, ids["back"], actor, confirm_resend=True))
    await writer.close()
    await store.close()
    return ids


async def test_what_needs_somebody_is_written_and_the_rest_settled(database_url: str) -> None:
    ids = await _fill(database_url)
    await adds_up(database_url)
    expected = [await rows(database_url, sql) for sql in (LISTED, GROUPS_NOW, MARKS)]
    assert len(expected[0]) > 10
    raised = await rows(database_url, RAISED)
    # Before this schema, an alert stayed open until the next look of the clock.
    open_again = f"UPDATE attention SET settled_at = NULL WHERE subject_id IN ({ids['moved']}, {ids['back']})"
    for sql in (open_again, *AS_BEFORE):
        await run_sql(database_url, sql)
    await migrate(database_url, Plan(PLAN.revisions[: BEFORE + 1], PLAN.folders))
    assert [await rows(database_url, sql) for sql in (LISTED, GROUPS, MARKS)] == expected
    now = await rows(database_url, RAISED)
    settled = {row["subject_id"]: row for row in now if row["subject_id"] in (ids["moved"], ids["back"])}
    assert [row for row in now if row["subject_id"] not in settled] == [
        row for row in raised if row["subject_id"] not in settled
    ]
    assert len(settled) == 2
    assert all(row["settled_at"] >= row["raised_at"] for row in settled.values())


async def test_what_is_assigned_or_snoozed_is_kept_apart_by_a_migration(database_url: str) -> None:
    await _fill(database_url)
    for table, column in (("fulfillment_request", "hold_until"), ("fulfillment_request_state", "held_until")):
        await run_sql(database_url, f"UPDATE {table} SET {column} = 7 WHERE id = 1")
    expected = [await rows(database_url, sql) for sql in AFTER_CARE]
    assert {row["care"] for row in expected[0]} == {0, 1, 2, 3}
    assert {row["assignee"] for row in expected[1]} == {"", "Mei"}
    assert {(row["held_until"], row["snoozed_until"]) for row in expected[2]} == {(0, 0), (7, 0), (0, 4 * 10**15)}
    for sql in AS_BEFORE_CARE:
        await run_sql(database_url, sql)
    await migrate(database_url)
    assert [await rows(database_url, sql) for sql in AFTER_CARE] == expected
    await adds_up(database_url)
