"""Shipments: how they are read and written."""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from waypost.app.actor import Scope
from waypost.domain.shipments import Shipment, ShipmentItem, ShipmentView


class ShipmentQuery(NamedTuple):
    """Filters of the list; None means no filter. Times in microseconds, exclusive."""

    scope: Scope
    order_id: int | None = None
    request_id: int | None = None
    created_after: int | None = None
    updated_after: int | None = None
    limit: int = 20
    offset: int = 0


class ShipmentReads(Protocol):
    """The part of `Reads` that is about shipments."""

    async def shipment(self, scope: Scope, shipment_id: int) -> ShipmentView | None: ...

    async def shipments(self, query: ShipmentQuery) -> list[ShipmentView]:
        """One page, by time of insertion, then id."""
        ...


class ShipmentTx(Protocol):
    """The part of `Tx` that is about shipments. Their requests are locked by `load` before these are used."""

    async def requests_by_number(self, scope: Scope, source_id: int | None, number: str) -> list[int]:
        """The ids of the requests with this number that `scope` sees; released ones alone, where there are any."""
        ...

    async def tracking_numbers(self, asked: Collection[tuple[int, str]]) -> dict[int, set[str]]:
        """By request: those of these (request id, tracking number) that a shipment which carries anything has."""
        ...

    async def shipment_views(self, scope: Scope, ids: Sequence[int]) -> dict[int, ShipmentView]: ...

    async def insert_shipments(self, shipments: Sequence[Shipment], items: Sequence[ShipmentItem]) -> None: ...

    async def update_shipments(self, shipments: Sequence[Shipment], items: Sequence[ShipmentItem]) -> None:
        """Write these shipments and items as they become; an item of quantity 0 is one no longer."""
        ...
