"""A reason or a name that nobody can see is blank, wherever one is required: nothing is changed by it."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.support.database import contents
from tests.support.world import World
from waypost.app.accounts import create_account
from waypost.domain.refusals import Invalid

UNSEEN = ("\u200b", "\u2060\ufeff", "\u00ad", "\u3164", "\x01\x1b", "\u2800", "\u202e\u2069", "\u115f\ufe0f\U000e0100")


def blank(errors: list[dict[str, Any]]) -> set[str]:
    """Where something is blank, or required and not there."""
    return {error.get("pointer", error.get("parameter")) for error in errors if error["code"] in ("blank", "required")}


@pytest.mark.parametrize("text", UNSEEN)
async def test_a_reason_that_nobody_can_see_is_none(world: World, migrated_url: str, text: str) -> None:
    id_ = await world.request()
    client, unseen = world.client(), quote(text)
    before = await contents(migrated_url)
    for path in ("fulfillment-requests", "purchase-orders"):
        reply = await client.patch(f"/{path}/{id_}/processing-failed?error={unseen}")
        assert (reply.status, blank(reply.json()["errors"])) == (400, {"error"})
    bulk = {"action": "fail", "items": [{"id": id_, "error": text}]}
    reply = await client.post("/fulfillment-requests/bulk", json=bulk)
    assert (reply.status, blank(reply.json()["errors"])) == (400, {"/items/0/error"})
    note = {"note": text, "items": [{"subject": {"type": "fulfillment_request", "id": id_}, "code": "unknown"}]}
    reply = await client.post("/attention/settle", json=note)
    assert (reply.status, blank(reply.json()["errors"]) >= {"/note"}) == (400, True)
    flagged = [{"id": 1, "syncError": text}]
    reply = await client.call("PUT", "/shipments/flag-with-errors", json=flagged)
    assert (reply.status, blank(reply.json()["errors"])) == (400, {"/0/syncError"})
    for target, names in (("/sources", ("name",)), ("/channel/", ("name",)), ("/routing-groups", ("name",))):
        reply = await client.post(target, json=dict.fromkeys(names, text))
        assert reply.status == 400, target
        assert blank(reply.json()["errors"]) >= {f"/{name}" for name in names}, target
    assert await contents(migrated_url) == before


@pytest.mark.parametrize("text", UNSEEN)
async def test_a_reason_that_is_optional_is_absent(world: World, text: str) -> None:
    id_ = await world.request()
    reply = await world.client().patch(f"/fulfillment-requests/{id_}/cancel?reason={quote(text)}")
    assert reply.status == 200
    timeline = (await world.client().get(f"/fulfillment-requests/{id_}/events")).json()
    assert timeline[-1]["reason"] is None
    listed = await world.client().get(f"/fulfillment-requests?frNumbers={quote(text)}")
    assert [one["id"] for one in listed.json()] == [id_], "an empty filter is no filter"


async def test_a_required_field_that_nobody_can_see_blocks(world: World) -> None:
    from waypost.domain.numbering import blocking_status
    from waypost.domain.statuses import Status

    for text in UNSEEN:
        assert blocking_status("1", None, False, ["x"], {"x": text}) is Status.ADDITIONAL_INFO_REQUIRED
        with pytest.raises(Invalid):
            await create_account(world.hub.store, text, 1)
