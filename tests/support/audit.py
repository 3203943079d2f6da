"""Does a whole database add up? Judged from its rows alone, without any of the hub's own arithmetic."""

from collections import Counter, defaultdict
from itertools import pairwise

from tests.support.database import Row, several


async def audit(url: str) -> None:
    """Fail with everything that does not add up: histories, versions, counters, quantities, roll-ups."""
    findings: list[str] = []
    (states, events, lines, counters, orders, items, shipments, pieces, ledger, variants, requests, raised, listed,
     groups) = await several(
        url,
        [
            "SELECT * FROM fulfillment_request_state ORDER BY id",
            "SELECT * FROM event ORDER BY account_id, seq",
            "SELECT * FROM fulfillment_request_line ORDER BY request_id, line_number",
            "SELECT * FROM account_counter",
            "SELECT * FROM orders ORDER BY id",
            "SELECT * FROM order_item ORDER BY id",
            "SELECT * FROM shipment ORDER BY id",
            "SELECT * FROM shipment_item ORDER BY id",
            "SELECT * FROM stock_ledger ORDER BY id",
            "SELECT * FROM inventory_variant ORDER BY id",
            "SELECT id, assignee, snoozed_until FROM fulfillment_request",
            "SELECT * FROM attention",
            "SELECT * FROM attention_item",
            "SELECT * FROM attention_group",
        ],
    )  # fmt: skip
    _counters(findings, events, counters)
    by_request: dict[int, list[Row]] = defaultdict(list)
    for line in lines:
        by_request[line["request_id"]].append(line)
    histories: dict[int, list[Row]] = defaultdict(list)
    for event in events:
        if event["subject"] == "fulfillment_request":
            histories[event["subject_id"]].append(event)
    for state in states:
        history = histories.pop(state["id"], [])
        _history(findings, state, history)
        # A shipment proves receipt of the request, and says nothing of the pieces that it does not carry.
        received = any(e["type"].endswith(".shipped") and e["from_status"] != e["to_status"] for e in history)
        _quantities(findings, state, by_request[state["id"]], received)
    findings += [f"events of request {id_}, which is not there" for id_ in histories]
    _roll_ups(findings, orders, items, lines)
    _shipments(findings, {state["id"]: state for state in states}, lines, shipments, pieces)
    _stock(findings, {line["id"]: line for line in lines}, ledger, variants)
    _attention(findings, states, {request["id"]: request for request in requests}, raised, listed, groups)
    assert not findings, "\n".join(findings)


_BLOCKED = ("additional_info_required", "number_exceeds_max_length", "duplicate_number", "cross_docked")
_WATCHED = {"unsent": "processing", "unacknowledged": "processed", "unshipped": "acknowledged",
            "unrepaired": "processing_error"}  # fmt: skip


def _attention(
    findings: list[str], states: list[Row], requests: dict[int, Row], raised: list[Row], listed: list[Row],
    groups: list[Row],
) -> None:  # fmt: skip
    """What needs somebody is what the attention list holds, and what its groups count."""
    wanted = set()
    by_id = {state["id"]: state for state in states}
    for state in states:
        care = requests[state["id"]]["assignee"], requests[state["id"]]["snoozed_until"]
        if bool(state["cared"]) != (care != (None, None)):
            findings.append(f"request {state['id']}: cared says {state['cared']}, it has {care}")
        code = (state["failure_code"] or "other") if state["status"] == "processing_error" else state["status"]
        if state["status"] in ("processing_error", *_BLOCKED):
            spot = state["account_id"], state["source_id"], code
            wanted.add((*spot, state["status_since"], "fulfillment_request", state["id"], *care))
    alerted = {one["subject_id"] for one in raised if one["code"] == _watching(by_id.get(one["subject_id"]))}
    findings += [f"request {s['id']}: alerted, by nothing" for s in states if s["alerted"] and s["id"] not in alerted]
    for one in raised:
        if one["settled_at"] is not None:
            continue
        about, care = by_id.get(one["subject_id"]), (None, None)
        if one["subject"] == "fulfillment_request":
            care = requests[one["subject_id"]]["assignee"], requests[one["subject_id"]]["snoozed_until"]
        if one["code"] in _WATCHED and not (about and about["alerted"] and _watching(about) == one["code"]):
            findings.append(f"request {one['subject_id']}: the alert {one['code']} has outlived what it is about")
        spot = one["account_id"], one["source_id"] or 0, one["code"]
        wanted.add((*spot, one["raised_at"], one["subject"], one["subject_id"], *care))
    names = ("account_id", "source_id", "code", "since", "subject", "subject_id", "assignee", "snoozed_until")
    for one in listed:
        if one["care"] % 2 != (one["assignee"] is not None) or (one["care"] >= 2 and one["snoozed_until"] is None):
            findings.append(f"attention: the care of {one}")
    there = {tuple(item[name] for name in names) for item in listed}
    findings += [f"attention: {one} is missing" for one in sorted(wanted - there, key=str)]
    findings += [f"attention: {one} strays" for one in sorted(there - wanted, key=str)]
    totals = Counter(
        (one["account_id"], whose, one["source_id"], one["code"], one["care"])
        for one in listed for whose in {"", one["assignee"] or ""}
    )  # fmt: skip
    if {tuple(list(g.values())[:5]): g["total"] for g in groups} != totals:
        findings.append(f"attention: groups {groups} for {dict(totals)}")


def _watching(state: Row | None) -> str | None:
    """The clock rule that watches where a request stands."""
    return next((code for code, status in _WATCHED.items() if state and state["status"] == status), None)


def _counters(findings: list[str], events: list[Row], counters: list[Row]) -> None:
    for counter in counters:
        own = [event for event in events if event["account_id"] == counter["account_id"]]
        seqs = [event["seq"] for event in own]
        if seqs != list(range(1, counter["last_seq"] + 1)):
            findings.append(f"account {counter['account_id']}: seq is not dense up to {counter['last_seq']}")
        times = [event["at"] for event in own]
        if times != sorted(times) or (times and times[-1] > counter["last_at"]):
            findings.append(f"account {counter['account_id']}: time went back")


def _history(findings: list[str], state: Row, events: list[Row]) -> None:
    name = f"request {state['id']}"
    steps = [(event["from_status"], event["to_status"]) for event in events]
    if not steps or steps[0][0] is not None:
        findings.append(f"{name}: does not begin with its generation")
        return
    for (_, reached), (left, _) in pairwise(steps):
        if reached != left:
            findings.append(f"{name}: {left} follows {reached}")
    if steps[-1][1] != state["status"]:
        findings.append(f"{name}: stands in {state['status']}, its last event led to {steps[-1][1]}")
    if state["version"] != len(steps):
        findings.append(f"{name}: version {state['version']} after {len(steps)} events")
    if state["modified_at"] != events[-1]["at"]:
        findings.append(f"{name}: modified_at is not the time of its last event")
    reached_now = [to for was, to in steps if to != was]
    if state["attempt_count"] != reached_now.count("processing"):
        findings.append(f"{name}: attempt_count {state['attempt_count']}")
    for column, status in (("canceled_at", "canceled"), ("voided_at", "voided")):
        if (state[column] is not None) != (status in reached_now):
            findings.append(f"{name}: {column} is {state[column]}")
    if state["status"] == "acknowledged" and state["acknowledged_at"] is None:
        findings.append(f"{name}: acknowledged without a time")
    if "processed" in reached_now and state["sent_at"] is None:
        findings.append(f"{name}: sent without a time")
    failure = {state[c] is not None for c in ("failure_code", "failure_reason", "failed_at", "failed_by")}
    if failure != {state["status"] == "processing_error"}:
        findings.append(f"{name}: failure columns and status {state['status']} disagree")


def _left(line: Row) -> int:
    return int(line["quantity"] - line["canceled"] - line["voided"])


def _quantities(findings: list[str], state: Row, lines: list[Row], received: bool) -> None:
    name = f"request {state['id']}"
    shipped, left = sum(line["shipped"] for line in lines), sum(map(_left, lines))
    if state["shipped_quantity"] != shipped:
        findings.append(f"{name}: shipped_quantity {state['shipped_quantity']}, its lines {shipped}")
    expected = "partially_shipped"
    if left == 0:
        expected = "canceled"
    elif shipped == 0:
        expected = "awaiting_shipment"
    elif shipped == left:
        expected = "shipped"
    if state["fulfillment_status"] != expected:
        findings.append(f"{name}: {state['fulfillment_status']}, its lines are {expected}")
    if state["status"] in ("canceled", "voided") and left:
        findings.append(f"{name}: {state['status']} with {left} left")
    if state["status"] == "acknowledged" and not received:
        for line in lines:
            if max(line["acknowledged"], line["shipped"]) != _left(line):
                findings.append(f"{name}: acknowledged, but line {line['id']} is not")


def _roll_ups(findings: list[str], orders: list[Row], items: list[Row], lines: list[Row]) -> None:
    by_item: dict[int, list[Row]] = defaultdict(list)
    for line in lines:
        by_item[line["order_item_id"]].append(line)
    by_order: dict[int, list[Row]] = defaultdict(list)
    for item in items:
        by_order[item["order_id"]].append(item)
        own = by_item[item["id"]]
        expected = {
            "allocated": sum(map(_left, own)),
            "acknowledged": sum(line["acknowledged"] for line in own),
            "shipped": sum(line["shipped"] for line in own),
            "canceled": sum(line["killed"] for line in own) + item["dropped"],
        }
        stored = {column: item[column] for column in expected}
        if stored != expected:
            findings.append(f"order item {item['id']}: {stored}, its lines {expected}")
    for order in orders:
        own = by_order[order["id"]]
        wanted = sum(item["quantity"] - item["canceled"] for item in own)
        for column in ("acknowledged", "shipped"):
            done = sum(item[column] for item in own)
            expected_status = "not_started" if not done else "completed" if done >= wanted else "partially_completed"
            if order[f"{column}_status"] != expected_status:
                findings.append(f"order {order['id']}: {column} {order[f'{column}_status']}, is {expected_status}")


def _shipments(
    findings: list[str], states: dict[int, Row], lines: list[Row], shipments: list[Row], pieces: list[Row]
) -> None:
    by_id = {shipment["id"]: shipment for shipment in shipments}
    request_of = {line["id"]: line["request_id"] for line in lines}
    carried: dict[int, int] = defaultdict(int)
    for piece in pieces:
        carried[piece["line_id"]] += piece["quantity"]
        if piece["quantity"] and request_of[piece["line_id"]] != by_id[piece["shipment_id"]]["request_id"]:
            findings.append(f"shipment item {piece['id']}: of another request than its shipment")
    for line in lines:
        if carried[line["id"]] != line["shipped"]:
            findings.append(f"line {line['id']}: {line['shipped']} shipped, its shipments carry {carried[line['id']]}")
    for shipment in shipments:
        state = states[shipment["request_id"]]
        for column in ("account_id", "source_id", "order_id"):
            if shipment[column] != state[column]:
                findings.append(f"shipment {shipment['id']}: {column} {shipment[column]}, its request {state[column]}")


def _stock(findings: list[str], lines: dict[int, Row], ledger: list[Row], variants: list[Row]) -> None:
    held: dict[int, int] = defaultdict(int)
    seen: set[int] = set()
    for entry in ledger:
        line, still = lines[entry["line_id"]], entry["committed"] - entry["released"]
        held[entry["variant_id"]] += still
        if entry["line_id"] in seen:
            findings.append(f"line {entry['line_id']}: two entries of the ledger")
        seen.add(entry["line_id"])
        if entry["variant_id"] != line["inventory_variant_id"]:
            findings.append(f"line {entry['line_id']}: holds variant {entry['variant_id']}")
        if not 0 <= still <= _left(line) or entry["committed"] > line["quantity"]:
            findings.append(f"line {entry['line_id']}: holds {still} of {entry['committed']}, {_left(line)} left")
    for variant in variants:
        if variant["committed"] != held[variant["id"]]:
            findings.append(
                f"variant {variant['id']}: {variant['committed']} committed, its ledger {held[variant['id']]}"
            )
