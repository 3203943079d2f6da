"""Source invoices (contract section 4): posted, read, told what accounting made of them."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.http.test_shipments import faults, read
from tests.support.asgi import Reply
from tests.support.checking import adds_up, findings
from tests.support.database import contents, rows
from tests.support.stocked import stocked
from tests.support.world import World
from waypost.app import invoices as app
from waypost.app.invoices import ITEMS_AT_MOST
from waypost.domain.invoices import Invoice, InvoiceItem
from waypost.domain.statuses import Status
from waypost.storage.invoices import InvoiceWriting

PRODUCT = {"invoiceItemType": "product", "sku": "SKU-A", "quantity": 2, "perUnitCost": 12.5}
SHIPPING = {"invoiceItemType": "shipping", "title": "Ground", "cost": 4.9}


async def post(world: World, request_id: int, *items: dict[str, Any], token: str = "acc", **more: Any) -> Reply:
    body = {"fulfillmentRequestId": request_id, "invoiceItems": list(items or (PRODUCT, SHIPPING)), **more}
    return await world.client(token).post("/source-invoices", json=body)


async def patch(world: World, id_: int, token: str = "acc", query: str = "", headers: Any = None, **changes: Any) -> Reply:
    return await world.client(token).patch(f"/source-invoices/{id_}{query}", json=changes, headers=headers)


async def test_an_invoice_has_its_defaults_totals_and_marks_its_request(world: World, migrated_url: str) -> None:
    request = await stocked(world, migrated_url)
    assert (await world.client().get("/fulfillment-requests?filterInvoiced=true")).json() == []
    reply = await post(world, request["id"], PRODUCT, SHIPPING, *(
        {"invoiceItemType": kind, "cost": cost} for kind, cost in (("fee", 1), ("tax", 2.0001), ("other", 0), ("tax", 3))
    ), token="src")  # fmt: skip
    made = reply.json()
    assert (reply.status, reply.headers["etag"]) == (200, '"1"')
    number = request["fulfillmentRequestNumber"]
    expected = {
        "invoiceStatus": {"name": "Paid", "handle": "paid"}, "invoiceNumber": number, "fulfillmentRequestNumber": number,
        "purchaseOrderNumber": number, "purchaseOrderId": request["id"], "fulfillmentRequestId": request["id"],
        "sourceId": world.ours.sources[0], "invoiceDate": made["insertedAt"], "updatedAt": made["insertedAt"],
        "totalCost": 35.9001, "totalProductCost": 25, "totalShippingCost": 4.9, "totalFeeCost": 1,
        "totalTaxCost": 5.0001, "totalOtherCost": 0, "totalCreditCost": 0, "totalQuantity": 2, "rmaId": None,
        "accountingSynced": None, "accountingSyncError": None, "externalAccountingId": None, "commission": None,
        "vendorPayoutId": None, "customFields": [],
    }  # fmt: skip
    assert {name: made[name] for name in expected} == expected
    first = made["invoiceItems"][0]
    variant = request["fulfillmentRequestItems"][0]["inventoryVariantId"]
    assert (first["sku"], first["title"], first["sourceVariantId"]) == ("SKU-A", "SKU-A", variant)
    assert (first["quantity"], first["perUnitCost"], first["cost"], first["invoiceId"]) == (2, 12.5, 25, made["id"])
    assert [item["invoiceItemType"]["name"] for item in made["invoiceItems"]] == [
        "Product", "Shipping", "Fee", "Tax", "Other", "Tax",
    ]  # fmt: skip
    assert (await world.client("src").get(f"/source-invoices/{made['id']}")).body == reply.body
    # The request is marked, in its version, its filter and its timeline; its status stays.
    now = await read(world, request)
    assert now["version"] == request["version"] + 1
    assert now["fulfillmentRequestStatus"] == request["fulfillmentRequestStatus"]
    found = (await world.client().get("/fulfillment-requests?filterInvoiced=true")).json()
    assert [one["id"] for one in found] == [request["id"]]
    told = (await world.client("src").get(f"/fulfillment-requests/{request['id']}/events")).json()[-1]
    assert (told["type"], told["data"]) == ("fulfillment_request.invoiced", {"sourceInvoiceId": made["id"]})
    await adds_up(migrated_url)


async def test_what_is_given_stands(world: World, migrated_url: str) -> None:
    request = await stocked(world, migrated_url)
    await rows(migrated_url, "UPDATE inventory_variant SET title = 'A thing' WHERE sku = 'SKU-A'")
    variant = request["fulfillmentRequestItems"][0]["inventoryVariantId"]
    given = {"invoiceNumber": "INV-7", "invoiceStatus": "unpaid", "invoiceDate": "2026-04-20",
             "customFields": [{"name": "terms", "value": "30 days"}]}  # fmt: skip
    items: list[dict[str, Any]] = [
        {"invoiceItemType": "product", "inventoryVariantId": variant, "quantity": 3, "cost": 10,
         "customFields": [{"name": "lot"}]},
        {"invoiceItemType": "product", "sku": "SKU-A", "title": "Mine", "quantity": 3, "cost": 10, "perUnitCost": 4},
        {"invoiceItemType": "product", "sku": "NOT-OURS", "perUnitCost": 0.0001, "quantity": 10**6},
        {"invoiceItemType": "fee", "sku": "HANDLING", "cost": 0},
    ]  # fmt: skip
    made = (await post(world, request["id"], *items, **given)).json()
    assert (made["invoiceNumber"], made["invoiceStatus"]["handle"]) == ("INV-7", "unpaid")
    assert made["invoiceDate"] == "2026-04-20T00:00:00.000000Z"
    assert made["customFields"] == [{"id": 1, "name": "terms", "value": "30 days"}]
    shown = [
        (i["sku"], i["title"], i["sourceVariantId"], i["quantity"], i["perUnitCost"], i["cost"])
        for i in made["invoiceItems"]
    ]  # fmt: skip
    assert shown == [
        ("SKU-A", "A thing", variant, 3, 3.3333, 10), ("SKU-A", "Mine", variant, 3, 4, 10),
        ("NOT-OURS", "NOT-OURS", None, 10**6, 0.0001, 100), ("HANDLING", None, None, 1, 0, 0),
    ]  # fmt: skip
    assert (made["totalProductCost"], made["totalQuantity"]) == (120, 10**6 + 6)
    again = (await post(world, request["id"], purchaseOrderId=request["id"])).json()
    assert (again["id"], (await read(world, request))["version"]) == (made["id"] + 1, request["version"] + 2)
    await adds_up(migrated_url)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"invoiceItems": []}, {("/invoiceItems", "too_few_items")}),
        ({"invoiceItems": None}, {("/invoiceItems", "wrong_type")}),
        ({"fulfillmentRequestId": None}, {("/fulfillmentRequestId", "required")}),
        ({"purchaseOrderId": 10**9}, {("/purchaseOrderId", "contradiction")}),
        ({"invoiceStatus": "open", "invoiceDate": 5}, {("/invoiceStatus", "unknown_value"), ("/invoiceDate", "wrong_type")}),
        ({"invoiceDate": "soon"}, {("/invoiceDate", "bad_date")}),
        ({"invoiceItems": [{"invoiceItemType": "gift", "cost": 1}, {"cost": 1}]},
         {("/invoiceItems/0/invoiceItemType", "unknown_value"), ("/invoiceItems/1/invoiceItemType", "required")}),
        ({"invoiceItems": [{"invoiceItemType": "product", "cost": 1}, {"invoiceItemType": "fee"}]},
         {("/invoiceItems/0/sku", "required"), ("/invoiceItems/1/cost", "required")}),
        ({"invoiceItems": [{**PRODUCT, "quantity": q} for q in (0, -1, 1.5, 10**9 + 1)]},
         {("/invoiceItems/0/quantity", "out_of_range"), ("/invoiceItems/1/quantity", "out_of_range"),
          ("/invoiceItems/2/quantity", "wrong_type"), ("/invoiceItems/3/quantity", "out_of_range")}),
        ({"invoiceItems": [{**SHIPPING, "cost": c} for c in (-1, 0.00001, 10**11)]},
         {("/invoiceItems/0/cost", "negative"), ("/invoiceItems/1/cost", "bad_amount"),
          ("/invoiceItems/2/cost", "bad_amount")}),
        ({"invoiceItems": [{**PRODUCT, "perUnitCost": 10**10, "quantity": 10}]},
         {("/invoiceItems", "bad_amount"), ("/invoiceItems/0/perUnitCost", "bad_amount")}),
        ({"invoiceItems": [{**SHIPPING, "cost": 99_999_999_999}] * 2}, {("/invoiceItems", "bad_amount")}),
        ({"invoiceItems": [{**PRODUCT, "inventoryVariantId": 10**9}]},
         {("/invoiceItems/0/inventoryVariantId", "unknown_variant")}),
        ({"invoiceItems": [SHIPPING] * 1001}, {("/invoiceItems", "too_many_items")}),
    ],
)  # fmt: skip
async def test_bad_input_is_named_and_changes_nothing(
    world: World, migrated_url: str, body: dict[str, Any], expected: set[tuple[str, str]]
) -> None:
    request = await stocked(world, migrated_url)
    before = await contents(migrated_url)
    whole = {"fulfillmentRequestId": request["id"], "invoiceItems": [PRODUCT], **body}
    reply = await world.client().post("/source-invoices", json=whole)
    assert (reply.status, faults(reply)) == (400, expected)
    assert await contents(migrated_url) == before


async def test_another_sources_inventory_is_not_charged(world: World, migrated_url: str) -> None:
    request, far = await stocked(world, migrated_url), await stocked(world, migrated_url, source=1)
    near, other = (one["fulfillmentRequestItems"][0]["inventoryVariantId"] for one in (request, far))
    for item in ({**PRODUCT, "inventoryVariantId": other}, {**PRODUCT, "sku": "SKU-B", "inventoryVariantId": near}):
        reply = await post(world, request["id"], item)
        assert faults(reply) == {("/invoiceItems/0/inventoryVariantId", "unknown_variant")}


async def test_everybody_sees_their_own(world: World, migrated_url: str) -> None:
    near, far = await stocked(world, migrated_url), await stocked(world, migrated_url, source=1)
    hidden, theirs = await world.request(Status.UNPROCESSED), await world.request(merchant=world.theirs)
    mine, other = (await post(world, near["id"])).json()["id"], (await post(world, far["id"])).json()["id"]
    kept_back = (await post(world, hidden)).json()["id"]
    seen = {"acc": [mine, other, kept_back], "src": [mine], "src2": [other]}
    for token, expected in seen.items():
        client = world.client(token)
        query = f"?filterSourceId={world.ours.sources[1]}"
        listed = [one["id"] for one in (await client.get("/source-invoices")).json()]
        assert listed == expected
        filtered = [one["id"] for one in (await client.get(f"/source-invoices{query}")).json()]
        assert filtered == ([other] if token == "acc" else expected)  # a source token's own source goes without saying
        for id_ in (mine, other, kept_back):
            shown = (await client.get(f"/source-invoices/{id_}")).status, (await patch(world, id_, token)).status
            assert shown == ((200, 200) if id_ in expected else (404, 404))
    for request_id in (far["id"], hidden, theirs):
        assert (await post(world, request_id, token="src")).status == 404
    for id_ in (mine, 10**9, "x"):
        assert (await world.client("acc", world.theirs).get(f"/source-invoices/{id_}")).status == 404
    assert (await post(world, theirs)).status == 404


async def test_the_list_has_its_filters_and_pages(world: World, migrated_url: str) -> None:
    one, two = await stocked(world, migrated_url), await stocked(world, migrated_url)
    made = [(await post(world, request["id"])).json() for request in (one, one, two, two)]
    ids = [invoice["id"] for invoice in made]
    await patch(world, ids[0], accountingSynced=True)
    await patch(world, ids[1], accountingSynced=False, accountingSyncError="no such vendor")
    synced = {"accountingSynced": True}
    assert (await world.client().patch(f"/fulfillment-requests/{two['id']}/accounting-sync", json=synced)).status == 204
    for query, expected in [
        ("", ids), (f"filterPurchaseOrderId={two['id']}", ids[2:]), ("isAccountingSynced=true", ids[:1]),
        ("isAccountingSynced=false", ids[1:]), ("hasAccountingSyncError=true", ids[1:2]),
        ("hasAccountingSyncError=false", [ids[0], *ids[2:]]), ("isForSyncedAccountingPurchaseOrder=true", ids[2:]),
        ("isForSyncedAccountingPurchaseOrder=false", ids[:2]), (f"ids={ids[3]},{ids[0]}", [ids[0], ids[3]]),
        (f"ids={ids[3]}&ids={ids[1]}&filterPurchaseOrderId={two['id']}", ids[3:]),
        (f"filterCreatedAfter={made[1]['insertedAt']}", ids[2:]), ("filterPageSize=3", ids[:3]),
        ("filterPageSize=3&filterPageNumber=2", ids[3:]), ("filterPageNumber=7", []),
        (f"filterSourceId={world.ours.sources[1]}", []),
    ]:  # fmt: skip
        reply = await world.client().get(f"/source-invoices?{query}")
        assert [invoice["id"] for invoice in reply.json()] == expected, query
    many = ",".join(map(str, range(1, 52)))
    for query, expected_code in [(f"ids={many}", "too_many_values"), ("ids=1,x", "not_an_id"), ("filterPageSize=0", "out_of_range"),
                                 ("isAccountingSynced=perhaps", "not_a_boolean"), ("filterCreatedAfter=x", "bad_date")]:  # fmt: skip
        reply = await world.client().get(f"/source-invoices?{query}")
        assert {code for _, code in faults(reply)} == {expected_code}


async def test_accounting_tells_what_it_made_of_it(world: World, migrated_url: str) -> None:
    request = await stocked(world, migrated_url)
    made = (await post(world, request["id"])).json()
    version = (await read(world, request))["version"]
    item = made["invoiceItems"][1]["id"]
    failed = await patch(world, made["id"], accountingSyncError="closed period")
    assert failed.json()["accountingSyncError"] == "closed period"
    reply = await patch(
        world, made["id"], token="src", accountingSynced=True, externalAccountingId="BILL-9", status="credited",
        vendorPayoutId=55, totalCreditCost=2.5, items=[{"invoiceItemId": item, "externalAccountingItemId": "L2"},
                                                       {"externalAccountingItemId": "L3"}],
    )  # fmt: skip
    now = reply.json()
    assert reply.headers["etag"] == '"3"'
    assert (now["accountingSynced"], now["accountingSyncError"], now["externalAccountingId"]) == (True, None, "BILL-9")
    assert (now["invoiceStatus"]["name"], now["vendorPayoutId"], now["totalCreditCost"]) == ("Credited", 55, 2.5)
    assert [i["externalAccountingItemId"] for i in now["invoiceItems"]] == [None, "L2", "L3"]
    assert now["invoiceItems"][2]["invoiceItemType"]["handle"] == "other"
    assert (now["totalCost"], now["updatedAt"] > made["updatedAt"]) == (made["totalCost"], True)
    before = await contents(migrated_url)
    same = await patch(world, made["id"], status="credited", vendorPayoutId=55, accountingSyncError=None, items=[])
    assert (same.body, same.headers["etag"]) == (reply.body, '"3"')
    assert (await patch(world, made["id"])).body == reply.body
    for changes, expected in [
        ({"status": "open", "vendorPayoutId": 0}, {("/status", "unknown_value"), ("/vendorPayoutId", "out_of_range")}),
        ({"items": [{"invoiceItemId": item}]}, {("/items/0/externalAccountingItemId", "required")}),
        ({"items": [{"invoiceItemId": 10**9, "externalAccountingItemId": "L"}]}, {("/items/0/invoiceItemId", "unknown_item")}),
        ({"items": [{"invoiceItemId": item, "externalAccountingItemId": "L"}] * 2}, {("/items/1/invoiceItemId", "repeated_id")}),
        ({"totalCreditCost": -1}, {("/totalCreditCost", "negative")}),
    ]:  # fmt: skip
        wrong = await patch(world, made["id"], **changes)  # type: ignore[arg-type]
        assert (wrong.status, faults(wrong)) == (400, expected)
    assert await contents(migrated_url) == before
    events = await rows(migrated_url, "SELECT type, data FROM event WHERE subject = 'source_invoice' ORDER BY seq")
    assert [event["type"] for event in events] == ["source_invoice.updated"] * 2
    assert '"items"' in events[1]["data"]
    for token, told in (("acc", 2), ("src", 2), ("src2", 0), ("chn", 0)):
        feed = (await world.client(token).get("/events?types=source_invoice.*")).json()
        assert len(feed["events"]) == told, token
    assert (await read(world, request))["version"] == version
    cleared = await patch(world, made["id"], externalAccountingId="")
    assert cleared.json()["externalAccountingId"] is None
    await adds_up(migrated_url)


async def test_an_invoice_has_only_so_many_items(
    world: World, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = await stocked(world, migrated_url)
    made = (await post(world, request["id"])).json()
    unknown = {"invoiceItemId": 10**9, "externalAccountingItemId": "L"}
    more = [{"externalAccountingItemId": f"L{number}"} for number in range(ITEMS_AT_MOST - 1)]
    before = await contents(migrated_url)
    for query in ("", "?dryRun=true"):
        refused = await patch(world, made["id"], query=query, status="unpaid", items=more)
        assert (refused.status, faults(refused)) == (400, {("/items", "too_many_items")})
        message = f"An invoice has at most {ITEMS_AT_MOST} items; this one would have {ITEMS_AT_MOST + 1}."
        assert [error["message"] for error in refused.json()["errors"]] == [message]
    both = await patch(world, made["id"], items=[*more, unknown])
    assert faults(both) == {("/items", "too_many_items"), (f"/items/{len(more)}/invoiceItemId", "unknown_item")}
    assert await contents(migrated_url) == before
    full = await patch(world, made["id"], items=more[1:])
    assert (full.status, len(full.json()["invoiceItems"])) == (200, ITEMS_AT_MOST)
    assert faults(await patch(world, made["id"], items=more[:1])) == {("/items", "too_many_items")}
    # One that was stored with more items takes any change but another item.
    monkeypatch.setattr(app, "ITEMS_AT_MOST", 3)
    named = {"invoiceItemId": made["invoiceItems"][0]["id"], "externalAccountingItemId": "L"}
    assert faults(await patch(world, made["id"], items=[named, *more[:1]])) == {("/items", "too_many_items")}
    changed = await patch(world, made["id"], status="unpaid", items=[named])
    assert (changed.status, changed.json()["invoiceItems"][0]["externalAccountingItemId"]) == (200, "L")
    await adds_up(migrated_url)


async def test_only_items_that_change_are_written(
    world: World, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = await stocked(world, migrated_url)
    made = (await post(world, request["id"])).json()
    first, second = (item["id"] for item in made["invoiceItems"])
    written: list[list[int]] = []
    update = InvoiceWriting.update_invoice

    async def noted(self: InvoiceWriting, invoice: Invoice, items: Sequence[InvoiceItem]) -> None:
        written.append([item.id for item in items])
        await update(self, invoice, items)

    monkeypatch.setattr(InvoiceWriting, "update_invoice", noted)
    names = [{"invoiceItemId": id_, "externalAccountingItemId": f"L{id_}"} for id_ in (first, second)]
    for changes in ({"items": names[1:]}, {"items": names}, {"items": names, "status": "unpaid"}, {"status": "paid"}):
        assert (await patch(world, made["id"], **changes)).status == 200  # type: ignore[arg-type]
    assert written == [[second], [first], [], []]
    shown = (await world.client().get(f"/source-invoices/{made['id']}")).json()["invoiceItems"]
    assert [item["externalAccountingItemId"] for item in shown] == [f"L{first}", f"L{second}"]
    await adds_up(migrated_url)


async def test_keys_preconditions_and_dry_runs(world: World, migrated_url: str) -> None:
    request = await stocked(world, migrated_url)
    before = await contents(migrated_url)
    body = {"fulfillmentRequestId": request["id"], "invoiceItems": [PRODUCT]}
    dry = await world.client("src").post("/source-invoices?dryRun=true", json=body, headers={"Idempotency-Key": "i"})
    assert dry.json() == {"dryRun": True, "from": "Processing", "to": "Processing", "change": "move",
                          "wouldReplyStatus": 200}  # fmt: skip
    assert await contents(migrated_url) == before
    key = {"Idempotency-Key": "i"}
    made, again = [await world.client("src").post("/source-invoices", json=body, headers=key) for _ in range(2)]
    assert (again.body, again.headers["etag"], again.headers["idempotent-replayed"]) == (made.body, '"1"', "true")
    id_ = made.json()["id"]
    before = await contents(migrated_url)
    assert (await patch(world, id_, headers={"If-Match": '"2"'}, status="unpaid")).status == 412
    assert (await patch(world, id_, headers={"If-Match": "1"}, status="unpaid")).status == 400
    dry = await patch(world, id_, query="?dryRun=true", headers={"If-Match": '"1"'}, status="unpaid")
    assert (dry.status, dry.json()["change"]) == (200, "move")
    assert (await patch(world, id_, query="?dryRun=true", status="paid")).json()["change"] == "none"
    assert await contents(migrated_url) == before
    keyed = {"Idempotency-Key": "p", "If-Match": '"1"'}
    done, repeat = [await patch(world, id_, headers=keyed, status="unpaid") for _ in range(2)]
    assert (repeat.body, repeat.headers["etag"], repeat.headers["idempotent-replayed"]) == (done.body, '"2"', "true")
    other = await patch(world, id_, headers=keyed, status="refunded")
    assert (other.status, other.json()["code"]) == (422, "idempotency_key_reused")
    await adds_up(migrated_url)


async def test_many_at_once(world: World, migrated_url: str) -> None:
    request = await stocked(world, migrated_url)
    replies = await asyncio.gather(*(post(world, request["id"], token="src") for _ in range(10)))
    assert {reply.status for reply in replies} == {200}
    assert len({reply.json()["id"] for reply in replies}) == 10
    assert (await read(world, request))["version"] == request["version"] + 10
    await adds_up(migrated_url)


@pytest.mark.parametrize(("sql", "expected"), [
    ("UPDATE fulfillment_request_state SET invoiced = (1 = 0)", "invoiced_differs"),
    ("UPDATE fulfillment_request_state SET invoiced = (1 = 1)", "invoiced_differs"),
    ("UPDATE source_invoice SET source_id = (SELECT max(id) FROM source)", "invoice_differs"),
    ("UPDATE event SET subject_id = 999 WHERE subject = 'source_invoice'", "invoice_missing"),
])  # fmt: skip
async def test_the_check_knows_invoices(world: World, migrated_url: str, sql: str, expected: str) -> None:
    request = await stocked(world, migrated_url)
    await stocked(world, migrated_url)
    await patch(world, (await post(world, request["id"])).json()["id"], status="unpaid")
    assert await findings(migrated_url) == []
    await rows(migrated_url, sql)
    assert expected in {finding.check for finding in await findings(migrated_url)}
