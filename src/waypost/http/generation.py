"""Orders routed: what would be generated, what is, and why it went where it went (native)."""

from typing import Any

from falcon.asgi import Request, Response

from waypost.app.commands import Command
from waypost.app.hub import Hub
from waypost.app.routing_again import RerouteAsk, reroute_request
from waypost.app.routing_orders import GenerationAsk, generate_order, preview_order
from waypost.app.slices import in_slices
from waypost.app.stored_records import decoded
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import NotFound
from waypost.domain.routing import Decision
from waypost.domain.statuses import STATUSES, Status
from waypost.http import operations as ops
from waypost.http.call import Call, Operation, Resource, answer, call_of, path_id, replayed
from waypost.wire.requests import dry_run, render_list
from waypost.wire.routing import render_decision, render_preview


def _begin(req: Request, operation: Operation, id: str) -> tuple[Call, int, dict[str, Any]]:
    call = call_of(req)
    call.begin(operation)
    return call, path_id(id, "order"), call.query()


class PreviewForOrder(Resource):
    """`/orders/{id}/fulfillment-requests/preview`"""

    async def on_post(self, req: Request, resp: Response, id: str) -> None:
        """What would be generated now, and why; nothing is written."""
        call, order_id, _ = _begin(req, ops.PREVIEW_GENERATION, id)
        call.check()
        ask = GenerationAsk(call.actor, order_id, call_id=call.id)
        done = await self.hub.changes.record(preview_order(ask))
        await self.answer_list(resp, render_preview(done.record))


class GenerateForOrder(Resource):
    """`/orders/{id}/fulfillment-requests/generate`"""

    async def on_post(self, req: Request, resp: Response, id: str) -> None:
        """Generate for everything that is open."""
        call, order_id, params = _begin(req, ops.GENERATE_FOR_ORDER, id)
        key = call.key(order_id, params)
        call.check()
        dry = params.get("dryRun", False)
        change = generate_order(GenerationAsk(call.actor, order_id, params.get("partial", False), call.id))
        done = await self.hub.changes.record(change._replace(dry_run=dry), key)
        if done.dry_run:
            answer(resp, dry_run(None, STATUSES[Status(done.record[0].state.status)].name, True, 201))
            return
        await self.answer_list(resp, render_list(list(done.record), call.actor.type), status=201)
        replayed(resp, done.replayed)


class Routing(Resource):
    """`/fulfillment-requests/{id}/routing`"""

    async def on_get(self, req: Request, resp: Response, id: str) -> None:
        """The decision that sent it to its source."""
        call = call_of(req)
        call.begin(ops.ROUTING)
        row = await self.hub.reads.routing_decision(call.actor.scope, path_id(id))
        if row is None:
            raise NotFound("routing decision")
        await self.answer_list(resp, render_decision(row, await in_slices(decoded(row.decision, Decision))))


class Reroute(Resource):
    """`/fulfillment-requests/{id}/reroute`"""

    async def on_patch(self, req: Request, resp: Response, id: str) -> None:
        """Void it, and generate for what it held at another source."""
        call = call_of(req)
        call.begin(ops.REROUTE)
        id_ = path_id(id)
        params = call.query()
        expected, key = call.expected(), call.key(id_, params)
        call.check()
        dry = params.get("dryRun", False)
        command = Command(
            Action.VOID, id_, call.actor, call.id, reason=params.get("reason"), expected=expected, wants_image=False
        )
        change = reroute_request(RerouteAsk(command, params.get("sourceId")))
        done = await self.hub.changes.record(change._replace(dry_run=dry), key)
        images, was = done.record
        if done.dry_run:
            answer(resp, dry_run(STATUSES[was].name, STATUSES[Status.VOIDED].name, True, 200))
            return
        await self.answer_list(resp, render_list(list(images), call.actor.type))
        replayed(resp, done.replayed)


def routes(hub: Hub) -> dict[str, Resource]:
    """The paths of this tag."""
    return {
        "/orders/{id}/fulfillment-requests/preview": PreviewForOrder(hub),
        "/orders/{id}/fulfillment-requests/generate": GenerateForOrder(hub),
        "/fulfillment-requests/{id}/routing": Routing(hub),
        "/fulfillment-requests/{id}/reroute": Reroute(hub),
    }
