"""Imports of files: how far each has come, and how things are read from end to end to be written to a file."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from waypost.app.actor import Scope
from waypost.app.ports.orders import OrderView
from waypost.domain.inventory import InventoryVariant


class ImportRun(NamedTuple):
    """How far a file has been imported: rows up to `rows_done` are settled, of which `rows_refused` were refused."""

    id: int
    account_id: int
    kind: str
    digest: str
    rows_done: int
    rows_refused: int
    created_at: int
    updated_at: int
    finished_at: int | None


class VariantRow(NamedTuple):
    """A variant with the SKUs of its parent and of its product."""

    variant: InventoryVariant
    parent_sku: str | None
    product_sku: str | None


class ImportReads(Protocol):
    """The part of `Reads` that is about imports and exports. Pages by id, after `after_id`."""

    async def import_run(self, account_id: int, kind: str, digest: str) -> ImportRun | None: ...

    async def orders_from(self, scope: Scope, after_id: int, limit: int) -> Sequence[OrderView]:
        """Orders with their items; their requests are left out."""
        ...

    async def variants_from(self, scope: Scope, after_id: int, limit: int) -> Sequence[VariantRow]: ...


class ImportTx(Protocol):
    """The part of `Tx` that is about imports."""

    async def begin_import(self, account_id: int, kind: str, digest: str, at: int) -> ImportRun:
        """The run of this file: begun anew when there is none, or when the last one has ended; else as it stands."""
        ...

    async def advance_import(self, run: ImportRun, now: ImportRun) -> bool:
        """Move the run on, if it still stands as `run`; False: somebody else has moved it."""
        ...
