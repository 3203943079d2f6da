"""Shipments: posted by sources, read by everybody whom they concern, corrected (contract section 3)."""

from collections.abc import Sequence
from typing import Any

from falcon.asgi import Request, Response

from waypost.app.hub import Hub
from waypost.app.ports.shipments import ShipmentQuery
from waypost.app.shipment_changes import Patched
from waypost.app.shipment_drafts import PatchCall, ShipmentPatch
from waypost.domain.refusals import NotFound
from waypost.domain.statuses import STATUSES
from waypost.http import operations as ops
from waypost.http.call import Call, Resource, answer, call_of, path_id, replayed
from waypost.http.paging import BY_FILTER_PAGE
from waypost.wire import shipments as wire
from waypost.wire.requests import dry_run


class Shipments(Resource):
    """`/shipments`"""

    async def on_get(self, req: Request, resp: Response) -> None:
        """List."""
        call = call_of(req)
        call.begin(ops.LIST_SHIPMENTS)
        params = call.query()
        call.check()
        request_id = params.get("findByFulfillmentRequestId", params.get("findByPurchaseOrderId"))
        query = ShipmentQuery(
            call.actor.scope, params.get("findByOrderId"), request_id, params.get("filterCreatedAfter"),
            params.get("filterUpdatedAfter"), *BY_FILTER_PAGE.page(params),
        )  # fmt: skip
        await self.answer_list(resp, wire.render_shipments(await self.hub.reads.shipments(query)))

    async def on_post(self, req: Request, resp: Response) -> None:
        """Post one."""
        call = call_of(req)
        call.begin(ops.CREATE_SHIPMENT)
        params = call.query()
        body = await call.json(wire.CreateShipment)
        key = call.key(None, params)
        draft = wire.shipment_draft(body, call.actor, call.id, call.faults) if body else None
        call.check()
        if draft is None:
            raise AssertionError("a faulty body has its faults")
        shipped = await self.hub.changes.ship(draft._replace(dry_run=params.get("dryRun", False)), key)
        if shipped.dry_run:
            was, now = STATUSES[shipped.from_status].name, STATUSES[shipped.to_status].name
            answer(resp, dry_run(was, now, True, 200))
            return
        answer(resp, wire.render_shipment(shipped.view), shipped.view.shipment.version)
        replayed(resp, shipped.replayed)

    async def on_patch(self, req: Request, resp: Response) -> None:
        """Correct one; its id stands in the body."""
        call = call_of(req)
        call.begin(ops.UPDATE_SHIPMENT)
        params = call.query()
        body = await call.json(wire.UpdateShipment)
        patch = wire.shipment_patch(body, call.actor, call.id, call.faults) if body else None
        show_one(resp, await correct(self, call, None, params, [patch] if patch else []))


async def correct(
    resource: Resource, call: Call, id_: int | None, params: dict[str, Any], patches: Sequence[ShipmentPatch]
) -> Patched:
    """Ask for corrections; `id_` is the one of the path, if it has one."""
    expected, key = call.expected(), call.key(id_, params)
    call.check()
    asked = PatchCall(tuple(patches), expected, params.get("dryRun", False))
    return await resource.hub.changes.patch_shipments(asked, key)


def show_one(resp: Response, done: Patched) -> None:
    """The shipment that was corrected."""
    body = told(done) if done.dry_run else wire.render_shipment(done.views[0])
    answer(resp, body, done.views[0].shipment.version)
    replayed(resp, done.replayed)


def told(done: Patched) -> bytes:
    """What would happen."""
    was, now = STATUSES[done.from_status].name, STATUSES[done.to_status].name
    return dry_run(was, now, done.changed, 200)


class OneShipment(Resource):
    """`/shipments/{id}`"""

    async def on_get(self, req: Request, resp: Response, id: str) -> None:
        """Get."""
        call = call_of(req)
        call.begin(ops.GET_SHIPMENT)
        view = await self.hub.reads.shipment(call.actor.scope, path_id(id, "shipment"))
        if view is None:
            raise NotFound("shipment")
        answer(resp, wire.render_shipment(view), view.shipment.version)


class FlagWithErrors(Resource):
    """`/shipments/flag-with-errors`"""

    async def on_put(self, req: Request, resp: Response) -> None:
        """Keep why shipments could not be told to their channel; all or none."""
        call = call_of(req)
        call.begin(ops.FLAG_SHIPMENTS)
        params = call.query()
        body = await call.json(wire.Flagged)
        patches = wire.flagged_patches(body, call.actor, call.id, call.faults) if body else []
        done = await correct(self, call, None, params, patches)
        if done.dry_run:
            answer(resp, told(done))
        else:
            await self.answer_list(resp, wire.render_shipments(done.views))
        replayed(resp, done.replayed)


class ShipmentItems(Resource):
    """`/shipment/{id}/shipment-item`"""

    async def on_delete(self, req: Request, resp: Response, id: str) -> None:
        """Take items out again."""
        call = call_of(req)
        call.begin(ops.DELETE_SHIPMENT_ITEMS)
        id_ = path_id(id, "shipment")
        params = call.query()
        body = await call.json(wire.DeleteItems)
        gone = tuple(dict.fromkeys(body.shipment_item_ids)) if body else ()
        patch = ShipmentPatch(call.actor, id_, gone=gone, call_id=call.id)
        show_one(resp, await correct(self, call, id_, params, [patch]))


class ShipmentFields(Resource):
    """`/shipment/{id}/custom-fields`"""

    async def on_delete(self, req: Request, resp: Response, id: str) -> None:
        """Take custom fields away."""
        call = call_of(req)
        call.begin(ops.DELETE_SHIPMENT_FIELDS)
        id_ = path_id(id, "shipment")
        params = call.query()
        body = await call.json(wire.DeleteFields)
        gone = tuple(dict.fromkeys(body.custom_field_ids)) if body else ()
        patch = ShipmentPatch(call.actor, id_, custom_fields_gone=gone, call_id=call.id)
        show_one(resp, await correct(self, call, id_, params, [patch]))


def routes(hub: Hub) -> dict[str, Resource]:
    """The paths of this tag."""
    return {
        "/shipments": Shipments(hub),
        "/shipments/flag-with-errors": FlagWithErrors(hub),
        "/shipments/{id}": OneShipment(hub),
        "/shipment/{id}/shipment-item": ShipmentItems(hub),
        "/shipment/{id}/custom-fields": ShipmentFields(hub),
    }
