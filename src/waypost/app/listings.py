"""Listings made and changed: what a channel shows, mapped to what the merchant sells (contract section 6, native)."""

from collections.abc import Mapping, Sequence
from typing import Any

from waypost.app.actor import Actor
from waypost.app.goods import ListingChange, ListingsDone
from waypost.app.ports import ChannelRow, Tx
from waypost.app.ports.inventory import Named
from waypost.app.records import Made, Notice, RecordChange
from waypost.domain.fields import changed_fields, too_many
from waypost.domain.inventory import ListingParent, ListingVariant, ProductVariant
from waypost.domain.refusals import Invalid, Problem


def listings_change(actor: Actor, changes: Sequence[ListingChange]) -> RecordChange[ListingsDone]:
    """All of them, or none; what is not there is made."""

    async def work(tx: Tx, at: int) -> Made[ListingsDone]:
        rack = _Rack(actor, at, await _found(tx, actor, changes))
        await rack.number(tx, changes)
        for one in changes:
            rack.apply(one)
        if rack.problems:
            raise Invalid(rack.problems)
        await rack.write(tx)
        return Made(ListingsDone(tuple(rack.listings[id_] for id_ in rack.order)), rack.notices())

    return RecordChange(actor, work, ListingsDone)


class _Found:
    """What is there of what a call names."""

    channels: Mapping[int, ChannelRow]
    listings: Mapping[int, ListingVariant]
    parents: Mapping[Named, ListingParent]
    products: Mapping[str, ProductVariant]
    products_by_id: Mapping[int, ProductVariant]


async def _found(tx: Tx, actor: Actor, changes: Sequence[ListingChange]) -> _Found:
    scope, found = actor.scope, _Found()
    channels = {id_ for one in changes if (id_ := _channel_id(actor, one)) is not None}
    found.channels = await tx.channel_rows(scope, sorted(channels)) if channels else {}
    ids = [one.listing_id for one in changes if one.listing_id is not None]
    names = [name for one in changes if one.listing_id is None and (name := _name(actor, one)) is not None]
    found.listings = await tx.listings_named(scope, ids, names)
    known = {one.id: one.channel_id for one in found.listings.values()}
    parents: set[Named] = set()
    for one in changes:
        name, sku = _name(actor, one), one.parent_sku or one.sku
        channel = known.get(one.listing_id or 0) if name is None else name[0]
        if channel is not None and sku is not None:
            parents.add((channel, sku))
    found.parents = await tx.listing_parents_named(scope, sorted(parents)) if parents else {}
    skus = {sku for one in changes if (sku := one.product_sku or one.sku) is not None}
    found.products = await tx.products_named(scope.account_id, sorted(skus)) if skus else {}
    products = {one.product_id for one in changes if one.product_id is not None}
    found.products_by_id = await tx.products_by_id(scope.account_id, sorted(products)) if products else {}
    return found


def _channel_id(actor: Actor, one: ListingChange) -> int | None:
    return actor.scope.channel_id if one.channel_id is None else one.channel_id


def _name(actor: Actor, one: ListingChange) -> Named | None:
    channel_id = _channel_id(actor, one)
    return None if channel_id is None or one.sku is None else (channel_id, one.sku)


class _Rack:
    """One call at work."""

    def __init__(self, actor: Actor, at: int, found: _Found) -> None:
        self._actor = actor
        self._at = at
        self._found = found
        self._by_name = {(one.channel_id, one.sku): one for one in found.listings.values()}
        self.listings = dict(found.listings)
        self.order: list[int] = []
        self.problems: list[Problem] = []
        self._parents = dict(found.parents)
        self._changed: dict[tuple[str, int], bool] = {}  # whether it is new
        self._seen: set[Named] = set()

    async def number(self, tx: Tx, changes: Sequence[ListingChange]) -> None:
        """Ids for everything that the call could make."""
        self._ids = iter(await tx.new_ids("listing_variant", len(changes)))
        self._parent_ids = iter(await tx.new_ids("listing_parent", len(changes)))

    def _problem(self, field: str, code: str, message: str) -> None:
        self.problems.append(Problem(field, code, message))

    def apply(self, one: ListingChange) -> None:
        """One listing; what is wrong with it is remembered."""
        was = self._by_id(one, one.listing_id) if one.listing_id is not None else self._by_sku(one)
        if was is None:
            return
        if (was.channel_id, was.sku) in self._seen:
            self._problem(f"{one.field}/sku", "repeated", f"The listing {was.sku} is given twice.")
            return
        self._seen.add((was.channel_id, was.sku))
        is_new = was.id not in self._found.listings
        links: dict[str, Any] = {"product_variant_id": self._product(one, was, is_new)}
        if is_new or one.parent_sku is not None:
            links["parent_id"] = self._parent(one, was).id
        fields = changed_fields(was.custom_fields, one.fields)
        if words := too_many(was.custom_fields, fields):
            self._problem(f"{one.field}/custom_fields", "too_many_items", words)
        now = was._replace(**{**one.values, **links, "custom_fields": fields})
        if is_new or now != was:
            now = now._replace(updated_at=self._at)
            self._changed["listing_variant", now.id] = is_new
        self.listings[now.id] = now
        self.order.append(now.id)

    def _by_sku(self, one: ListingChange) -> ListingVariant | None:
        channel_id, field = _channel_id(self._actor, one), f"{one.field}/channel_id"
        if one.sku is None:
            self._problem(f"{one.field}/sku", "required", "Name the listing by its sku or its listingVariantId.")
        if channel_id is None:
            self._problem(field, "required", "An account token says which channel it is about.")
        elif self._actor.scope.channel_id not in (None, channel_id):
            self._problem(field, "foreign_channel", "A channel token changes its own listings only.")
        elif channel_id not in self._found.channels:
            self._problem(field, "unknown_channel", f"There is no channel {channel_id}.")
        elif one.sku is not None:
            return self._by_name.get((channel_id, one.sku)) or self._begun(channel_id, one.sku)
        return None

    def _begun(self, channel_id: int, sku: str) -> ListingVariant:
        account, at = self._actor.scope.account_id, self._at
        return ListingVariant(
            next(self._ids), account, channel_id, None, None, sku, None, None, None, "[]", at, at
        )  # fmt: skip

    def _by_id(self, one: ListingChange, id_: int) -> ListingVariant | None:
        found = self._found.listings.get(id_)
        if found is None:
            self._problem(f"{one.field}/listing_id", "unknown_listing", f"There is no listing variant {id_}.")
            return None
        if one.channel_id not in (None, found.channel_id):
            words = f"The listing variant {id_} is of channel {found.channel_id}."
            self._problem(f"{one.field}/channel_id", "foreign_channel", words)
            return None
        if one.sku not in (None, found.sku):
            words = f"The listing variant {id_} has the SKU {found.sku}, not {one.sku}."
            self._problem(f"{one.field}/sku", "other_sku", words)
            return None
        return found

    def _product(self, one: ListingChange, was: ListingVariant, is_new: bool) -> int | None:
        """What it is mapped to; a new one that says nothing: to the product of its own SKU, if there is one."""
        found = self._found
        if one.product_id is not None:
            product = found.products_by_id.get(one.product_id)
            if product is None:
                words = f"There is no product variant {one.product_id}."
                self._problem(f"{one.field}/product_id", "unknown_product", words)
            elif one.product_sku not in (None, product.sku):
                words = f"The product variant {product.id} has the SKU {product.sku}, not {one.product_sku}."
                self._problem(f"{one.field}/product_sku", "other_sku", words)
            return None if product is None else product.id
        if one.product_sku is not None:
            product = found.products.get(one.product_sku)
            if product is None:
                words = f"There is no product variant with the SKU {one.product_sku}."
                self._problem(f"{one.field}/product_sku", "unknown_product", words)
            return None if product is None else product.id
        if is_new and not one.unmaps:
            product = found.products.get(was.sku)
            return None if product is None else product.id
        return None if one.unmaps else was.product_variant_id

    def _parent(self, one: ListingChange, was: ListingVariant) -> ListingParent:
        """Its parent, made if it is not there, with what the call says of it."""
        name = (was.channel_id, one.parent_sku or was.sku)
        found = self._parents.get(name)
        if found is None:
            account, at, title = self._actor.scope.account_id, self._at, one.values.get("title")
            found = ListingParent(next(self._parent_ids), account, *name, title, "[]", "[]", at, at)
            self._changed["listing_parent", found.id] = True
        now = found._replace(**one.parent_values)
        if now != found:
            now = now._replace(updated_at=self._at)
            self._changed.setdefault(("listing_parent", now.id), False)
        self._parents[name] = now
        return now

    async def write(self, tx: Tx) -> None:
        """Write what is new and what is different."""

        def rows(is_new: bool) -> tuple[list[ListingParent], list[ListingVariant]]:
            marked = {key for key, new in self._changed.items() if new == is_new}
            parents = [one for one in self._parents.values() if ("listing_parent", one.id) in marked]
            return parents, [one for id_, one in self.listings.items() if ("listing_variant", id_) in marked]

        if self._changed:
            await tx.write_listings(rows(True), rows(False))

    def notices(self) -> tuple[Notice, ...]:
        """The events."""
        told = []
        parents = {one.id: one for one in self._parents.values()}
        for (kind, id_), is_new in self._changed.items():
            sku = self.listings[id_].sku if kind == "listing_variant" else parents[id_].sku
            told.append(Notice(kind, id_, f"{kind}.{'created' if is_new else 'updated'}", {"sku": sku}))
        return tuple(told)
