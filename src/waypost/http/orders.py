"""Orders: posted, listed and read (contract section 5)."""

from falcon.asgi import Request, Response

from waypost.app.hub import Hub
from waypost.app.ports import OrderQuery
from waypost.domain.refusals import NotFound
from waypost.http import operations as ops
from waypost.http.call import Resource, answer, call_of, path_id, replayed
from waypost.http.paging import ORDERS_BY_PAGE
from waypost.wire import order_bodies as bodies
from waypost.wire.events import render_order_timeline
from waypost.wire.orders import ORDER_STATUS_NAMES, render_order, render_orders
from waypost.wire.requests import dry_run


class Orders(Resource):
    """`/orders`"""

    async def on_get(self, req: Request, resp: Response) -> None:
        """List."""
        call = call_of(req)
        call.begin(ops.LIST_ORDERS)
        params = call.query()
        call.check()
        page = ORDERS_BY_PAGE.page(params)
        tags = tuple(tag for tag in params.get("includeTags", ()) if not _asks_to_show(tag))
        query = OrderQuery(
            call.actor.scope, params.get("orderedAfter"), params.get("status", ()), tags,
            params.get("orderUpdatedAt"), params.get("fulfillmentRequestsUpdatedAt"), params.get("shipmentsUpdatedAt"),
            params.get("orderNumbers", ()), params.get("referenceNumbers", ()), params.get("channelId"),
            *page,
        )  # fmt: skip
        await self.answer_list(resp, render_orders(await self.hub.reads.orders(query)))

    async def on_post(self, req: Request, resp: Response) -> None:
        """Create an order; the same again finds it, or updates its payment, tags and note."""
        call = call_of(req)
        call.begin(ops.CREATE_ORDER)
        params = call.query()
        body = await call.json(bodies.CreateOrder)
        key = call.key(None, params)
        draft = bodies.order_draft(body, call.actor, call.id, call.faults) if body else None
        call.check()
        if draft is None:
            raise AssertionError("a faulty body has its faults")
        posted = await self.hub.changes.create_order(draft._replace(dry_run=params.get("dryRun", False)), key)
        status = 201 if posted.created else 200
        if posted.dry_run:
            name = ORDER_STATUS_NAMES[posted.view.order.status]
            was = None if posted.created else ORDER_STATUS_NAMES[posted.updated_from or posted.view.order.status]
            answer(resp, dry_run(was, name, posted.created or posted.updated_from is not None, status))
            return
        await self.answer_list(resp, render_order(posted.view), status)
        resp.set_header("Location", f"/orders/{posted.view.order.id}")
        replayed(resp, posted.replayed)


def _asks_to_show(tag: str) -> bool:
    """Whether `includeTags` holds no tag but a wish to see them, or none: they are always shown."""
    return all(part.strip().lower() in ("true", "false", "") for part in tag.split(","))


class OneOrder(Resource):
    """`/orders/{id}`"""

    async def on_get(self, req: Request, resp: Response, id: str) -> None:
        """Get, with items and fulfillment requests."""
        call = call_of(req)
        call.begin(ops.GET_ORDER)
        view = await self.hub.reads.order(call.actor.scope, path_id(id, "order"))
        if view is None:
            raise NotFound("order")
        await self.answer_list(resp, render_order(view))


class Timeline(Resource):
    """`/orders/{id}/events`"""

    async def on_get(self, req: Request, resp: Response, id: str) -> None:
        """Who did what, when and why; oldest first."""
        call = call_of(req)
        call.begin(ops.ORDER_TIMELINE)
        events = await self.hub.reads.order_timeline(call.actor.scope, path_id(id, "order"))
        if events is None:
            raise NotFound("order")
        await self.answer_list(resp, render_order_timeline(events, call.actor.type))


def routes(hub: Hub) -> dict[str, Resource]:
    """The paths of this tag."""
    return {"/orders": Orders(hub), "/orders/{id}": OneOrder(hub), "/orders/{id}/events": Timeline(hub)}
