"""Inventory, products and the stock that requests hold, in SQL; listings stand in `storage.listings`."""

from collections.abc import Sequence
from itertools import groupby

from waypost.app.actor import Scope
from waypost.app.ports.inventory import GoodsQuery, Named, StockView
from waypost.domain.inventory import Family, Held, InventoryParent, InventoryVariant, ProductVariant
from waypost.storage.listings import ListingReading, ListingWriting
from waypost.storage.queries import columns, goods

VARIANT_BYTES = 500  # of a family, roughly
HELD_BYTES = 500  # likewise, of what one line holds
VARIANT = columns.listed(InventoryVariant, "v")
PARENT = columns.listed(InventoryParent, "p")
PRODUCT = columns.listed(ProductVariant, "p")
_WIDTH = len(InventoryVariant._fields)
# What the ledger and the first insert say of a variant is not for a change to write.
_FIXED = ("id", "account_id", "source_id", "sku", "committed", "inserted_at")
VARIANT_CHANGING = tuple(name for name in InventoryVariant._fields if name not in _FIXED)
PARENT_CHANGING = ("title", "description", "reference_id", "custom_fields", "archived", "updated_at")

# One statement, so that the figure and its parts are of one moment.
_HELD = f"""SELECT {VARIANT}, g.id, r.id, r.number, s.status, r.order_id, l.id, g.committed, g.released, l.shipped,
  g.reason, g.at, s.released_seq
FROM inventory_variant v
LEFT JOIN stock_ledger g ON g.variant_id = v.id AND g.committed > g.released
LEFT JOIN fulfillment_request_line l ON l.id = g.line_id
LEFT JOIN fulfillment_request r ON r.id = l.request_id
LEFT JOIN fulfillment_request_state s ON s.id = r.id
WHERE v.id = $1 AND v.account_id = $2 AND (CAST($3 AS bigint) IS NULL OR v.source_id = CAST($3 AS bigint))
ORDER BY g.id"""


class InventoryReading(ListingReading):
    """See `ports.inventory`."""

    async def inventory_variants(self, query: GoodsQuery) -> list[InventoryVariant]:
        """See `ports.inventory`."""
        rows = await goods.page("inventory_variant v", VARIANT, query, self.dialect).read(self.slow)
        return [InventoryVariant._make(row) for row in rows]

    async def inventory_families(self, query: GoodsQuery) -> list[Family]:
        """See `ports.inventory`; one query for the parents, one for all their variants."""
        rows = await goods.page("inventory_parent p", PARENT, query, self.dialect).read(self.slow)
        parents = [InventoryParent._make(row) for row in rows]
        if not parents:
            return []
        of = f"""SELECT {VARIANT} FROM inventory_variant v WHERE {self.dialect.any_of("v.parent_id", 1)}
          ORDER BY v.parent_id, v.id"""
        found = await self.slow(of, self.dialect.array([parent.id for parent in parents]))
        variants = await self.large.collected(map(InventoryVariant._make, found), lambda _: VARIANT_BYTES)
        by_parent = {id_: tuple(group) for id_, group in groupby(variants, lambda one: one.parent_id)}
        return [Family(parent, by_parent.get(parent.id, ())) for parent in parents]

    async def product_variants(self, query: GoodsQuery) -> list[ProductVariant]:
        """See `ports.inventory`."""
        rows = await goods.page("product_variant p", PRODUCT, query, self.dialect).read(self.slow)
        return [ProductVariant._make(row) for row in rows]

    async def product_links(self, account_id: int, ids: Sequence[int]) -> tuple[dict[int, list[int]], ...]:
        """See `ports.inventory`."""
        found: list[dict[int, list[int]]] = []
        for table in ("inventory_variant", "listing_variant"):
            sql = f"""SELECT product_variant_id, id FROM {table}
              WHERE {self.dialect.any_of("product_variant_id", 1)} AND +account_id = $2 ORDER BY +id"""
            links: dict[int, list[int]] = {}
            for product_id, id_ in await self.slow(sql, self.dialect.array(list(ids)), account_id):
                links.setdefault(product_id, []).append(id_)
            found.append(links)
        return tuple(found)

    async def stock_of(self, scope: Scope, variant_id: int) -> StockView | None:
        """See `ports.inventory`."""
        rows = await self.slow(_HELD, variant_id, scope.account_id, scope.source_id)
        if not rows:
            return None
        variant = InventoryVariant._make(rows[0][:_WIDTH])
        held = (Held._make(row[_WIDTH:]) for row in rows if row[_WIDTH] is not None)
        return StockView(variant, tuple(await self.large.collected(held, lambda _: HELD_BYTES)))


class InventoryWriting(ListingWriting):
    """See `ports.inventory`."""

    async def variants_named(
        self, scope: Scope, ids: Sequence[int], names: Sequence[Named]
    ) -> dict[int, InventoryVariant]:
        """See `ports.inventory`."""
        found: dict[int, InventoryVariant] = {}
        for found_by, args in goods.asked("inventory_variant", "source_id", scope, (ids, names), self.dialect):
            rows = await self.fetch(f"SELECT {VARIANT} {found_by}", *args)
            found |= {row[0]: InventoryVariant._make(row) for row in rows}
        return found

    async def parents_named(self, scope: Scope, names: Sequence[Named]) -> dict[Named, InventoryParent]:
        """See `ports.inventory`."""
        found_by, args = self.dialect.by_pair("inventory_parent", "p", ("source_id", "sku"), names)
        sql = f"SELECT {PARENT} {found_by} AND +p.account_id = ${len(args) + 1}"
        rows = await self.fetch(sql, *args, scope.account_id)
        return {(one.source_id, one.sku): one for one in map(InventoryParent._make, rows)}

    async def products_named(self, account_id: int, skus: Sequence[str]) -> dict[str, ProductVariant]:
        """See `ports.inventory`."""
        sql = f"""SELECT {PRODUCT} FROM product_variant p
          WHERE {self.dialect.any_of("p.sku", 1, "text")} AND p.account_id = $2"""
        rows = await self.fetch(sql, self.dialect.array(list(skus)), account_id)
        return {one.sku: one for one in map(ProductVariant._make, rows)}

    async def products_by_id(self, account_id: int, ids: Sequence[int]) -> dict[int, ProductVariant]:
        """See `ports.inventory`."""
        sql = f"""SELECT {PRODUCT} FROM product_variant p
          WHERE {self.dialect.any_of("p.id", 1)} AND +p.account_id = $2"""
        rows = await self.fetch(sql, self.dialect.array(list(ids)), account_id)
        return {one.id: one for one in map(ProductVariant._make, rows)}

    async def shipped_and_held(self, account_id: int, variant_ids: Sequence[int]) -> list[tuple[int, int]]:
        """See `ports.inventory`."""
        # From the ledger's open rows of these variants, on by id: SQLite would begin with the account's requests, and
        # PostgreSQL, as long as it knows of one table only, with all lines.
        held = f"{self.dialect.any_of('g.variant_id', 1)} AND g.committed > g.released"
        shipped = """l.id = g.line_id AND l.shipped > 0
          AND g.committed - g.released > l.quantity - l.canceled - l.voided - l.shipped"""
        found = self.dialect.looked_up("stock_ledger g", held, "fulfillment_request_line l", shipped)
        sql = f"""SELECT DISTINCT l.request_id, g.variant_id {found}
          AND (SELECT s.account_id FROM fulfillment_request_state s WHERE s.id = l.request_id) = $2
          ORDER BY l.request_id"""
        return [(row[0], row[1]) for row in await self.fetch(sql, self.dialect.array(list(variant_ids)), account_id)]

    async def insert_inventory(
        self,
        parents: Sequence[InventoryParent],
        products: Sequence[ProductVariant],
        variants: Sequence[InventoryVariant],
    ) -> None:
        """See `ports.inventory`."""
        await self.execute_many(goods.insert("inventory_parent", InventoryParent), parents)
        await self.execute_many(goods.insert("product_variant", ProductVariant), products)
        await self.execute_many(goods.insert("inventory_variant", InventoryVariant), variants)

    async def update_inventory(self, parents: Sequence[InventoryParent], variants: Sequence[InventoryVariant]) -> None:
        """See `ports.inventory`."""
        changed = goods.values(parents, PARENT_CHANGING)
        await self.execute_many(goods.update("inventory_parent", PARENT_CHANGING), changed)
        changed = goods.values(variants, VARIANT_CHANGING)
        await self.execute_many(goods.update("inventory_variant", VARIANT_CHANGING), changed)
