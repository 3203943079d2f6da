"""`waypost import` of files that are long, wide or wrong: bounded memory, and every fault by its column."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.support.database import rows
from tests.support.peak import run_watched

Call = Callable[..., Result]
Told = Callable[..., Any]

CROWD = 10_000


@pytest.fixture
def shop(call: Call) -> Call:
    """An account with a channel and a source."""
    call("migrate")
    call("account", "create", "Shop")
    call("channel", "create", "Web")
    call("source", "create", "North")
    return call


def written(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def faults(done: Any) -> list[tuple[int, str, str]]:
    """Row, column, code."""
    return [(bad["row"], bad["column"], bad["code"]) for bad in done["badRows"]]


def orders(url: str) -> list[str]:
    """The numbers of all orders."""
    return [row["order_number"] for row in asyncio.run(rows(url, "SELECT order_number FROM orders ORDER BY id"))]


def test_quantities(shop: Call, told: Told, tmp_path: Path, database_url: str) -> None:
    given = ("0", "-1", "1.5", "1,5", "1e3", "١٢", "1_0", "1000000001", str(10**19), "many", "", "1000000000")
    text = "orderNumber;sku;quantity\n" + "".join(f"Q{n};A;{q}\n" for n, q in enumerate(given))
    done = told("import", "orders", written(tmp_path / "o.csv", text), "--channel", "Web", code=1)
    codes = ["out_of_range", "out_of_range", *["wrong_type"] * 5, "out_of_range", "out_of_range", "wrong_type", "required"]
    assert faults(done) == [(row, "quantity", code) for row, code in enumerate(codes, 2)]
    assert orders(database_url) == ["Q11"]
    assert all("quantity" in bad["why"] for bad in done["badRows"])
    text = "sku,quantity\n" + "".join(f"S{n},{q}\n" for n, q in enumerate(("-1", "1.5", "1000000001", "x", "0")))
    done = told("import", "inventory", written(tmp_path / "i.csv", text.replace(",1.5", ',"1.5"')), "--source", "1", code=1)
    assert [(row, column) for row, column, _ in faults(done)] == [(row, "quantity") for row in (2, 3, 4, 5)]


def test_an_order_of_ten_thousand_lines(shop: Call, told: Told, tmp_path: Path, database_url: str) -> None:
    text = "orderNumber,sku,quantity\nA,X,1\n" + "BIG,X,1\n" * CROWD + "C,X,1\n"
    done = told("import", "orders", written(tmp_path / "o.csv", text), "--channel", "Web", code=1)
    assert (3, "orderNumber", "too_many_items") in faults(done)
    assert (done["rows"], done["rowsRefused"], done["refused"]) == (CROWD + 2, CROWD, 1)
    assert orders(database_url) == ["A", "C"]
    body = {"orderNumber": "BIG", "orderItems": [{"sku": "X", "quantity": 1}] * CROWD}
    small = json.dumps(body | {"orderNumber": "D", "orderItems": body["orderItems"][:1]})
    lines = "\n".join((small, json.dumps(body), small.replace('"D"', '"E"')))
    done = told("import", "orders", written(tmp_path / "o.jsonl", lines), "--channel", "Web", code=1)
    assert faults(done) == [(2, "orderItems", "too_many_items")]
    assert orders(database_url) == ["A", "C", "D", "E"]


def test_unknown_and_foreign_things(shop: Call, told: Told, tmp_path: Path, database_url: str) -> None:
    shop("account", "create", "Other")
    shop("channel", "create", "Theirs", "--account", "Other")
    shop("source", "create", "Far", "--account", "Other")
    for name, column, header in (("orders", "channelId", "orderNumber"), ("inventory", "sourceId", "sku")):
        text = f"{header},{column},quantity{',sku' if name == 'orders' else ''}\n"
        text += "".join(f"X{id_},{id_},1{',A' if name == 'orders' else ''}\n" for id_ in (1, 2, 987654, 0, -1))
        file = written(tmp_path / f"{name}.csv", text)
        done = told("import", name, file, "--account", "Shop", code=1)
        assert [(row, where) for row, where, _ in faults(done)] == [(row, column) for row in (3, 4, 5, 6)], done
    assert orders(database_url) == ["X1"]


def test_memory_does_not_grow_with_the_file(shop: Call, tmp_path: Path, database_url: str) -> None:
    """Twelve times as long, and hardly more memory; a batch is a few of its pieces."""
    peaks = []
    options = ("--channel", "Web", "--dry-run", "--database", database_url)
    for count in (600, 7200):
        file = tmp_path / f"{count}.csv"
        with file.open("w", encoding="utf-8") as out:
            out.write("orderNumber,sku,quantity,note\n")
            out.writelines(f"A{n},X,1,{'x' * 4990}\n" for n in range(count))
        command = [sys.executable, "-m", "waypost", "import", "orders", str(file), *options]
        peaks.append(run_watched(command, tmp_path / "out.log"))
    assert 30 < peaks[1] < peaks[0] + 15, peaks
