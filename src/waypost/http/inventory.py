"""Inventory and products: what sources have, told by them, explained line by line (contract section 6)."""

from collections.abc import Callable
from typing import Any

from falcon.asgi import Request, Response

from waypost.app.goods import InventoryCall, InventoryDone
from waypost.app.hub import Hub
from waypost.app.ports.inventory import GoodsQuery
from waypost.domain.inventory import Family
from waypost.domain.refusals import NotFound
from waypost.http import operations as ops
from waypost.http.call import BULK_BODY_AT_MOST, Call, Operation, Resource, answer, call_of, path_id, replayed
from waypost.http.paging import BY_PAGE
from waypost.wire import inventory as wire
from waypost.wire.requests import dry_run


def goods_query(call: Call, operation: Operation) -> tuple[GoodsQuery, dict[str, Any]]:
    """The filters of a list of goods, and every parameter."""
    call.begin(operation)
    params = call.query()
    call.check()
    query = GoodsQuery(
        call.actor.scope, params.get("skus", ()), params.get("ids", ()), params.get("upcs", ()),
        params.get("sourceId"), params.get("channelId"), params.get("updatedAfter"),
        *BY_PAGE.page(params),
    )  # fmt: skip
    return query, params


class Changing(Resource):
    """A resource that changes inventory."""

    async def change(self, call: Call, operation: Operation, body_type: Any, read: Callable[..., InventoryCall],
                     resp: Response) -> InventoryDone | None:  # fmt: skip
        """Read a call and let it happen; None when it was a dry run, which is answered here."""
        call.begin(operation)
        params = call.query()
        body = await call.json(body_type, BULK_BODY_AT_MOST)
        key = call.key(None, params)
        asked = None if body is None else read(body, params, call.actor, call.id, call.faults)
        call.check()
        if asked is None:
            raise AssertionError("a faulty body has its faults")
        done = await self.hub.changes.change_inventory(asked._replace(dry_run=params.get("dryRun", False)), key)
        if done.dry_run:
            answer(resp, dry_run(None, None, done.changed > 0, 200))
            return None
        replayed(resp, done.replayed)
        return done


class Variants(Changing):
    """`/inventory/variants`"""

    async def on_get(self, req: Request, resp: Response) -> None:
        """List."""
        query, _ = goods_query(call_of(req), ops.LIST_INVENTORY_VARIANTS)
        await self.answer_list(resp, wire.render_variants(await self.hub.reads.inventory_variants(query)))

    async def on_put(self, req: Request, resp: Response) -> None:
        """Change up to 50, all or none."""
        done = await self.change(
            call_of(req), ops.UPDATE_INVENTORY_VARIANTS, wire.VariantUpdates, wire.update_call, resp
        )
        if done is not None:
            await self.answer_list(resp, wire.render_variants(done.variants))


class Parents(Changing):
    """`/inventory/parents`"""

    async def on_get(self, req: Request, resp: Response) -> None:
        """List, each with its variants."""
        query, _ = goods_query(call_of(req), ops.LIST_INVENTORY_PARENTS)
        await self.answer_list(resp, wire.render_families(await self.hub.reads.inventory_families(query)))

    async def on_post(self, req: Request, resp: Response) -> None:
        """Create or change up to 20 with their variants, all or none."""
        done = await self.change(call_of(req), ops.CREATE_INVENTORY_PARENTS, wire.Parents, wire.create_call, resp)
        if done is not None:
            families = [
                Family(parent, tuple(one for one in done.variants if one.parent_id == parent.id))
                for parent in done.parents
            ]
            await self.answer_list(resp, wire.render_families(families))


class Stock(Resource):
    """`/inventory/variants/{id}/stock`"""

    async def on_get(self, req: Request, resp: Response, id: str) -> None:
        """Why so many are available."""
        call = call_of(req)
        call.begin(ops.EXPLAIN_STOCK)
        view = await self.hub.reads.stock_of(call.actor.scope, path_id(id, "inventory variant"))
        if view is None:
            raise NotFound("inventory variant")
        await self.answer_list(resp, wire.render_stock(view, call.actor.type))


class Products(Resource):
    """`/product/variants`"""

    async def on_get(self, req: Request, resp: Response) -> None:
        """List."""
        call = call_of(req)
        query, _ = goods_query(call, ops.LIST_PRODUCT_VARIANTS)
        products = await self.hub.reads.product_variants(query)
        ids = [one.id for one in products]
        links = await self.hub.reads.product_links(call.actor.scope.account_id, ids) if ids else ({}, {})
        await self.answer_list(resp, wire.render_products(products, links))


def routes(hub: Hub) -> dict[str, Resource]:
    """The paths of these tags."""
    return {
        "/inventory/variants": Variants(hub),
        "/inventory/variants/{id}/stock": Stock(hub),
        "/inventory/parents": Parents(hub),
        "/product/variants": Products(hub),
    }
