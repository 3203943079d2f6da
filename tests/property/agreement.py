"""What holds of orders, requests, stock and events after any call whatever; judged from the rows alone."""

import json
from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

from tests.support.audit import audit
from tests.support.database import several
from waypost.app.check import check
from waypost.app.judging import Finding
from waypost.storage.checking import evidence_of
from waypost.storage.location import parse_url

Short = dict[int, int]  # by variant: pieces that are promised beyond what there is

_ROWS = [
    "SELECT * FROM order_item",
    "SELECT * FROM fulfillment_request_line",
    "SELECT * FROM inventory_variant",
    "SELECT * FROM stock_ledger",
    "SELECT * FROM event ORDER BY seq",
    "SELECT id, status FROM orders",
    "SELECT id, status FROM fulfillment_request_state",
    "SELECT l.request_id, l.order_item_id, i.order_id, f.order_id AS of_order FROM fulfillment_request_line l"
    " JOIN order_item i ON i.id = l.order_item_id JOIN fulfillment_request f ON f.id = l.request_id",
]


async def agree(url: str) -> Short:
    """Fail with what does not hold; else by how much each variant is short."""
    await audit(url)
    findings: list[Finding] = []
    async with evidence_of(parse_url(url)) as evidence:
        await check(evidence, findings.append)
    assert findings == []
    items, lines, variants, entries, events, orders, requests, links = await several(url, _ROWS)
    _each_piece_is_somewhere(items, lines)
    _quantities_replay(lines, events)
    _statuses_replay("order", orders, events)
    _statuses_replay("fulfillment_request", requests, events)
    assert all(link["order_id"] == link["of_order"] for link in links)
    held = Counter[int]()
    for entry in entries:
        held[entry["variant_id"]] += entry["committed"] - entry["released"]
    assert all(variant["committed"] == held[variant["id"]] for variant in variants)
    return {one["id"]: max(0, one["committed"] - (one["quantity"] or 0)) for one in variants}


def _each_piece_is_somewhere(items: list[Any], lines: list[Any]) -> None:
    """Ordered = open (with nobody, or waiting at a source) + acknowledged and open + shipped + canceled."""
    by_item = defaultdict(list)
    for line in lines:
        by_item[line["order_item_id"]].append(line)
    for item in items:
        own = by_item[item["id"]]
        shipped = acknowledged = waiting = 0
        for line in own:
            there = line["quantity"] - line["canceled"] - line["voided"]
            known = max(line["acknowledged"] - line["shipped"], 0)
            rest = there - line["shipped"] - known
            assert min(there, known, rest, line["shipped"]) >= 0, dict(line)
            assert 0 <= line["killed"] <= line["canceled"], dict(line)
            shipped, acknowledged, waiting = shipped + line["shipped"], acknowledged + known, waiting + rest
        with_nobody = item["quantity"] - shipped - acknowledged - waiting - item["canceled"]
        assert with_nobody >= 0, (dict(item), [dict(line) for line in own])
        assert (item["allocated"], item["shipped"]) == (shipped + acknowledged + waiting, shipped), dict(item)


def _quantities_replay(lines: list[Any], events: list[Any]) -> None:
    """The quantities that events told last are the quantities that are."""
    told: dict[int, dict[str, int]] = {}
    for event in events:
        if event["subject"] == "fulfillment_request":
            for item in json.loads(event["data"] or "{}").get("items", ()):
                told[item["id"]] = item
    for line in lines:
        last = told.get(line["id"], {})
        for name in ("acknowledged", "shipped", "canceled", "killed", "voided"):
            assert line[name] == last.get(name, 0), (name, dict(line), last)


def _statuses_replay(subject: str, things: list[Any], events: list[Any]) -> None:
    """From the first event to the last, each begins where the one before it ended, and the last is how it stands."""
    steps: dict[int, list[Any]] = defaultdict(list)
    for event in events:
        if event["subject"] == subject and event["to_status"] is not None:
            steps[event["subject_id"]].append(event)
    for thing in things:
        own = steps[thing["id"]]
        told = [(one["type"], one["from_status"], one["to_status"]) for one in own]
        assert own, (subject, dict(thing))
        assert all(was["to_status"] == now["from_status"] for was, now in pairwise(own)), (subject, dict(thing), told)
        assert own[-1]["to_status"] == thing["status"], (subject, dict(thing), told)
