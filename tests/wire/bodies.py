"""A body's shape to try, and reading it: well, or with every fault."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta, Struct

from waypost.wire.body import read_json
from waypost.wire.faults import BadInput
from waypost.wire.scalars import Amount

MIB = 1024 * 1024


class Color(StrEnum):
    RED = "red"
    BLUE = "blue"


class Item(Struct, rename="camel"):
    quantity: Annotated[int, Meta(ge=1, le=1000)]
    sku: Annotated[str, Meta(min_length=1, max_length=5)] | None = None
    unit_cost: Decimal | None = None
    price: Amount | None = None


class Order(Struct, rename="camel"):
    order_number: Annotated[str, Meta(min_length=2, max_length=10)]
    order_items: Annotated[list[Item], Meta(min_length=1, max_length=3)] | None = None
    tags: list[Annotated[str, Meta(max_length=3)]] | None = None
    weight: Annotated[float, Meta(gt=0, lt=10)] | None = None
    gift: bool | None = None
    color: Color | None = None
    kind: Literal["fill", "kill"] = "fill"
    extra: dict[str, int] | None = None
    code: Annotated[str, Meta(pattern="^[a-z]+$")] | None = None
    variant: int | str | None = None


def read(raw: bytes, type_: Any = object, content_type: str | None = "application/json", limit: int = MIB) -> Any:
    """The body, which must be good."""
    return read_json(raw, content_type, limit, type_)


def refused(raw: bytes, type_: Any = object) -> list[tuple[str, str]]:
    """Pointer and code of every fault of a body that is a 400."""
    with pytest.raises(BadInput) as caught:
        read(raw, type_)
    assert (caught.value.status, caught.value.code) == (400, "invalid_input")
    for fault in caught.value.faults:
        assert fault.where == "pointer"
        msgspec.json.encode(fault)  # whatever was sent, it can be told
        assert "\0" not in fault.name + fault.message
    return [(fault.name, fault.code) for fault in caught.value.faults]
