"""Inventory, routing groups and shipping maps for tests: put into the tables as they are, around the hub."""

import json
from typing import Any

from tests.support.database import plain, rows


async def insert(url: str, table: str, **row: Any) -> int:
    """One row; its id (of a table without one: 0)."""
    names = ", ".join(row)
    places = ", ".join(f"${place}" for place in range(1, len(row) + 1))
    keyless = table in ("routing_group_source", "shipping_policy_method")
    given = [plain(value) if url.startswith("sqlite") else value for value in row.values()]
    sql = f"INSERT INTO {table} ({names}) VALUES ({places})"
    made = await rows(url, sql if keyless else f"{sql} RETURNING id", *given)
    return 0 if keyless else int(made[0]["id"])


async def change(url: str, table: str, id_: int, **given: Any) -> None:
    """Some columns of one row."""
    sets = ", ".join(f"{name} = ${place}" for place, name in enumerate(given, 2))
    values = [plain(value) if url.startswith("sqlite") else value for value in given.values()]
    await rows(url, f"UPDATE {table} SET {sets} WHERE id = $1", id_, *values)


async def variant(url: str, account: int, source: int, sku: str, quantity: int, **more: Any) -> int:
    """An item of a source's inventory; its id. Nothing of it is committed."""
    row = {"account_id": account, "source_id": source, "sku": sku, "quantity": quantity, "committed": 0,
           "updated_at": 1, **more}  # fmt: skip
    return await insert(url, "inventory_variant", **row)


async def group(
    url: str, account: int, sources: list[tuple[int, int]], rules: list[dict[str, str]], **more: Any
) -> int:
    """A routing group of (source, priority); the account's default from now on."""
    row = {"account_id": account, "name": f"group {sources}", "rules": json.dumps(rules), "created_at": 1,
           "updated_at": 1, **more}  # fmt: skip
    id_ = await insert(url, "routing_group", **row)
    for source, priority in sources:
        await insert(url, "routing_group_source", group_id=id_, source_id=source, priority=priority, eligible=True)
    await change(url, "account", account, default_routing_group_id=id_)
    return id_


async def policy(url: str, account: int, channel: int, text: str, methods: dict[int, int | None]) -> dict[int, int]:
    """What a channel's shipping text means: by source, the estimated cost of its method. The ids of the methods."""
    id_ = await insert(url, "shipping_policy", account_id=account, name=text, created_at=1, updated_at=1)
    # A text that has come with an order is there already.
    await rows(
        url,
        """INSERT INTO channel_shipping_method (account_id, channel_id, name, policy_id, created_at, updated_at)
        VALUES ($1, $2, $3, $4, 1, 1) ON CONFLICT (channel_id, name) DO UPDATE SET policy_id = excluded.policy_id""",
        account, channel, text, id_,
    )  # fmt: skip
    made = {}
    for source, cost in methods.items():
        made[source] = await insert(
            url, "source_shipping_method", account_id=account, source_id=source, name=f"{text} {source}",
            carrier="UPS", method="Ground", estimated_cost=cost, active=True, created_at=1, updated_at=1,
        )  # fmt: skip
        await insert(url, "shipping_policy_method", policy_id=id_, source_id=source, method_id=made[source])
    return made


async def held(url: str) -> dict[int, tuple[int, int]]:
    """By variant: its total of committed stock, and what the open entries of its ledger add up to."""
    totals = await rows(url, "SELECT id, committed FROM inventory_variant")
    entries = await rows(url, "SELECT variant_id, committed - released AS open FROM stock_ledger")
    return {
        row["id"]: (row["committed"], sum(entry["open"] for entry in entries if entry["variant_id"] == row["id"]))
        for row in totals
    }
