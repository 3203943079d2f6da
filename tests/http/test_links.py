"""URLs that people will click: http and https only, wherever one comes in."""

import json
from typing import Any

import pytest

from tests.support.asgi import Reply
from tests.support.contract import CONTRACT
from tests.support.database import contents, rows
from tests.support.stocked import stocked
from tests.support.world import World

BAD = (
    "javascript:alert(1)", "JavaScript:alert(1)//https://x.example", "data:text/html,<b>x", "vbscript:x", "file:///etc/x",
    "ftp://carrier.example/1Z", "//carrier.example/1Z", "carrier.example/1Z", "/1Z", "https:", "https://", "https:///1Z",
    "https:/carrier.example", "https:carrier.example", "java\nscript:alert(1)", "https://carrier.example/\n1Z",
    "\u200bjavascript:alert(1)", "https://\u202eelpmaxe.reirrac/", "https://carrier.example\\@evil.example/",
    "https://carrier.example@evil.example/", "http\u017f://carrier.example/", "https://carrier.example/\u2066x",
    "blob:https://carrier.example/x", "view-source:https://carrier.example", "https ://carrier.example/",
)  # fmt: skip
GOOD = (
    "https://carrier.example/1Z", "http://carrier.example/track?n=1Z%20A&x=@b#top", "HTTPS://Carrier.Example:8443",
    "https://bücher.example/Sendung/ä b", "https://carrier.example?n=1",
)  # fmt: skip


def faults(reply: Reply) -> list[dict[str, Any]]:
    """What is wrong."""
    assert reply.status == 400, reply.body
    found: list[dict[str, Any]] = reply.json()["errors"]
    return found


async def post(world: World, request: Any, url: str, token: str = "acc") -> Reply:
    items = [{"sku": "SKU-A", "quantity": 1}]
    parcel = {"trackingNumber": f"1Z-{url[-40:]}", "trackingUrl": url, "shipmentItems": items}
    return await world.client(token).post("/shipments", json={"fulfillmentRequestId": request["id"], "shipment": parcel})


@pytest.mark.parametrize("url", BAD)
async def test_what_is_no_web_address_is_refused_by_field_and_value(world: World, migrated_url: str, url: str) -> None:
    request = await stocked(world, migrated_url)
    made = (await post(world, request, "https://carrier.example/1")).json()
    before = await contents(migrated_url)
    for token in ("acc", "src"):
        (fault,) = faults(await post(world, request, url, token))
        assert (fault["pointer"], fault["code"]) == ("/shipment/trackingUrl", "bad_url")
        assert json.dumps(url) in fault["message"]
    (fault,) = faults(await world.client().patch("/shipments", json={"id": made["id"], "trackingUrl": url}))
    assert (fault["pointer"], fault["code"]) == ("/trackingUrl", "bad_url")
    assert await contents(migrated_url) == before


async def test_a_web_address_is_kept_as_it_was_given(world: World, migrated_url: str) -> None:
    request = await stocked(world, migrated_url)
    made = (await post(world, request, GOOD[0])).json()
    for url in GOOD:
        reply = await world.client().patch("/shipments", json={"id": made["id"], "trackingUrl": url})
        assert (reply.status, reply.json()["trackingUrl"]) == (200, url)
    reply = await world.client().patch("/shipments", json={"id": made["id"], "trackingUrl": ""})
    assert reply.json()["trackingUrl"] is None


async def test_what_an_older_release_has_stored_is_still_read(world: World, migrated_url: str) -> None:
    """And does not stand in the way of other changes; the document tells clients to look before they show it."""
    request = await stocked(world, migrated_url)
    made = (await post(world, request, GOOD[0])).json()
    await rows(migrated_url, "UPDATE shipment SET tracking_url = 'javascript:alert(1)'")
    assert (await world.client().get(f"/shipments/{made['id']}")).json()["trackingUrl"] == "javascript:alert(1)"
    reply = await world.client().patch("/shipments", json={"id": made["id"], "note": "x"})
    assert (reply.status, reply.json()["note"]) == (200, "x")


def test_the_document_has_no_other_url_that_comes_in() -> None:
    """A new one belongs into this list, and to `wire.links.judge_link` if people will click it."""
    schemas: dict[str, Any] = CONTRACT.document["components"]["schemas"]
    named = {
        f"{schema}.{name}"
        for schema, body in schemas.items() if schema.endswith("Input") or schema.startswith(("Create", "Update", "Edit"))
        for name in body.get("properties", {})
        if any(word in name.lower() for word in ("url", "link", "image", "href", "uri"))
    }  # fmt: skip
    clicked = {"ShipmentInput.trackingUrl", "UpdateShipmentInput.trackingUrl"}
    assert named == clicked | {"CreateWebhookInput.webhookUrl", "UpdateWebhookInput.webhookUrl"}
