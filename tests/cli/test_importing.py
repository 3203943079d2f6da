"""`waypost import` and `waypost export`: files in, files out, every bad row told, nothing twice."""

import asyncio
import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.support.checking import findings
from tests.support.database import rows
from waypost.cli import waypost
from waypost.importing import running
from waypost.importing.orders import OrderFile

Call = Callable[..., Result]
Told = Callable[..., Any]

ORDERS = """orderNumber,sku,quantity,price,title,shippingAddress.name,shippingAddress.country,tags,customFields.gift
W-1,MUG,2,12.90,"Mug, blue",Zoë Müller,Switzerland,"vip,b2b",yes
W-1,CUP,1,3,Cup,,,,
W-2,MUG,1,12.9,,Ken Sato,Japan,,
"""


@pytest.fixture
def database_url(migrated_url: str) -> str:
    """With its schema: making that is not what is tested here."""
    return migrated_url


@pytest.fixture
def shop(call: Call) -> Call:
    """An account with two channels and two sources."""
    call("migrate")
    call("account", "create", "Shop")
    for name in ("Web", "Market"):
        call("channel", "create", name)
    for name in ("North", "South"):
        call("source", "create", name)
    return call


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def table(url: str, sql: str) -> list[dict[str, Any]]:
    return asyncio.run(rows(url, sql))


def orders(url: str) -> list[str]:
    """The numbers of all orders."""
    return [row["order_number"] for row in table(url, "SELECT order_number FROM orders ORDER BY id")]


def test_orders_out_of_csv(shop: Call, told: Told, tmp_path: Path, database_url: str) -> None:
    file = written(tmp_path / "o.csv", ORDERS)
    done = shop("import", "orders", file, "--channel", "Web")
    assert done.stdout == "3 rows: 2 orders created, 0 there already.\n"
    assert orders(database_url) == ["W-1", "W-2"]
    [one] = table(database_url, "SELECT * FROM orders WHERE order_number = 'W-1'")
    assert (one["order_total"], one["tags"], json.loads(one["shipping_address"])["countryCode"]) == (
        288_000, '["vip","b2b"]', "CH",
    )  # fmt: skip
    assert json.loads(one["custom_fields"]) == [{"id": 1, "name": "gift", "value": "yes"}]
    items = table(database_url, "SELECT sku, title, quantity, price FROM order_item ORDER BY id")
    assert [tuple(item.values()) for item in items] == [
        ("MUG", "Mug, blue", 2, 129_000), ("CUP", "Cup", 1, 30_000), ("MUG", None, 1, 129_000),
    ]  # fmt: skip
    events = table(database_url, "SELECT type, actor_type, actor_name FROM event WHERE subject = 'order'")
    assert {tuple(event.values()) for event in events} == {("order.created", "system", "import")}
    again = told("import", "orders", file, "--channel", "Web")
    assert (again["created"], again["unchanged"], again["rows"], again["rowsRefused"]) == (0, 2, 3, 0)
    assert asyncio.run(findings(database_url)) == []


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("\ufeff" + ORDERS, ()),
        (ORDERS.replace(",", ";").replace('"Mug; blue"', "Mug").replace('"vip;b2b"', "vip"), ()),
        (ORDERS.encode("latin-1"), ("--encoding", "latin-1")), (ORDERS.encode("utf-16"), ("--encoding", "utf-16")),
        (ORDERS.replace("\n", "\r\n"), ()),
    ],
)  # fmt: skip
def test_files_as_other_programs_write_them(
    shop: Call, tmp_path: Path, database_url: str, content: str | bytes, options: tuple[str, ...]
) -> None:
    shop("import", "orders", written(tmp_path / "o.csv", content), "--channel", "1", *options)
    assert orders(database_url) == ["W-1", "W-2"]
    [one] = table(database_url, "SELECT shipping_address FROM orders WHERE order_number = 'W-1'")
    assert json.loads(one["shipping_address"])["lastName"] == "Müller"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            ORDERS.encode("latin-1"),
            "Line 2 is not UTF-8: byte 0xEB cannot be read. If it is Latin-1, say --encoding latin-1",
        ),
        ("sku,price\nA,1\n", "The column 'orderNumber' is missing. The column 'quantity' is missing."),
        ("orderNumber,quantity,colour\nA,1,x\n", "The column 'colour' is not known."),
        ("", "The first row names no column that is known."),
    ],
)
def test_files_that_cannot_be_read_at_all(
    shop: Call, tmp_path: Path, database_url: str, content: str | bytes, words: str
) -> None:
    file = written(tmp_path / "o.csv", content)
    assert words in shop("import", "orders", file, "--channel", "Web", code=1).stderr
    assert table(database_url, "SELECT * FROM import_run") == []
    assert "no such file" in shop("import", "orders", tmp_path / "none.csv", code=1).stderr
    assert "is no encoding" in shop("import", "orders", file, "--encoding", "klingon", code=2).stderr


BAD = """orderNumber;sku;quantity;price;orderedAt;shippingAddress.city;paymentStatus;customFields.size
A;MUG;1;5;;;;
B;MUG;0;5;;;;
C;MUG;1,5;5;;;;
D;MUG;1;12,90;soon;;Maybe;
E;MUG;1;5;;Rome;;
E;CUP;-1;5;;Oslo;;
F;;1;5;;;;
G;MUG;1;5;;{long};;{long}
A;CUP;2;5;;;;
H;MUG;1;5;;;;
""".format(long="x" * 201)


def test_every_bad_row_is_told_with_its_column(shop: Call, tmp_path: Path, database_url: str) -> None:
    file, report = written(tmp_path / "o.csv", BAD), tmp_path / "bad.csv"
    dry = shop("import", "orders", file, "--channel", "Web", "--dry-run", "--report", report, code=1)
    assert "3 orders would be created" in dry.stdout
    assert orders(database_url) == []
    done = shop("import", "orders", file, "--channel", "Web", "--report", report, code=1)
    assert done.stdout == "10 rows: 2 orders created, 0 there already, 7 refused.\n"
    assert orders(database_url) == ["A", "H"]
    with report.open(newline="") as read:
        told = [(int(row["row"]), row["column"], row["code"]) for row in csv.DictReader(read)]
    assert told == [
        (3, "quantity", "out_of_range"), (4, "quantity", "wrong_type"), (5, "price", "wrong_type"),
        (7, "shippingAddress.city", "differs"), (7, "quantity", "out_of_range"),
        (8, "sku", "required"), (9, "shippingAddress.city", "too_long"), (10, "orderNumber", "already_exists"),
    ]  # fmt: skip
    assert "row 7, quantity: quantity must be at least 1" in done.stderr
    assert f"Every bad row is in {report}." in done.stderr


def test_what_nobody_can_see_is_no_number_and_no_sku(shop: Call, tmp_path: Path, database_url: str) -> None:
    unseen = "\u200b\u3164"
    rows_ = f"orderNumber,sku,quantity\n{unseen},MUG,1\nW-2,{unseen},1\nW-3,MUG,1\n"
    refused = shop("import", "orders", written(tmp_path / "o.csv", rows_), "--channel", "Web", code=1).stderr
    assert "row 2, orderNumber: orderNumber is required." in refused
    assert "row 3, " in refused
    assert orders(database_url) == ["W-3"]


def test_a_fault_beside_the_shape_is_told_too(shop: Call, told: Told, tmp_path: Path) -> None:
    text = "orderNumber,sku,quantity,price,orderedAt,paymentStatus\nD,MUG,1,1.23456,soon,Maybe\n"
    done = told("import", "orders", written(tmp_path / "o.csv", text), code=1)
    assert [(bad["row"], bad["column"], bad["code"]) for bad in done["badRows"]] == [
        (2, "channelId", "required"), (2, "paymentStatus", "unknown_value"), (2, "price", "bad_amount"),
        (2, "orderedAt", "bad_date"),
    ]  # fmt: skip


def test_an_order_beside_a_row_that_cannot_be_read_is_not_stored_in_part(
    shop: Call, told: Told, tmp_path: Path, database_url: str
) -> None:
    text = 'orderNumber,sku,quantity\nA,X,1\nB,X,1\nB,"Y,1\nB,Z,1\nC,X,1\n,X,1\nD,X,1\nE,X,1\n'
    done = told("import", "orders", written(tmp_path / "o.csv", text), "--channel", "Web", code=1)
    assert orders(database_url) == ["A", "E"]
    assert [(bad["row"], bad["column"], bad["code"]) for bad in done["badRows"]] == [
        (3, "", "incomplete"), (4, "", "broken_row"), (5, "", "incomplete"), (6, "", "incomplete"),
        (7, "orderNumber", "required"), (8, "", "incomplete"),
    ]  # fmt: skip
    assert (done["rows"], done["rowsRefused"], done["refused"]) == (8, 6, 6)


def test_orders_out_of_json_lines(shop: Call, told: Told, tmp_path: Path, database_url: str) -> None:
    good = {"orderNumber": "J-1", "orderItems": [{"sku": "A", "quantity": 1, "price": 12.3456}], "tags": ["x,y"]}
    lines = [
        json.dumps(good), '{"orderNumber": "J-2", "orderItems": [{"sku": "A", "quant', "", '{"orderNumber": 7}',
        json.dumps(good | {"orderNumber": "J-3", "channelId": 2}), '{"orderNumber": "a", "orderNumber": "b"}',
        json.dumps(good | {"orderNumber": "J-4"}),
    ]  # fmt: skip
    report = tmp_path / "bad.jsonl"
    file = written(tmp_path / "o.jsonl", "\n".join(lines))
    done = told("import", "orders", file, "--channel", "Web", "--report", report, code=1)
    assert orders(database_url) == ["J-1", "J-4"]
    bads = [json.loads(line) for line in report.read_text().splitlines()]
    assert [(bad["row"], bad["column"], bad["code"]) for bad in bads] == [
        (2, "", "malformed_json"), (4, "orderNumber", "wrong_type"), (4, "orderItems", "required"),
        (5, "channelId", "foreign_channel"), (6, "orderNumber", "duplicate_key"),
    ]  # fmt: skip
    assert bads == done["badRows"]


def test_orders_say_their_channel_where_nobody_else_does(shop: Call, tmp_path: Path, database_url: str) -> None:
    text = "orderNumber,channelId,sku,quantity\nA,1,X,1\nA,2,X,1\n"
    file = written(tmp_path / "o.csv", text)
    assert "row 3, channelId" in shop("import", "orders", file, code=1).stderr  # one order, two channels
    text = "orderNumber,channelId,sku,quantity\nA,1,X,1\nB,2,X,1\nC,77,X,1\n"
    done = shop("import", "orders", written(tmp_path / "p.csv", text), code=1)
    assert "row 4, channelId: There is no channel 77. (unknown_channel)" in done.stderr
    found = table(database_url, "SELECT order_number, channel_id FROM orders ORDER BY id")
    assert [tuple(row.values()) for row in found] == [("A", 1), ("B", 2)]


STOCK = """sku\tsourceId\tquantity\tcost\tparentSku\ttitle\tarchived\tcustomFields.shelf
MUG-BLUE\t1\t12\t4.25\tMUG\tMug, blue\t\tA4
MUG-RED\t1\t3\t\tMUG\t\tfalse\t
MUG-BLUE\t2\t5\t\t\t\t\t
CUP\t9\t1\t\t\t\t\t
PLATE\t1\t-1\tx\t\t\tmaybe\t
MUG-RED\t1\t4\t\t\t\t\t
"""


def test_inventory_out_of_csv(shop: Call, told: Told, tmp_path: Path, database_url: str) -> None:
    file = written(tmp_path / "s.csv", STOCK)
    dry = told("import", "inventory", file, "--dry-run", code=1)
    assert (dry["created"], dry["refused"], dry["dryRun"]) == (4, 2, True)
    assert table(database_url, "SELECT * FROM inventory_variant") == []
    done = told("import", "inventory", file, code=1)
    assert (done["created"], done["changed"], done["unchanged"], done["refused"]) == (3, 1, 0, 2)
    assert [(bad["row"], bad["column"], bad["code"]) for bad in done["badRows"]] == [
        (5, "sourceId", "unknown_source"), (6, "quantity", "out_of_range"), (6, "cost", "wrong_type"),
        (6, "archived", "wrong_type"),
    ]  # fmt: skip
    found = table(database_url, "SELECT sku, source_id, quantity, cost, title FROM inventory_variant ORDER BY id")
    assert [tuple(row.values()) for row in found] == [
        ("MUG-BLUE", 1, 12, 42_500, "Mug, blue"), ("MUG-RED", 1, 4, None, None), ("MUG-BLUE", 2, 5, None, None),
    ]  # fmt: skip
    parents = table(database_url, "SELECT sku, source_id FROM inventory_parent ORDER BY id")
    assert [tuple(row.values()) for row in parents] == [("MUG", 1), ("MUG-BLUE", 2)]
    assert len(table(database_url, "SELECT * FROM product_variant")) == 2
    again = shop("import", "inventory", file, code=1)
    assert (
        again.stdout == "6 rows: 0 variants created, 2 changed, 2 there already, 2 refused.\n"
    )  # red goes to 3 and to 4
    assert asyncio.run(findings(database_url)) == []


def test_inventory_of_one_source(shop: Call, tmp_path: Path, database_url: str) -> None:
    file = written(tmp_path / "s.csv", "sku,quantity\nMUG,5\n")
    shop("import", "inventory", file, "--source", "South")
    line = '{"sku": "MUG", "cost": 3.5, "customFields": [{"name": "lot", "value": "7"}]}\n{"quantity": 1}\n'
    done = shop("import", "inventory", written(tmp_path / "s.jsonl", line), "--source", "2", code=1)
    assert "row 2, sku: sku is required." in done.stderr
    [one] = table(database_url, "SELECT source_id, quantity, cost, custom_fields FROM inventory_variant")
    assert (one["source_id"], one["quantity"], one["cost"]) == (2, 5, 35_000)
    assert json.loads(one["custom_fields"]) == [{"id": 1, "name": "lot", "value": "7"}]
    other = written(tmp_path / "t.csv", "sku,sourceId,quantity\nMUG,1,5\n")
    assert "foreign_source" in shop("import", "inventory", other, "--source", "South", code=1).stderr


def test_a_repeat_updates_payment_tags_and_note_and_names_any_other_difference(
    shop: Call, told: Told, tmp_path: Path, database_url: str
) -> None:
    heading = "orderNumber,sku,quantity,price,note,tags,paymentStatus\n"
    first = heading + "A,X,1,5,n,vip,Authorized\nA,Y,2,5,,,\nB,X,1,5,,,\n"
    shop("import", "orders", written(tmp_path / "o.csv", first), "--channel", "Web")
    later = heading + "A,X,1,5,m,\"vip,rush\",Paid\nA,Y,2,5,,,\nB,X,3,5,x,,\n"
    file = written(tmp_path / "p.csv", later)
    dry = told("import", "orders", file, "--channel", "Web", "--dry-run", code=1)
    assert (dry["created"], dry["changed"], dry["unchanged"], dry["refused"]) == (0, 1, 0, 1)
    found = table(database_url, "SELECT note, tags, payment_status FROM orders WHERE order_number = 'A'")
    assert [tuple(row.values()) for row in found] == [("n", '["vip"]', "authorized")]
    done = shop("import", "orders", file, "--channel", "Web", code=1)
    assert done.stdout == "3 rows: 0 orders created, 1 changed, 0 there already, 1 refused.\n"
    assert "row 4, orderNumber: Order B was posted to this channel with other content (id 2)." in done.stderr
    assert "Different: note, orderItems.0.quantity. (already_exists)" in done.stderr
    found = table(database_url, "SELECT note, tags, payment_status FROM orders WHERE order_number = 'A'")
    assert [tuple(row.values()) for row in found] == [("m", '["vip","rush"]', "paid")]
    again = told("import", "orders", file, "--channel", "Web", code=1)
    assert (again["created"], again["changed"], again["unchanged"], again["refused"]) == (0, 0, 1, 1)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_what_is_exported_is_what_was_imported(
    shop: Call, told: Told, tmp_path: Path, database_url: str, form: str
) -> None:
    shop("import", "orders", written(tmp_path / "o.csv", ORDERS), "--channel", "Web")
    shop("import", "inventory", written(tmp_path / "s.csv", STOCK), code=1)
    order = {"orderNumber": "X", "channelId": 2, "note": 'two\nlines "quoted"', "tags": ["a,b", "c"], "referenceNumber": "r",
             "orderedAt": "2026-04-20T10:00:00Z", "paymentStatus": "Paid", "shippingText": "=Ground",
             "billingAddress": {"companyName": "Ω GmbH", "stateCode": "CA", "country": "United States"},
             "orderItems": [{"sku": "A", "quantity": 1_000_000_000, "price": 0.0001, "productVariantId": 1,
                             "customFields": [{"name": "size", "value": "XL"}]}, {"externalListingId": "e", "quantity": 2, "shippingAddress": {"name": "Al B", "city": "Bern"}}],
             "customFields": [{"name": "gift wrap; really?", "value": "ja, bitte"}]}  # fmt: skip
    shop("import", "orders", written(tmp_path / "x.jsonl", json.dumps(order)))
    first = {name: tmp_path / f"{name}.{form}" for name in ("orders", "inventory")}
    second = {name: tmp_path / f"{name}-2.{form}" for name in first}
    for name, path in first.items():
        told("export", name, path)
        here = told("import", name, path)
        assert (here["created"], here["changed"], here["rowsRefused"]) == (0, 0, 0)
    other = f"sqlite:///{tmp_path}/other.db"

    def there(*args: object) -> None:
        result = CliRunner().invoke(waypost, [*map(str, args), "--database", other])
        assert result.exit_code == 0, result.output

    there("migrate")
    there("account", "create", "Other")
    for kind, name in (("channel", "Web"), ("channel", "Market"), ("source", "North"), ("source", "South")):
        there(kind, "create", name)
    for name in ("inventory", "orders"):
        there("import", name, first[name])
        there("export", name, second[name])
        assert second[name].read_bytes() == first[name].read_bytes()
    assert len(orders(other)) == 3


def test_exports_of_one_channel_or_source_and_of_requests(
    shop: Call, told: Told, tmp_path: Path, database_url: str
) -> None:
    text = "orderNumber,channelId,sku,quantity\nA,1,X,1\nA,1,Y,2\nB,2,X,1\n"
    shop("import", "orders", written(tmp_path / "o.csv", text))
    file = tmp_path / "out.csv"
    assert told("export", "orders", file, "--channel", "Market") == {
        "file": str(file), "kind": "orders", "things": 1, "rows": 1,
    }  # fmt: skip
    assert "exists: --force" in shop("export", "orders", file, code=1).stderr
    shop("export", "orders", file, "--force")
    with file.open(newline="") as read:
        assert [(row["orderNumber"], row["sku"]) for row in csv.DictReader(read)] == [
            ("A", "X"),
            ("A", "Y"),
            ("B", "X"),
        ]
    assert "cannot be written" in shop("export", "orders", tmp_path / "no" / "x.csv", code=1).stderr
    assert list(tmp_path.glob(".*")) == []
    empty = tmp_path / "fr.jsonl"
    assert told("export", "fulfillment-requests", empty)["things"] == 0
    assert empty.read_text() == ""


def test_a_run_that_was_cut_off_goes_on_where_it_was(
    shop: Call, told: Told, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second batch of the first run never comes; the report is whole all the same."""
    monkeypatch.setattr(OrderFile, "batch", 4)
    text = "orderNumber,sku,quantity\n" + "".join(f"A{n},X,{0 if n % 5 == 3 else 1}\n" for n in range(12))
    file, report = written(tmp_path / "o.csv", text), tmp_path / "bad.csv"
    commit = running._Importer._commit
    batches: list[int] = []

    async def cut_off(self: Any, batch: Any, ends: bool) -> Any:
        batches.append(len(batch))
        if len(batches) == 3:
            raise RuntimeError("the power fails")
        return await commit(self, batch, ends)

    monkeypatch.setattr(running._Importer, "_commit", cut_off)
    shop("import", "orders", file, "--channel", "Web", "--report", report, code=1)
    assert len(orders(database_url)) == 7
    report.write_text(report.read_text() + "13,quantity,out_of_range,of a batch that was not stored\n13,qua")
    monkeypatch.setattr(running._Importer, "_commit", commit)
    done = told("import", "orders", file, "--channel", "Web", "--report", report, code=1)
    assert (done["resumedAfterRow"], done["rows"], done["created"]) == (9, 4, 3)
    assert done["rowsRefused"] == 2
    assert orders(database_url) == [f"A{n}" for n in range(12) if n % 5 != 3]
    with report.open(newline="") as read:
        assert [row["row"] for row in csv.DictReader(read)] == ["5", "10"]
    again = told("import", "orders", file, "--channel", "Web", code=1)  # ended before: from the beginning
    assert (again["resumedAfterRow"], again["rows"], again["unchanged"]) == (None, 12, 10)


def test_two_imports_of_one_file_at_once(
    shop: Call, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path / "o.csv", ORDERS)
    commit = running._Importer._commit

    async def overtaken(self: Any, batch: Any, ends: bool) -> Any:
        run, self._run = self._run, self._run._replace(rows_done=77)
        try:
            return await commit(self, batch, ends)
        finally:
            self._run = run

    monkeypatch.setattr(running._Importer, "_commit", overtaken)
    done = shop("import", "orders", file, "--channel", "Web", code=1)
    assert "Another process is importing this file." in done.stderr
    assert orders(database_url) == []


def test_a_long_file_is_read_piece_by_piece(
    shop: Call, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has been read after each batch grows with the batches, not at once."""
    monkeypatch.setattr(OrderFile, "batch", 50)
    text = "orderNumber,sku,quantity,note\n" + "".join(f"A{n},X,1,{'x' * 1000}\n" for n in range(1000))
    file = written(tmp_path / "o.csv", text)
    at: list[int] = []
    settle = running._Importer._settle

    async def watched(self: Any, batch: Any, ends: bool = False) -> None:
        at.append(batch[-1].last if batch else at[-1])
        await settle(self, batch, ends)

    monkeypatch.setattr(running._Importer, "_settle", watched)
    shop("import", "orders", file, "--channel", "Web")
    assert at == [*range(51, 1002, 50), 1001]
    assert len(orders(database_url)) == 1000


def test_a_value_that_the_database_refuses_costs_its_own_order_only(
    shop: Call, told: Told, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = OrderFile.store

    async def refusing(self: Any, tx: Any, items: Any, now: int, dry_run: bool) -> Any:
        outcomes = await store(self, tx, items, now, dry_run)
        if any(item.draft.order_number == "A3" for item in items):
            await tx.execute("INSERT INTO import_run (id) VALUES (NULL)")
        return outcomes

    monkeypatch.setattr(OrderFile, "store", refusing)
    text = "orderNumber,sku,quantity\n" + "".join(f"A{n},X,1\n" for n in range(7))
    done = told("import", "orders", written(tmp_path / "o.csv", text), "--channel", "Web", code=1)
    assert [(bad["row"], bad["code"]) for bad in done["badRows"]] == [(5, "internal")]
    assert orders(database_url) == ["A0", "A1", "A2", "A4", "A5", "A6"]
