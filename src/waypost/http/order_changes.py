"""Changes of orders: status, payment, items, tags, accounting, links (contract section 5)."""

from collections.abc import Callable
from typing import Any

from falcon.asgi import Request, Response

from waypost.app import order_changes as changes
from waypost.app.batch_size import ITEMS_AT_MOST, fitting
from waypost.app.hub import Hub
from waypost.app.order_bench import OrderAsk
from waypost.app.order_changes import OrderChange, OrderDone
from waypost.app.order_links import ORDERS_AT_MOST, LinkAsk, link_orders
from waypost.app.ports.orders import LinkQuery
from waypost.domain.order_lifecycle import LINKABLE
from waypost.http import operations as ops
from waypost.http.call import Call, Operation, Resource, answer, call_of, no_content, path_id, replayed
from waypost.http.records import Asked, asked_for
from waypost.wire import order_bodies as bodies
from waypost.wire.orders import ORDER_STATUS_NAMES, render_done, render_tags
from waypost.wire.pieces import Pieces
from waypost.wire.requests import dry_run, encode


class Change(Resource):
    """A resource whose calls change one order."""

    async def begin(
        self, req: Request, operation: Operation, id: str, type_: type[Any] | None = None
    ) -> tuple[Call, OrderAsk, Asked[Any]]:
        """What the call brings; a path id that is none is a 404 before anything else is read. No type: no body."""
        call = call_of(req)
        if type_ is not None:
            asked = await asked_for(call, operation, type_, id, "order")
        else:
            call.begin(operation)
            order_id, params = path_id(id, "order"), call.query()
            asked = Asked(order_id, None, params, call.key(order_id, params))
        return call, OrderAsk(call.actor, asked.id, call.id, asked.params.get("updateNote")), asked

    async def settle(
        self, resp: Response, asked: Asked[Any], change: OrderChange, show: Callable[[OrderDone], Pieces] | None,
    ) -> None:  # fmt: skip
        """Make the change, and answer with what `show` makes of it, or with nothing (204)."""
        dry = asked.params.get("dryRun", False)
        done = await self.hub.changes.record(change._replace(dry_run=dry), asked.key)
        if done.dry_run:
            was, now = done.record.from_status, done.record.view.order.status
            names = ORDER_STATUS_NAMES[was], ORDER_STATUS_NAMES[now]
            answer(resp, dry_run(*names, done.record.changed, 200 if show else 204))
        elif show is None:
            no_content(resp)
        else:
            await self.answer_list(resp, show(done.record))
        replayed(resp, done.replayed)


class Status(Change):
    """`/orders/{id}/status`"""

    async def on_patch(self, req: Request, resp: Response, id: str) -> None:
        """Hold, release, close, cancel, or set it aside; a body is not looked at."""
        call, ask, asked = await self.begin(req, ops.SET_ORDER_STATUS, id)
        call.check()
        await self.settle(resp, asked, changes.set_status(ask, asked.params["status"]), render_done)


class Payment(Change):
    """`/orders/{id}/payment`"""

    async def on_patch(self, req: Request, resp: Response, id: str) -> None:
        """Tell what is known of its payment."""
        call, ask, asked = await self.begin(req, ops.SET_ORDER_PAYMENT, id)
        call.check()
        await self.settle(resp, asked, changes.set_payment(ask, asked.params["status"]), render_done)


class Items(Change):
    """`/orders/{id}/items`"""

    async def on_post(self, req: Request, resp: Response, id: str) -> None:
        """Add an item to an open order."""
        call, ask, asked = await self.begin(req, ops.ADD_ORDER_ITEMS, id, bodies.AddItem)
        draft = bodies.item_draft(asked.body, call.faults) if asked.body else None
        call.check()
        if draft is None or asked.body is None:
            raise AssertionError("a faulty body has its faults")
        change = changes.add_item(ask, draft, asked.body.price is not None)
        await self.settle(resp, asked, change, render_done)


class Tags(Change):
    """`/orders/{id}/tags`"""

    async def on_patch(self, req: Request, resp: Response, id: str) -> None:
        """Add and remove tags."""
        call, ask, asked = await self.begin(req, ops.CHANGE_ORDER_TAGS, id, bodies.TagChanges)
        add, remove = bodies.tag_changes(asked.body, call.faults) if asked.body else ([], [])
        call.check()
        await self.settle(resp, asked, changes.change_tags(ask, add, remove), render_tags)


class SyncAccounting(Change):
    """`/orders/{id}/accounting-sync`"""

    async def on_patch(self, req: Request, resp: Response, id: str) -> None:
        """Keep what an accounting system says."""
        call, ask, asked = await self.begin(req, ops.SYNC_ORDER_ACCOUNTING, id, bodies.SyncOrderAccounting)
        call.check()
        if asked.body is None:
            raise AssertionError("a faulty body has its faults")
        await self.settle(resp, asked, changes.sync_accounting(ask, bodies.accounting(asked.body)), None)


class Link(Resource):
    """`/orders/link`"""

    async def on_patch(self, req: Request, resp: Response) -> None:
        """Look for unmanaged items once more; which orders have changed."""
        call = call_of(req)
        asked = await asked_for(call, ops.LINK_ORDERS, bodies.LinkIn)
        choice = bodies.link_choice(asked.body, asked.params, call.faults) if asked.body else None
        call.check()
        if choice is None:
            raise AssertionError("a faulty body has its faults")
        ids, skus = tuple(choice.order_ids or ()), tuple(choice.skus or ())
        if not ids:
            # Looked for among what is committed, before the transaction: this may take a reader's time.
            query = LinkQuery(call.actor.scope, skus, choice.channel_id)
            found = await self.hub.reads.linkable_orders(query, LINKABLE, ORDERS_AT_MOST)
            ids = tuple(fitting(found, ITEMS_AT_MOST))
        dry = asked.params.get("dryRun", False)
        change = link_orders(LinkAsk(call.actor, ids, skus, choice.channel_id, call.id))
        done = await self.hub.changes.record(change._replace(dry_run=dry), asked.key)
        if done.dry_run:
            answer(resp, dry_run(None, None, bool(done.record), 200))
        else:
            answer(resp, encode(done.record))
        replayed(resp, done.replayed)


def routes(hub: Hub) -> dict[str, Resource]:
    """The paths of this tag."""
    base = "/orders/{id}"
    return {
        f"{base}/status": Status(hub),
        f"{base}/payment": Payment(hub),
        f"{base}/items": Items(hub),
        f"{base}/tags": Tags(hub),
        f"{base}/accounting-sync": SyncAccounting(hub),
        "/orders/link": Link(hub),
    }
