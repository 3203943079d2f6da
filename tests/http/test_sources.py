"""Sources and channels (contract section 6): made, read, changed; who sees what; nothing half done."""

from typing import Any

import pytest

from tests.support.records import events_of, faults
from tests.support.world import World

STRATEGY = {
    "autoProcess": True, "maxPoNumberCharacters": None, "overridePurchaseOrderNumberStrategyId": None,
    "exceedOverridePurchaseOrderNumberStrategyId": None, "passOrderCustomFieldsToPo": False,
    "passOrderItemCustomFieldsToPo": False, "refusedCharacters": "", "requiredCustomFields": [],
}  # fmt: skip


async def test_a_source_is_created_with_its_defaults(world: World) -> None:
    reply = await world.client().post("/sources", json={"name": "  Northwind Supply "})
    assert reply.status == 201
    made = reply.json()
    assert reply.headers["location"] == f"/source/{made['id']}"
    assert {name: made[name] for name in made.keys() - {"id", "createdAt", "updatedAt"}} == {
        "accountId": world.ours.account, "name": "Northwind Supply", "reference": None, "stockRelease": "shipment",
        "allowBackorders": False, "dropshipFee": 0, "shippingEstimate": 0, "archived": False, "settings": {}, "version": 1,
    }  # fmt: skip
    assert made["createdAt"] == made["updatedAt"]
    assert (await world.client().get(f"/source/{made['id']}")).json() == made
    strategy = await world.client().get(f"/sources/{made['id']}/purchase-order-strategy")
    assert strategy.json() == STRATEGY
    assert await events_of(world, "source") == [("source.created", made["id"], {"name": "Northwind Supply"})]


async def test_sources_are_listed_whole_unless_asked_for_less(world: World) -> None:
    listed = (await world.client().get("/sources")).json()
    assert [one["id"] for one in listed] == world.ours.sources
    second = await world.client().get("/sources?page=2&pageSize=1")
    assert second.json() == listed[1:]
    assert (await world.client().get("/sources?page=9")).body == b"[]"
    assert (await world.client().get("/sources?pageSize=100000")).json() == listed
    assert faults(await world.client().get("/sources?page=0&pageSize=x")) == [
        ("page", "out_of_range"), ("pageSize", "not_an_integer"),
    ]  # fmt: skip


async def test_a_source_changes_field_by_field(world: World) -> None:
    id_ = world.ours.sources[0]
    change = {"reference": "NW", "stockRelease": "quantity_update", "allowBackorders": True, "dropshipFee": 2.5,
              "shippingEstimate": 6.9001, "archived": True}  # fmt: skip
    reply = await world.client().patch(f"/source/{id_}", json=change)
    assert reply.status == 200
    assert {name: reply.json()[name] for name in change} == change
    assert reply.json()["updatedAt"] > reply.json()["createdAt"]
    again = await world.client().patch(f"/source/{id_}", json={**change, "name": None, "unknown": 1})
    assert again.json() == reply.json()
    emptied = await world.client().patch(f"/source/{id_}", json={"reference": None})
    assert (emptied.json()["reference"], emptied.json()["dropshipFee"]) == (None, 2.5)
    assert await events_of(world, "source") == [
        ("source.updated", id_, {"changed": ["allowBackorders", "archived", "dropshipFee", "reference",
                                             "shippingEstimate", "stockRelease"]}),
        ("source.updated", id_, {"changed": ["reference"]}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"name": ""}, [("/name", "blank")]),
        ({"name": "x" * 201}, [("/name", "too_long")]),
        ({"name": 5, "archived": "yes"}, [("/name", "wrong_type"), ("/archived", "wrong_type")]),
        ({"dropshipFee": -1, "shippingEstimate": 0.00001}, [("/dropshipFee", "negative"), ("/shippingEstimate", "bad_amount")]),
        ({"stockRelease": "never"}, [("/stockRelease", "unknown_value")]),
        ([], [("", "wrong_type")]),
    ],
)  # fmt: skip
async def test_bad_sources_are_refused_with_every_fault(
    world: World, body: Any, expected: list[tuple[str, str]]
) -> None:
    id_ = world.ours.sources[0]
    before = (await world.client().get(f"/source/{id_}")).json()
    for reply in (
        await world.client().patch(f"/source/{id_}", json=body),
        await world.client().post("/sources", json={"name": "x", **body} if isinstance(body, dict) else body),
    ):
        assert faults(reply) == expected
    assert (await world.client().get(f"/source/{id_}")).json() == before
    assert len((await world.client().get("/sources")).json()) == 2
    assert faults(await world.client().post("/sources?dryRun=maybe", json={})) == [("dryRun", "not_a_boolean")]
    assert faults(await world.client().post("/sources", json={})) == [("/name", "required")]


async def test_the_strategy_is_set_and_read_back(world: World) -> None:
    path = f"/sources/{world.ours.sources[0]}/purchase-order-strategy"
    change = {
        "autoProcess": False, "maxPoNumberCharacters": 20, "overridePurchaseOrderNumberStrategyId": 3,
        "exceedOverridePurchaseOrderNumberStrategyId": 2, "passOrderCustomFieldsToPo": True,
        "passOrderItemCustomFieldsToPo": True, "refusedCharacters": "#/#", "requiredCustomFields": ["vat", " phone ", "vat"],
    }  # fmt: skip
    kept = {**change, "refusedCharacters": "#/", "requiredCustomFields": ["vat", "phone"]}
    reply = await world.client().post(path, json=change)
    assert (reply.status, reply.json()) == (200, kept)
    assert (await world.client().get(path)).json() == kept
    part = await world.client().post(path, json={"maxPoNumberCharacters": None, "autoProcess": None})
    assert part.json() == {**kept, "maxPoNumberCharacters": None}
    whole = await world.client().post(path, json=dict.fromkeys(change))
    assert whole.json() == {**STRATEGY, "autoProcess": False, "passOrderCustomFieldsToPo": True,
                            "passOrderItemCustomFieldsToPo": True}  # fmt: skip


async def test_bad_strategies_are_refused_with_every_fault(world: World) -> None:
    path = f"/sources/{world.ours.sources[0]}/purchase-order-strategy"
    shape = await world.client().post(path, json={
        "maxPoNumberCharacters": 0, "refusedCharacters": "x" * 101, "requiredCustomFields": ["", 7], "autoProcess": "no",
    })  # fmt: skip
    assert sorted(faults(shape)) == [
        ("/autoProcess", "wrong_type"), ("/maxPoNumberCharacters", "out_of_range"), ("/refusedCharacters", "too_long"),
        ("/requiredCustomFields/0", "blank"), ("/requiredCustomFields/1", "wrong_type"),
    ]  # fmt: skip
    unknown = {"overridePurchaseOrderNumberStrategyId": 4, "exceedOverridePurchaseOrderNumberStrategyId": 0}
    assert [pointer for pointer, _ in faults(await world.client().post(path, json=unknown))] == [
        f"/{n}" for n in unknown
    ]
    many = {"requiredCustomFields": [f"f{n}" for n in range(51)]}
    assert faults(await world.client().post(path, json=many)) == [("/requiredCustomFields", "too_many_items")]
    assert (await world.client().get(path)).json() == STRATEGY


async def test_settings_are_replaced_and_seen_by_the_account_only(world: World) -> None:
    id_ = world.ours.sources[0]
    settings = {"warehouse": "LEJ-1", "cut offs": [{"day": 1, "at": "14:00"}], "factor": 1.25, "größe": None}
    reply = await world.client().call("PUT", f"/source/{id_}/settings", json=settings)
    assert (reply.status, reply.json()["settings"]) == (200, settings)
    assert (await world.client().call("PUT", f"/source/{id_}/settings", json={"a": 1})).json()["settings"] == {"a": 1}
    assert (await world.client("src").get(f"/source/{id_}")).json()["settings"] is None
    assert await events_of(world, "source") == [("source.updated", id_, {"changed": ["settings"]})] * 2
    for bad, code in (({f"m{n}": n for n in range(101)}, "too_many_members"), ([1], "wrong_type")):
        assert faults(await world.client().call("PUT", f"/source/{id_}/settings", json=bad)) == [("", code)]
    long = await world.client().call("PUT", f"/source/{id_}/settings", json={"text": "x" * 65_536})
    assert faults(long) == [("/settings", "too_long")]
    assert (await world.client().get(f"/source/{id_}")).json()["settings"] == {"a": 1}


async def test_a_channel_is_created_changed_and_read(world: World) -> None:
    reply = await world.client().post("/channel/", json={"name": "Web shop"})
    assert reply.status == 201
    made = reply.json()
    assert reply.headers["location"] == f"/channel/{made['id']}"
    assert {name: made[name] for name in made.keys() - {"id", "createdAt", "updatedAt"}} == {
        "accountId": world.ours.account, "name": "Web shop", "autoGeneratePoOnImport": False, "allowBackorders": False,
        "rerouteOnFill": False, "requireShippingMapping": False, "routingGroupId": None, "version": 1,
    }  # fmt: skip
    change = {"autoGeneratePoOnImport": True, "allowBackorders": True, "rerouteOnFill": True,
              "requireShippingMapping": True, "name": "Web"}  # fmt: skip
    changed = await world.client().patch(f"/channel/{made['id']}", json=change)
    assert {name: changed.json()[name] for name in change} == change
    assert [one["id"] for one in (await world.client().get("/channel")).json()] == [*world.ours.channels, made["id"]]
    assert (await world.client().get(f"/channel/{made['id']}/")).json() == changed.json()
    assert [told[0] for told in await events_of(world, "channel")] == ["channel.created", "channel.updated"]
    unknown = await world.client().patch(f"/channel/{made['id']}", json={"routingGroupId": 987, "name": "Other"})
    assert faults(unknown) == [("/routingGroupId", "unknown_routing_group")]
    assert (await world.client().get(f"/channel/{made['id']}")).json() == changed.json()


async def test_each_sees_its_own(world: World) -> None:
    mine, other = world.ours.sources
    assert (await world.client("src").get(f"/source/{mine}")).status == 200
    shop, market = world.ours.channels
    assert (await world.client("chn").get(f"/channel/{shop}")).json()["id"] == shop
    for token, path in (("src", f"/source/{other}"), ("src", f"/source/{world.theirs.sources[0]}"),
                        ("chn", f"/channel/{market}"), ("acc", f"/source/{world.theirs.sources[0]}"),
                        ("acc", f"/channel/{world.theirs.channels[0]}"), ("acc", "/source/x"), ("acc", "/channel/0"),
                        ("acc", f"/sources/{world.theirs.sources[0]}/purchase-order-strategy")):  # fmt: skip
        assert (await world.client(token).get(path)).status == 404, path
    for path in (f"/source/{world.theirs.sources[0]}", f"/channel/{world.theirs.channels[0]}", "/source/99999"):
        assert (await world.client().patch(path, json={"name": "Mine now"})).status == 404, path
    theirs = (await world.client("acc", world.theirs).get("/sources")).json()
    assert [one["id"] for one in theirs] == world.theirs.sources


async def test_a_change_is_applied_once_and_rehearsed_without_trace(world: World) -> None:
    key = {"Idempotency-Key": "make-1"}
    dry = await world.client().post("/sources?dryRun=true", json={"name": "North"}, headers=key)
    assert dry.json() == {"dryRun": True, "from": None, "to": None, "change": "move", "wouldReplyStatus": 201}
    first = await world.client().post("/sources", json={"name": "North"}, headers=key)
    again = await world.client().post("/sources", json={"name": "North"}, headers=key)
    assert (again.status, again.body) == (201, first.body)
    assert (again.headers["idempotent-replayed"], again.headers["location"]) == ("true", first.headers["location"])
    assert (await world.client().post("/sources", json={"name": "South"}, headers=key)).status == 422
    assert len((await world.client().get("/sources")).json()) == 3
    path = f"/source/{first.json()['id']}"
    none = await world.client().patch(f"{path}?dryRun=true", json={"name": "North"})
    assert (none.json()["change"], none.json()["wouldReplyStatus"]) == ("none", 200)
    would = await world.client().patch(f"{path}?dryRun=true", json={"name": "South"})
    assert would.json()["change"] == "move"
    assert (await world.client().get(path)).json()["name"] == "North"
    assert (await world.client().patch(f"{path}?dryRun=true", json={"name": ""})).status == 400


async def test_the_account_tells_its_default_group_and_changes(world: World) -> None:
    assert (await world.client().get("/account")).json() == {
        "id": world.ours.account, "companyName": "ours", "brandName": None, "subdomain": None,
        "defaultOrderRoutingGroupId": None, "orderRoutingWorkflowEventId": None, "productPriceWorkflowEventId": None,
        "purchaseOrderNumberStrategyId": 1, "version": 1,
    }  # fmt: skip
    change = {"brandName": "Harbour & Pine", "subdomain": "harbour", "purchaseOrderNumberStrategyId": 3}
    changed = await world.client().patch("/account", json=change)
    assert {name: changed.json()[name] for name in change} == change
    assert (await world.client().patch("/account", json={"brandName": None})).json()["brandName"] is None
    bad = {"companyName": "", "purchaseOrderNumberStrategyId": 9, "defaultOrderRoutingGroupId": 0}
    assert faults(await world.client().patch("/account", json=bad)) == [
        ("/companyName", "blank"), ("/defaultOrderRoutingGroupId", "out_of_range"),
    ]  # fmt: skip
    bad = {"purchaseOrderNumberStrategyId": 9, "defaultOrderRoutingGroupId": 5}
    assert faults(await world.client().patch("/account", json=bad)) == [
        ("/purchaseOrderNumberStrategyId", "unknown_value")
    ]
    assert faults(await world.client().patch("/account", json={"defaultOrderRoutingGroupId": 5})) == [
        ("/defaultOrderRoutingGroupId", "unknown_routing_group")
    ]
    assert (await world.client("acc", world.theirs).get("/account")).json()["companyName"] == "theirs"
    assert await events_of(world, "account") == [
        ("account.updated", world.ours.account, {"changed": ["brandName", "numberStrategy", "subdomain"]}),
        ("account.updated", world.ours.account, {"changed": ["brandName"]}),
    ]


async def test_a_change_may_be_made_conditional(world: World) -> None:
    path = f"/source/{world.ours.sources[0]}"
    read = await world.client().get(path)
    assert (read.headers["etag"], read.json()["version"]) == ('"1"', 1)
    first = await world.client().patch(path, json={"reference": "A"}, headers={"If-Match": '"1"'})
    assert (first.status, first.headers["etag"]) == (200, '"2"')
    stale = await world.client().patch(path, json={"reference": "B"}, headers={"If-Match": '"1"'})
    assert (stale.status, stale.json()["code"]) == (412, "precondition_failed")
    dry = await world.client().patch(f"{path}?dryRun=true", json={"reference": "B"}, headers={"If-Match": '"1"'})
    assert dry.status == 412
    same = await world.client().patch(path, json={"reference": "A"}, headers={"If-Match": '"7", "2"'})
    assert (same.status, same.headers["etag"]) == (200, '"2"')
    assert (await world.client().patch(path, json={}, headers={"If-Match": "2"})).status == 400
    strategy = await world.client().post(
        f"/sources/{world.ours.sources[0]}/purchase-order-strategy",
        json={"autoProcess": False},
        headers={"If-Match": "*"},
    )
    assert strategy.headers["etag"] == '"3"'
    account = await world.client().patch("/account", json={"brandName": "B"}, headers={"If-Match": '"2"'})
    assert account.status == 412
