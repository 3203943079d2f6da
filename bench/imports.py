"""`waypost import orders`: orders of three lines out of one CSV file, against the raw loop of the rows they leave behind.

The file is written for the occasion; the import is a process of its own, so that its peak memory can be told. The raw
loop runs before it and after it, in the same tables.
"""

import asyncio
import csv
import sys
import time
from pathlib import Path

from bench import orders, seeding
from tests.support.peak import run_watched

ORDERS = 100_000
RAW_ORDERS = 6400  # each time
RAW_TIMES = 2  # before, and after
AFTER = 10_000_000  # the raw loop's orders that come after: the import has taken the ids behind those before
IMPORT, RAW = "waypost import", "raw import 64"
HEADER = (
    "orderNumber", "channelId", "paymentStatus", "shippingText", "shippingAddress.name", "shippingAddress.addressLine1",
    "shippingAddress.city", "shippingAddress.country", "sku", "title", "quantity", "price",
)  # fmt: skip


def write_csv(path: Path, count: int) -> None:
    """The load generator's order so many times; each of its three lines is a row."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for n in range(count):
            of_order = (f"CSV-{n}", 2, "Not Authorized", "Ground", "Zoë Müller", f"Gasse {n}", "Zürich", "Switzerland")
            writer.writerows((*of_order, f"SKU-{k}", "Thing", 2, "9.99") for k in (1, 2, 3))


def _import(url: str, path: Path, log: Path) -> tuple[float, float]:
    """Seconds, and peak memory in MiB, of the importing process, from its start to its end."""
    command = [sys.executable, "-m", "waypost", "import", "orders", str(path), "--database", url, "--json"]
    began = time.perf_counter()
    peak = run_watched(command, log)
    return time.perf_counter() - began, peak


def measure(url: str, folder: Path, count: int = ORDERS) -> tuple[dict[str, list[dict[str, float]]], dict[str, float]]:
    """Orders per second of the import and of the raw loop, and the import's peak memory. `url`: an empty database."""
    print(f"importing {count:,} orders", file=sys.stderr)
    asyncio.run(seeding.waypost(url, 0))
    asyncio.run(orders.prepare(url))
    parts = asyncio.run(orders.sample(url, generates=False))
    path, raw = folder / "orders.csv", []
    write_csv(path, count)
    for n in range(RAW_TIMES):
        raw.append(orders.raw_orders(url, parts, n * RAW_ORDERS, RAW_ORDERS))
    took, memory = _import(url, path, folder / "import.log")
    for n in range(RAW_TIMES):
        raw.append(orders.raw_orders(url, parts, AFTER + n * RAW_ORDERS, RAW_ORDERS))
    path.unlink()
    figures = {IMPORT: [{"per_second": count / took}], RAW: [{"per_second": one} for one in raw]}
    return figures, {"import_peak_memory_mib": memory}
