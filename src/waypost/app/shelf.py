"""Working copies of a batch's inventory. Pure: `app.inventory` loads them and writes what has become of them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from waypost.app.actor import Actor
from waypost.app.goods import InventoryCall, ParentChange, VariantChange
from waypost.app.ports import SourceRow
from waypost.app.ports.inventory import Named
from waypost.domain.events import Event
from waypost.domain.fields import changed_fields, too_many
from waypost.domain.inventory import InventoryParent, InventoryVariant, ProductVariant
from waypost.domain.refusals import Invalid, Problem
from waypost.domain.slices import Sliced

_STEPS_OF_A_VARIANT = 20  # to change it, and to tell of it


def source_id_of(actor: Actor, given: int | None) -> int | None:
    """The source that is meant; a source token's own where none is given."""
    return actor.scope.source_id if given is None else given


class Rows(NamedTuple):
    """Rows to be written."""

    parents: list[InventoryParent]
    products: list[ProductVariant]
    variants: list[InventoryVariant]

    def any(self) -> bool:
        """Whether there are any."""
        return bool(self.parents or self.products or self.variants)


class Shelf:
    """Everything that a batch has found, and what is new or changed of it."""

    def __init__(self) -> None:
        self.sources: dict[tuple[int, int], SourceRow] = {}
        self.ids: dict[str, Iterator[int]] = {}
        self.clear()

    def clear(self) -> None:
        """Forget what was found."""
        self.variants: dict[int, InventoryVariant] = {}
        self.by_name: dict[Named, int] = {}
        self.parents: dict[Named, InventoryParent] = {}
        self.products: dict[tuple[int, str], ProductVariant] = {}
        self._new: set[tuple[str, int]] = set()
        self._changed: set[tuple[str, int]] = set()

    def put(self, found: Mapping[int, InventoryVariant]) -> None:
        """Remember variants."""
        self.variants |= found
        self.by_name |= {(one.source_id, one.sku): id_ for id_, one in found.items()}

    def mark(self, kind: str, id_: int, is_new: bool) -> None:
        """Remember that a row is to be written; one that is new stays new, however often it changes."""
        if is_new:
            self._new.add((kind, id_))
        elif (kind, id_) not in self._new:
            self._changed.add((kind, id_))

    def _rows(self, marked: set[tuple[str, int]]) -> Rows:
        return Rows(
            [one for one in self.parents.values() if ("inventory_parent", one.id) in marked],
            [one for one in self.products.values() if ("product_variant", one.id) in marked],
            [one for one in self.variants.values() if ("inventory_variant", one.id) in marked],
        )

    @property
    def new(self) -> Rows:
        """What is to be inserted."""
        return self._rows(self._new)

    @property
    def changed(self) -> Rows:
        """What is to be updated."""
        return self._rows(self._changed)


class Overlay:
    """What one call makes of the shelf; nothing of it counts until it is merged."""

    def __init__(self, shelf: Shelf, actor: Actor, at: int) -> None:
        self._shelf = shelf
        self._actor = actor
        self._at = at
        self._account = actor.scope.account_id
        self.variants: dict[int, InventoryVariant] = {}
        self.order: list[int] = []  # of the variants, as the call names them
        self.families: list[InventoryParent] = []  # the parents that the call names
        self.changed: dict[tuple[str, int], bool] = {}  # (kind, id): whether it is new
        self._parents: dict[Named, InventoryParent] = {}
        self._products: dict[str, ProductVariant] = {}
        self._problems: list[Problem] = []
        self._seen: set[Named] = set()

    def apply(self, call: InventoryCall) -> Sliced[None]:
        """Everything that the call asks for; raises `Invalid` with every problem at once."""
        named = [(one, self._source(one)) for one in call.parents]
        for parent, source in named:
            if source is not None:
                self._apply_parent(parent, source.id)
        for variant in call.variants:
            self._apply_variant(variant, call.creates)
            yield _STEPS_OF_A_VARIANT
        if self._problems:
            raise Invalid(self._problems)
        self.families = [self._parents[source.id, one.sku] for one, source in named if source is not None]

    def _problem(self, field: str, code: str, message: str) -> None:
        self._problems.append(Problem(field, code, message))

    def _source(self, one: VariantChange | ParentChange) -> SourceRow | None:
        id_ = source_id_of(self._actor, one.source_id)
        field = f"{one.field}/source_id"
        if id_ is None:
            self._problem(field, "required", "An account token says which source it is about.")
            return None
        if self._actor.scope.source_id not in (None, id_):
            self._problem(field, "foreign_source", "A source token changes its own inventory only.")
            return None
        row = self._shelf.sources.get((self._account, id_))
        if row is None:
            self._problem(field, "unknown_source", f"There is no source {id_}.")
        return row

    def _fields(self, one: VariantChange | ParentChange, was: str) -> str:
        now = changed_fields(was, one.fields)
        if words := too_many(was, now):
            self._problem(f"{one.field}/custom_fields", "too_many_items", words)
        return now

    def _apply_parent(self, one: ParentChange, source_id: int) -> None:
        name = (source_id, one.sku)
        if name in self._parents:
            self._problem(f"{one.field}/sku", "repeated", f"The parent {one.sku} is given twice.")
            return
        was = self._shelf.parents.get(name) or self._parent(name, None)
        now = was._replace(**one.values, custom_fields=self._fields(one, was.custom_fields))
        if now != was:
            now = now._replace(updated_at=self._at)
            self.changed.setdefault(("inventory_parent", now.id), False)
        self._parents[name] = now

    def _parent(self, name: Named, title: str | None) -> InventoryParent:
        """The parent of this name, made if it is not there."""
        found = self._parents.get(name) or self._shelf.parents.get(name)
        if found is not None:
            return found
        id_ = next(self._shelf.ids["inventory_parent"])
        made = InventoryParent(id_, self._account, *name, title, None, None, "[]", False, self._at, self._at)
        self._parents[name] = made
        self.changed["inventory_parent", id_] = True
        return made

    def _product(self, sku: str, of: Mapping[str, Any]) -> ProductVariant:
        """The product of this SKU, made if it is not there; `of`: the variant it is made for."""
        found = self._products.get(sku) or self._shelf.products.get((self._account, sku))
        if found is not None:
            return found
        id_ = next(self._shelf.ids["product_variant"])
        described = (of.get("title"), of.get("upc"), of.get("mpn"))
        made = ProductVariant(id_, self._account, sku, *described, "[]", self._at, self._at)
        self._products[sku] = made
        self.changed["product_variant", id_] = True
        return made

    def _apply_variant(self, one: VariantChange, creates: bool) -> None:
        was = self._found(one, creates)
        if was is None:
            return
        if (was.source_id, was.sku) in self._seen:
            self._problem(f"{one.field}/sku", "repeated", f"The variant {was.sku} is given twice.")
            return
        self._seen.add((was.source_id, was.sku))
        links: dict[str, Any] = {}
        is_new = was.id not in self._shelf.variants
        if is_new or one.parent_sku is not None:
            name = (was.source_id, one.parent_sku or was.sku)
            links["parent_id"] = self._parent(name, one.values.get("title")).id
        if is_new or one.product_sku is not None:
            links["product_variant_id"] = self._product(one.product_sku or was.sku, one.values).id
        fields = self._fields(one, was.custom_fields)
        now = was._replace(**{**one.values, **links, "custom_fields": fields})
        if is_new or now != was:
            now = now._replace(updated_at=self._at)
            self.changed["inventory_variant", now.id] = is_new
        self.variants[now.id] = now
        self.order.append(now.id)

    def _found(self, one: VariantChange, creates: bool) -> InventoryVariant | None:
        """The variant that is meant, or the beginning of a new one; None with a problem."""
        if one.variant_id is not None:
            return self._by_id(one, one.variant_id)
        source = self._source(one)
        if one.sku is None:
            self._problem(f"{one.field}/sku", "required", "Name the variant by its sku or its inventoryVariantId.")
            return None
        if source is None:
            return None
        id_ = self._shelf.by_name.get((source.id, one.sku))
        if id_ is not None:
            return self._shelf.variants[id_]
        if not creates:
            words = f"Source {source.id} has no inventory variant with the SKU {one.sku}."
            self._problem(f"{one.field}/sku", "unknown_sku", words)
            return None
        if (source.id, one.sku) in self._seen:
            self._problem(f"{one.field}/sku", "repeated", f"The variant {one.sku} is given twice.")
            return None
        blank = dict.fromkeys(InventoryVariant._fields)
        begun = {"id": next(self._shelf.ids["inventory_variant"]), "account_id": self._account, "source_id": source.id,
                 "sku": one.sku, "quantity": 0, "committed": 0, "archived": False, "custom_fields": "[]",
                 "inserted_at": self._at, "updated_at": self._at}  # fmt: skip
        return InventoryVariant(**{**blank, **begun})  # type: ignore[arg-type]  # by name

    def _by_id(self, one: VariantChange, id_: int) -> InventoryVariant | None:
        found = self._shelf.variants.get(id_)
        scope = self._actor.scope
        if found is None or found.account_id != scope.account_id or scope.source_id not in (None, found.source_id):
            self._problem(f"{one.field}/variant_id", "unknown_variant", f"There is no inventory variant {id_}.")
            return None
        if one.source_id not in (None, found.source_id):
            words = f"The inventory variant {id_} is of source {found.source_id}."
            self._problem(f"{one.field}/source_id", "foreign_source", words)
            return None
        if one.sku not in (None, found.sku):
            words = f"The inventory variant {id_} has the SKU {found.sku}, not {one.sku}."
            self._problem(f"{one.field}/sku", "other_sku", words)
            return None
        return found

    def give_back(self, variant_id: int, quantity: int) -> None:
        """So many pieces of the variant are not held any more; the ledger writes that by itself."""
        variant = self.variants[variant_id]
        self.variants[variant_id] = variant._replace(committed=variant.committed - quantity, updated_at=self._at)

    def words(self) -> tuple[str, ...]:
        """What has become of each variant, in the order of the call."""
        became = {None: "unchanged", False: "changed", True: "created"}
        return tuple(became[self.changed.get(("inventory_variant", id_))] for id_ in self.order)

    def merge(self, call_id: str | None) -> Sliced[list[Event]]:
        """Put it on the shelf; the events that tell of it, without their numbers."""
        told = []
        rows: dict[tuple[str, int], Any] = {
            **{("inventory_parent", one.id): one for one in self._parents.values()},
            **{("product_variant", one.id): one for one in self._products.values()},
            **{("inventory_variant", id_): one for id_, one in self.variants.items()},
        }
        for (kind, id_), is_new in self.changed.items():
            was = self._shelf.variants.get(id_) if kind == "inventory_variant" else None
            told.append(self._event(kind, is_new, was, rows[kind, id_], call_id))
            self._shelf.mark(kind, id_, is_new)
            yield _STEPS_OF_A_VARIANT
        self._shelf.put(self.variants)
        self._shelf.parents |= self._parents
        self._shelf.products |= {(self._account, sku): one for sku, one in self._products.items()}
        return told

    def _event(self, kind: str, is_new: bool, was: InventoryVariant | None, now: Any, call_id: str | None) -> Event:
        data: dict[str, Any] = {"sku": now.sku}
        if was is not None:
            silent = ("updated_at", "committed")
            data["changed"] = [
                name for name in InventoryVariant._fields
                if name not in silent and getattr(was, name) != getattr(now, name)
            ]  # fmt: skip
        if kind == "inventory_variant" and (was is None or was.quantity != now.quantity):
            data["quantity"] = {"from": None if was is None else was.quantity, "to": now.quantity}
        actor = self._actor
        return Event(
            self._account, 0, self._at, kind, now.id, f"{kind}.{'created' if is_new else 'updated'}", None, None,
            actor.type, actor.id, actor.name, None, None, call_id,
            json.dumps(data, ensure_ascii=False, separators=(",", ":")),
        )  # fmt: skip
