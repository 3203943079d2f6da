"""One key on every operation that takes one, in every case, on both engines: the reviewed table (contract section 1.4)."""

import pytest

from tests.idempotency import calls as calls_module
from tests.idempotency.calls import Missing, calls, sample, takes, with_key, without_key
from tests.idempotency.cases import Case
from tests.idempotency.databases import Databases
from tests.idempotency.hubs import keyed, running
from tests.idempotency.table import COLUMNS, expected
from tests.support.contract import CONTRACT

# Operations that change nothing, or nothing that could be made twice.
NO_KEY = {
    "preview_order_generation": "routes, and writes nothing",
    "test_source_delivery": "sends a sample to the source, and writes nothing",
}
# A secret is in the first reply only.
SHOWN_ONCE = {"create_webhook_configuration", "create_webhook_configuration_right_spelling", "rotate_webhook_secret"}


@pytest.mark.parametrize("call", calls())
async def test_one_key_has_the_expected_results(call: str, prepared: Databases, socket: str) -> None:
    assert await Case(prepared, socket, sample(call)).cells() == expected()[call]


async def test_the_same_request_under_its_older_name_is_another_operation(prepared: Databases) -> None:
    """Path id, parameters and body are the same: the record names the operation, too."""
    one, older = sample("mark_fulfillment_request_processed"), sample("mark_purchase_order_processed")
    async with running(await prepared.fresh_for(one)) as hub:
        token = prepared.holder(one.token).first
        assert (await hub.call(one, token, keyed("k"))).status == 200
        refusal = await hub.call(older, token, keyed("k"))
    assert refusal.status == 422, refusal
    assert refusal.json()["code"] == "idempotency_key_reused"


def test_every_operation_that_takes_a_key_is_in_the_table() -> None:
    assert list(expected()) == calls()
    assert set(with_key()) <= set(calls())


def test_every_operation_that_changes_something_takes_a_key_and_has_a_dry_run() -> None:
    assert without_key() == set(NO_KEY)
    assert [name for name in with_key() if CONTRACT.operations[name][0] == "GET"] == ["pull_processing_fulfillment_requests"]
    assert [name for name in with_key() if not takes(name, "dryRun")] == []
    assert all(len(reason) > 10 for reason in NO_KEY.values())


@pytest.mark.parametrize("call", calls())
def test_every_line_of_the_table_says_what_the_contract_says(call: str) -> None:
    """So that nobody takes over what was found without a look. The other columns are the operation's own."""
    cells = expected()[call]
    status = cells["first"].split()[0]
    replay = "=-secret" if call in SHOWN_ONCE else "="
    known = {
        "again": replay, "other": "422", "rotated": replay, "restart": replay, "busy": f"{status} 409 {replay}",
        "batch": f"{replay} =", "processes": f"{status} once {replay}", "dry": "200",
    }  # fmt: skip
    assert {column: cells[column] for column in known} == known
    assert status in ("200", "201", "202", "204")
    assert set(cells) == set(COLUMNS)
    assert not any("!" in cell or "unchanged" in cell or "=" in cells["later"] for cell in cells.values())
    assert cells["family"] == cells["later"] if cells["later"] != "200" else cells["family"].endswith(replay)


def test_an_operation_without_a_call_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "_examples", dict)
    with pytest.raises(Missing, match="create_order takes Idempotency-Key: write a call of create_order into"):
        sample("create_order")
