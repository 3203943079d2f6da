"""URLs that people will click: http and https only, wherever one comes in."""

import json
import re
from typing import Any

import pytest

from tests.support.asgi import Reply
from tests.support.contract import CONTRACT
from tests.support.database import contents, rows
from tests.support.stocked import stocked
from tests.support.world import World
from waypost.wire.faults import Fault
from waypost.wire.links import SHOWN_AT_MOST, judge_link

BAD = (
    "javascript:alert(1)", "JavaScript:alert(1)//https://x.example", "data:text/html,<b>x", "vbscript:x", "file:///etc/x",
    "ftp://carrier.example/1Z", "//carrier.example/1Z", "carrier.example/1Z", "/1Z", "https:", "https://", "https:///1Z",
    "https:/carrier.example", "https:carrier.example", "java\nscript:alert(1)", "https://carrier.example/\n1Z",
    "\u200bjavascript:alert(1)", "https://\u202eelpmaxe.reirrac/", "https://carrier.example\\@evil.example/",
    "https://carrier.example@evil.example/", "http\u017f://carrier.example/", "https://carrier.example/\u2066x",
    "blob:https://carrier.example/x", "view-source:https://carrier.example", "https ://carrier.example/",
    "https://<script>alert(1)</script>", 'https://carrier.example"onmouseover=alert(1)', "https://[/", "https://..",
    "https://host:99999/", "https://host:0/", "https://host:abc/", "https://host:/", "https://host:80:80/", "https://host:٤٤٣/",
    "https://.carrier.example/", "https://carrier..example/", "https://-/", "https://carrier-.example/", "https://a,b/",
    "https://carrier.example!/", "https://carrier(1).example/", "https://%63arrier.example/", "https://a&b/", "https://*/",
    "https://[::1", "https://::1/", "https://[::g]/", "https://[fe80::1%25eth0]/", "https://[1.2.3.4]/", "https://[]/",
    "https://1.2.3/", "https://1.2.3.256/", "https://01.2.3.4/", "https://0x7f.1/", "https://2130706433/", "https://1.2.3.4./",
    "https://１27.0.0.1/", "https://carrier。example/", "https://carrier\uff0fevil.example/", "https://ｃarrier.example/",
    "https://carrier\u2044x.example/", f"https://{'a' * 64}.example/", f"https://{'a.' * 127}example/",
    *(f"https://carrier.example/1Z{one}x" for one in "<>\"'`{}|^\\ \t\xa0\u3000"),
    *(f"https://carrier.example{one}x/1Z" for one in "<>\"'`{}|^\\ \t\xa0\u3000"),
    "https://carrier.example/?q='onload=1", "https://carrier.example/#<b>", "https://carrier.example?a b",
)  # fmt: skip
GOOD = (
    "https://carrier.example/1Z", "http://carrier.example/track?n=1Z%20A&x=@b#top", "HTTPS://Carrier.Example:8443",
    "https://bücher.example/Sendung/ä%20b", "https://carrier.example?n=1", "https://carrier.example#top",
    "https://192.0.2.1:65535/1Z", "https://[2001:DB8::1]:1/1Z", "https://[::ffff:192.0.2.1]", "https://localhost/", "https://carrier.example./",
    "https://a-b.c_d.1e100.example/x", "https://xn--bcher-kva.example/", "https://bu\u0308cher.example/", "https://例え.テスト/",
    "https://हिन्दी.भारत/", "https://مثال.example/", "https://BÜCHER.example/", "https://carrier.example/%3Cb%3E%22%27%60%7B%7D%7C%5E%5C",
    "https://carrier.example/a;b=1,2(3)[4]!$&*+~:@%zz?u=https://x.example/",
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


async def test_what_is_no_web_address_is_refused_by_field_and_value(world: World, migrated_url: str) -> None:
    request = await stocked(world, migrated_url)
    made = (await post(world, request, "https://carrier.example/1")).json()
    before = await contents(migrated_url)
    for url in BAD:
        for token in ("acc", "src"):
            (fault,) = faults(await post(world, request, url, token))
            assert (fault["pointer"], fault["code"]) == ("/shipment/trackingUrl", "bad_url"), url
            assert json.dumps(url[:SHOWN_AT_MOST]) in fault["message"]
        (fault,) = faults(await world.client().patch("/shipments", json={"id": made["id"], "trackingUrl": url}))
        assert (fault["pointer"], fault["code"]) == ("/trackingUrl", "bad_url"), url
    assert await contents(migrated_url) == before


async def test_a_web_address_is_kept_as_it_was_given(world: World, migrated_url: str) -> None:
    request = await stocked(world, migrated_url)
    made = (await post(world, request, GOOD[0])).json()
    for url in GOOD:
        reply = await world.client().patch("/shipments", json={"id": made["id"], "trackingUrl": url})
        assert (reply.status, reply.json()["trackingUrl"]) == (200, url)
    reply = await world.client().patch("/shipments", json={"id": made["id"], "trackingUrl": ""})
    assert reply.json()["trackingUrl"] is None


def test_the_document_takes_what_is_taken() -> None:
    """Its pattern cannot judge every host, but refuses each character that is refused."""
    for schema in ("ShipmentInput", "UpdateShipmentInput"):
        pattern = CONTRACT.document["components"]["schemas"][schema]["properties"]["trackingUrl"]["pattern"]
        assert [url for url in (*GOOD, "") if re.search(pattern, url) is None] == []
        unfit = [url for url in BAD if re.search("[<>\"'`{}|^\\\\\\s]", url) or "://" not in url]
        assert len(unfit) > 40
        assert [url for url in unfit if re.search(pattern, url)] == []


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://a.example", "must be an http or https URL with a host"),
        ("https://a.example/a b", "must have blanks, backslashes and the characters < > \" ' ` { } | ^ percent-encoded"),
        ("https://a<b", "must have blanks, backslashes and the characters < > \" ' ` { } | ^ percent-encoded"),
        ("https://a..b/", "must have a host that is a name, an IPv4 address or an IPv6 address in brackets"),
        ("https://a:70000/", "must have a port from 1 to 65535"), ("https://a:123456/", "must have a port from 1 to 65535"),
        ("https://a:abc/", "must have a port from 1 to 65535"),
    ],
)  # fmt: skip
def test_the_message_says_what_to_mend(url: str, says: str) -> None:
    faults: list[Fault] = []
    judge_link(url, "/trackingUrl", faults)
    assert [fault.message for fault in faults] == [f"/trackingUrl {says}, not {json.dumps(url)}."]


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
