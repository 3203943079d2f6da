"""Orders: posted and read (contract section 5; the rest of that section comes with later issues)."""

from falcon.asgi import Request, Response

from waypost.app.hub import Hub
from waypost.domain.refusals import NotFound
from waypost.http import operations as ops
from waypost.http.call import Resource, answer, call_of, path_id, replayed
from waypost.wire import bodies
from waypost.wire.orders import ORDER_STATUS_NAMES, render_order
from waypost.wire.requests import dry_run


class Orders(Resource):
    """`/orders`"""

    async def on_post(self, req: Request, resp: Response) -> None:
        """Create an order; the same again gives it back."""
        call = call_of(req)
        call.begin(ops.CREATE_ORDER)
        params = call.query()
        body = await call.json(bodies.CreateOrder)
        key = call.key(None, params)
        draft = bodies.order_draft(body, call.actor, call.id, call.faults) if body else None
        call.check()
        if draft is None:
            raise AssertionError("a faulty body has its faults")
        draft = draft._replace(key=key, dry_run=params.get("dryRun", False))
        posted = await self.hub.changes.create_order(draft)
        status = 201 if posted.created else 200
        if posted.dry_run:
            name = ORDER_STATUS_NAMES[posted.view.order.status]
            answer(resp, dry_run(None if posted.created else name, name, posted.created, status))
            return
        view = posted.view
        if not (posted.created or posted.replayed):
            view = await self.hub.reads.order(call.actor.scope, view.order.id) or view
        answer(resp, render_order(view), status=status)
        resp.set_header("Location", f"/orders/{view.order.id}")
        replayed(resp, posted.replayed)


class OneOrder(Resource):
    """`/orders/{id}`"""

    async def on_get(self, req: Request, resp: Response, id: str) -> None:
        """Get, with items and fulfillment requests."""
        call = call_of(req)
        call.begin(ops.GET_ORDER)
        view = await self.hub.reads.order(call.actor.scope, path_id(id, "order"))
        if view is None:
            raise NotFound("order")
        answer(resp, render_order(view))


def routes(hub: Hub) -> dict[str, Resource]:
    """The paths of this tag."""
    return {"/orders": Orders(hub), "/orders/{id}": OneOrder(hub)}
