"""Listings: what channels show (contract section 6)."""

from falcon.asgi import Request, Response

from waypost.app.hub import Hub
from waypost.http import operations as ops
from waypost.http.call import Resource, call_of
from waypost.http.inventory import goods_query
from waypost.http.records import Records, asked_for
from waypost.wire import listings as wire


class Parents(Resource):
    """`/listing/parents`"""

    async def on_get(self, req: Request, resp: Response) -> None:
        """List, each with its variants."""
        query, params = goods_query(call_of(req), ops.LIST_LISTING_PARENTS)
        families = await self.hub.reads.listing_families(query)
        await self.answer_list(resp, wire.render_parents(families, params.get("includeAttributes", False)))


class Variants(Records):
    """`/listing/variants`"""

    async def on_get(self, req: Request, resp: Response) -> None:
        """List."""
        query, _ = goods_query(call_of(req), ops.LIST_LISTING_VARIANTS)
        await self.answer_list(resp, wire.render_listings(await self.hub.reads.listing_variants(query)))

    async def on_put(self, req: Request, resp: Response) -> None:
        """Make or change up to 50, all or none."""
        call = call_of(req)
        asked = await asked_for(call, ops.UPDATE_LISTING_VARIANTS, wire.Listings)
        change = wire.listings_call(asked.body or [], asked.params, call.actor, call.faults)
        await self.record(call, resp, asked, change, wire.render_done)


def routes(hub: Hub) -> dict[str, Resource]:
    """The paths of this tag."""
    return {"/listing/parents": Parents(hub), "/listing/variants": Variants(hub)}
