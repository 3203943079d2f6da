"""Listings: what channels show, in SQL."""

from collections.abc import Sequence
from itertools import groupby

from waypost.app.actor import Scope
from waypost.app.ports.inventory import GoodsQuery, Named
from waypost.domain.inventory import ListingFamily, ListingParent, ListingVariant
from waypost.storage.queries import columns, goods
from waypost.storage.speaking import Reader, Statements

VARIANT_BYTES = 500  # of a family, roughly
VARIANT = columns.listed(ListingVariant, "v")
PARENT = columns.listed(ListingParent, "p")
VARIANT_CHANGING = (
    "parent_id", "product_variant_id", "title", "external_id", "price", "custom_fields", "updated_at",
)  # fmt: skip
PARENT_CHANGING = ("title", "attributes", "custom_fields", "updated_at")


class ListingReading(Reader):
    """See `ports.inventory`."""

    async def listing_variants(self, query: GoodsQuery) -> list[ListingVariant]:
        """See `ports.inventory`."""
        rows = await goods.page("listing_variant v", VARIANT, query, self.dialect).read(self.slow)
        return [ListingVariant._make(row) for row in rows]

    async def listing_families(self, query: GoodsQuery) -> list[ListingFamily]:
        """See `ports.inventory`; one query for the parents, one for all their variants."""
        rows = await goods.page("listing_parent p", PARENT, query, self.dialect).read(self.slow)
        parents = [ListingParent._make(row) for row in rows]
        if not parents:
            return []
        of = f"""SELECT {VARIANT} FROM listing_variant v WHERE {self.dialect.any_of("v.parent_id", 1)}
          ORDER BY v.parent_id, v.id"""
        found = await self.slow(of, self.dialect.array([parent.id for parent in parents]))
        variants = await self.large.collected(map(ListingVariant._make, found), lambda _: VARIANT_BYTES)
        by_parent = {id_: tuple(group) for id_, group in groupby(variants, lambda one: one.parent_id)}
        return [ListingFamily(parent, by_parent.get(parent.id, ())) for parent in parents]


class ListingWriting(Statements):
    """See `ports.inventory`."""

    async def listings_named(
        self, scope: Scope, ids: Sequence[int], names: Sequence[Named]
    ) -> dict[int, ListingVariant]:
        """See `ports.inventory`."""
        found: dict[int, ListingVariant] = {}
        for found_by, args in goods.asked("listing_variant", "channel_id", scope, (ids, names), self.dialect):
            rows = await self.fetch(f"SELECT {VARIANT} {found_by}", *args)
            found |= {row[0]: ListingVariant._make(row) for row in rows}
        return found

    async def listing_parents_named(self, scope: Scope, names: Sequence[Named]) -> dict[Named, ListingParent]:
        """See `ports.inventory`."""
        found_by, args = self.dialect.by_pair("listing_parent", "p", ("channel_id", "sku"), names)
        sql = f"SELECT {PARENT} {found_by} AND +p.account_id = ${len(args) + 1}"
        rows = await self.fetch(sql, *args, scope.account_id)
        return {(one.channel_id, one.sku): one for one in map(ListingParent._make, rows)}

    async def write_listings(
        self,
        new: tuple[Sequence[ListingParent], Sequence[ListingVariant]],
        changed: tuple[Sequence[ListingParent], Sequence[ListingVariant]],
    ) -> None:
        """See `ports.inventory`."""
        await self.execute_many(goods.insert("listing_parent", ListingParent), new[0])
        await self.execute_many(goods.insert("listing_variant", ListingVariant), new[1])
        parents, variants = changed
        await self.execute_many(goods.update("listing_parent", PARENT_CHANGING), goods.values(parents, PARENT_CHANGING))
        rows = goods.values(variants, VARIANT_CHANGING)
        await self.execute_many(goods.update("listing_variant", VARIANT_CHANGING), rows)
