"""The example of docs/delivery.md does what the page says."""

import json
import re
from pathlib import Path

from tests.support.handing import House
from tests.support.supplier import Supplier
from waypost.wire.handover import SAMPLE

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "delivery.md").read_text()
HTTP = (ROOT / "src/waypost/delivery/sources/http/README.md").read_text()


async def test_the_example_works(house: House) -> None:
    found = re.search(r"<!-- run by tests/delivery/test_docs.py -->\n```json\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    example = json.loads(found[1])
    settings = example["settings"]
    async with Supplier(lambda order, time: "acknowledge" if time > 1 else "error inside") as supplier:
        settings["url"], settings["lookUp"]["url"] = supplier.url, f"{supplier.url}/{{number}}"
        # This supplier's book goes by `number`.
        settings["body"] = settings["body"].replace("{orderNumber: number", "{number: number, orderNumber: number")
        checked = house.hub.kinds["http"].check(settings, {"token": "t"}, {})
        source = house.hub.kinds["http"].open(checked.settings, checked.secrets)
        results = [await source.send(source.write(SAMPLE)) for _ in range(2)]
        body, headers = supplier.bodies[0], supplier.headers[0]
    assert [(one.outcome, one.code, one.reference) for one in results] == [
        ("rejected", "out_of_stock", None),
        ("acknowledged", None, "S-TEST-1"),
    ]
    assert headers["Authorization"] == "Bearer t"
    assert body["orderNumber"] == "TEST-1"
    assert body["shipTo"] == {"name": "Test Person", "street": "1 Test Street", "city": "Testville",
                              "postalCode": "10001", "country": "US"}  # fmt: skip
    assert body["lines"] == [{"sku": "TEST-SKU", "quantity": 1}]


def test_everything_that_templates_see_is_told() -> None:
    for name in (*SAMPLE, *SAMPLE["items"][0]):
        assert f"`{name}`" in HTTP or f"`{name}[]`" in HTTP, name


def test_every_part_of_the_policy_is_told() -> None:
    from waypost.wire.delivery import PolicyIn

    told = set(re.findall(r"`(\w+)`", PAGE))
    assert set(PolicyIn.__struct_encode_fields__) - told == set()
