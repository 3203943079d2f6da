"""Fulfillment requests as the original offers them (contract sections 2.3 and 2.4), under either set of names."""

from typing import Any

from falcon.asgi import Request, Response

from waypost.app.commands import FailureReport
from waypost.app.hub import Hub
from waypost.app.lists import Pull
from waypost.app.ports import RequestQuery
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import NotFound
from waypost.domain.statuses import STATUSES, Status
from waypost.http import operations as ops
from waypost.http.call import Call, Operation, Resource, answer, call_of, path_id, replayed
from waypost.http.faces import DEPRECATED_SINCE, OLDER, OWN, Face, change, settle, settle_stock
from waypost.http.paging import BY_FILTER_PAGE
from waypost.wire import bodies
from waypost.wire.editing import EditRequest, edit_of
from waypost.wire.rendered import Rendered, as_list
from waypost.wire.requests import dry_run, render_list

PULL_LINK = '</docs/operations/pull_processing_fulfillment_requests>; rel="deprecation"; type="text/html"'


class Requests(Resource):
    """`/fulfillment-requests`"""

    def __init__(self, hub: Hub, rendered: Rendered, face: Face = OWN) -> None:
        super().__init__(hub)
        self._rendered = rendered
        self._face = face

    async def on_get(self, req: Request, resp: Response) -> None:
        """List."""
        call = self._face.begin(req, resp, self._face.list_all)
        params = call.query()
        call.check()
        limit, offset = BY_FILTER_PAGE.page(params)
        query = query_of(call, params, "frNumbers")._replace(limit=limit, offset=offset)
        page = await self.hub.reads.versions(query)
        who = call.actor.type
        bodies = {id_: self._rendered.find(id_, version, who) for id_, version in page}
        missing = [id_ for id_, body in bodies.items() if body is None]
        if missing:
            images = await self.hub.reads.requests_of(call.actor.scope, missing)
            rendered = ((image.state.id, self._rendered.render(image, who)) for image in images)
            found = await self.hub.reads.large.collected(rendered, lambda one: len(one[1]))
            bodies.update(found)
        await self.answer_list(resp, as_list([body for body in bodies.values() if body is not None]))

    async def on_post(self, req: Request, resp: Response) -> None:
        """Generate one by hand."""
        call = self._face.begin(req, resp, self._face.create)
        params = call.query()
        body = await call.json(bodies.CreateRequest)
        key = call.key(None, params)
        draft = bodies.request_draft(body, call.actor, call.id, call.faults) if body else None
        call.check()
        if draft is None:
            raise AssertionError("a faulty body has its faults")
        made = await self.hub.changes.generate(draft._replace(dry_run=params.get("dryRun", False)), key)
        if made.dry_run:
            name = STATUSES[Status(made.image.state.status)].name
            answer(resp, dry_run(None, name, True, 201))
            return
        answer(resp, self._face.render(made.image, call.actor.type), made.image.state.version, status=201)
        resp.set_header("Location", f"/fulfillment-requests/{made.image.state.id}")
        replayed(resp, made.replayed)


def query_of(call: Call, params: dict[str, Any], numbers: str) -> RequestQuery:
    """The filters of a list or a count, without a page."""
    given = params.get(numbers) or params.get("frNumbers") or ()
    statuses = (*params.get("filterStatus", ()), *params.get("status", ()))
    return RequestQuery(
        call.actor.scope, params.get("findOrderId"), params.get("sinceId"),
        (*given, *params.get("poNumbers", ())), params.get("filterSourceId"), statuses,
        params.get("filterFulfilmentStatus", ()), params.get("filterInvoiced"), params.get("filterIsAcknowledged"),
        params.get("filterAcknowledgedAfter"), params.get("filterIsSent"), params.get("filterSentAfter"),
        params.get("filterGeneratedAfter"), params.get("filterIsCanceled"), params.get("filterCanceledAfter"),
        params.get("filterEligibleForProcessing"), params.get("filterUpdatedAfter"),
        params.get("filterFailureCode", ()), params.get("filterNeedsAttention"),
    )  # fmt: skip


class Faced(Resource):
    """A resource that both faces have."""

    def __init__(self, hub: Hub, face: Face = OWN) -> None:
        super().__init__(hub)
        self._face = face


class Count(Faced):
    """`/fulfillment-requests/count`"""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Count."""
        call = self._face.begin(req, resp, self._face.count_all)
        params = call.query()
        call.check()
        count = await self.hub.reads.count_requests(query_of(call, params, "fulfillmentRequestNumbers"))
        answer(resp, b'{"count":%d}' % count)


class ToProcess(Resource):
    """`/fulfillment-requests/processing`: a source picks up what it is to fulfil."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Read and move from Processing to Processed; `peek` reads only."""
        call = call_of(req)
        call.begin(ops.PULL)
        params = call.query()
        key = call.key(None, params)
        call.check()
        resp.set_header("Deprecation", DEPRECATED_SINCE)
        resp.set_header("Link", PULL_LINK)
        source_id = params.get("filterSourceId")
        if req.method == "HEAD" or params.get("peek") or params.get("dryRun"):
            query = RequestQuery(call.actor.scope, source_id=source_id, statuses=(Status.PROCESSING,), limit=100)
            images = await self.hub.reads.requests(query)
            await call.judge_again()
            await self.answer_list(resp, render_list(images, call.actor.type))
            return
        pulled = await self.hub.changes.pull(Pull(call.actor, source_id, call.id), key)
        moved = [done.image for done in pulled.done if done.image is not None]
        await self.answer_list(resp, render_list(moved, call.actor.type))
        replayed(resp, pulled.replayed)


class OneRequest(Resource):
    """`/fulfillment-requests/{id}`"""

    def __init__(self, hub: Hub, rendered: Rendered) -> None:
        super().__init__(hub)
        self._rendered = rendered

    async def on_get(self, req: Request, resp: Response, id: str) -> None:
        """Get."""
        call = call_of(req)
        call.begin(ops.GET)
        id_, scope, who = path_id(id), call.actor.scope, call.actor.type
        kept = self._rendered.latest(id_, who)
        if kept is None or kept[0] != await self.hub.reads.version(scope, id_):
            image = await self.hub.reads.request(scope, id_)
            if image is None:
                raise NotFound
            kept = image.state.version, self._rendered.render(image, who)
        version, body = kept
        answer(resp, body, version)

    async def on_patch(self, req: Request, resp: Response, id: str) -> None:
        """Repair by hand, and say who cares for it (native)."""
        call = call_of(req)
        call.begin(ops.EDIT)
        id_ = path_id(id)
        params = call.query()
        body = await call.json(EditRequest)
        details = edit_of(body, call.faults) if body else None
        outcome = details.outcome if details else None
        await settle(self, resp, await change(self, call, id_, Action.EDIT, params, details, outcome=outcome))


class Transition(Resource):
    """An action that needs nothing but its parameters, by PATCH."""

    def __init__(self, hub: Hub, operation: Operation, action: Action, face: Face = OWN) -> None:
        super().__init__(hub)
        self._operation = operation
        self._action = action
        self._face = face

    async def on_patch(self, req: Request, resp: Response, id: str) -> None:
        """Ask for the action."""
        await self.ask(self._operation, req, resp, id)

    async def ask(self, operation: Operation, req: Request, resp: Response, id: str) -> None:
        """Ask for the action, under the name of `operation`."""
        call = self._face.begin(req, resp, operation)
        id_ = path_id(id)
        params = call.query()
        await settle(self, resp, await change(self, call, id_, self._action, params), face=self._face)


class Acknowledge(Transition):
    """`/fulfillment-requests/{id}/acknowledge`: PATCH, and POST as in the original's guide."""

    async def on_post(self, req: Request, resp: Response, id: str) -> None:
        """Acknowledge."""
        await self.ask(ops.ACKNOWLEDGE_POST, req, resp, id)


class Fail(Faced):
    """`/fulfillment-requests/{id}/processing-failed`: the call that everything else is for."""

    async def on_patch(self, req: Request, resp: Response, id: str) -> None:
        """Report a failure with its reason."""
        call = self._face.begin(req, resp, self._face.fail)
        id_ = path_id(id)
        params = call.query()
        report = FailureReport(
            params.get("error", ""), params.get("code", "other"), params.get("retryable"), params.get("itemIds", ())
        )
        command = await change(self, call, id_, Action.FAIL, params, report, wants_image=False)
        await settle(self, resp, command, 204)


class Adjust(Faced):
    """`/fulfillment-requests/{id}/adjust`"""

    async def on_post(self, req: Request, resp: Response, id: str) -> None:
        """Acknowledge or cancel parts."""
        call = self._face.begin(req, resp, self._face.adjust)
        id_ = path_id(id)
        params = call.query()
        body = await call.json(bodies.Adjust)
        details = bodies.adjustment(body, call.faults) if body else None
        await settle(self, resp, await change(self, call, id_, Action.ADJUST, params, details), face=self._face)


class SyncAccounting(Resource):
    """`/fulfillment-requests/{id}/accounting-sync`"""

    async def on_patch(self, req: Request, resp: Response, id: str) -> None:
        """Keep what an accounting system says."""
        call = call_of(req)
        call.begin(ops.SYNC_ACCOUNTING)
        id_ = path_id(id)
        params = call.query()
        body = await call.json(bodies.SyncAccounting)
        details = bodies.accounting(body, call.faults) if body else None
        command = await change(self, call, id_, Action.SYNC_ACCOUNTING, params, details, wants_image=False)
        await settle(self, resp, command, 204)


class CommittedStock(Faced):
    """`/fulfillment-requests/{id}/committed-stock`"""

    async def on_patch(self, req: Request, resp: Response, id: str) -> None:
        """Make the stock ledger say what the lines say."""
        call = self._face.begin(req, resp, self._face.reconcile_stock)
        id_ = path_id(id)
        params = call.query()
        command = await change(self, call, id_, Action.RECONCILE_STOCK, params)
        await settle_stock(self, resp, command, self._face)

    async def on_delete(self, req: Request, resp: Response, id: str) -> None:
        """Give back what its lines hold."""
        call = self._face.begin(req, resp, self._face.release_stock)
        id_ = path_id(id)
        params = call.query()
        body = await call.json(bodies.ReleaseStock)
        details = bodies.stock_release(body) if body else None
        command = await change(self, call, id_, Action.RELEASE_STOCK, params, details)
        await settle_stock(self, resp, command, self._face)


def _older(hub: Hub) -> dict[str, Resource]:
    """The paths of the tag that has the older names."""
    base, face = OLDER.path, OLDER
    return {
        base: Requests(hub, Rendered(face.render), face),
        f"{base}/count": Count(hub, face),
        f"{base}/{{id}}/processed": Transition(hub, face.processed, Action.PROCESSED, face),
        f"{base}/{{id}}/processing-failed": Fail(hub, face),
        f"{base}/{{id}}/adjust": Adjust(hub, face),
        f"{base}/{{id}}/committed-stock": CommittedStock(hub, face),
    }


def routes(hub: Hub) -> dict[str, Resource]:
    """The paths of this tag."""
    base = OWN.path
    rendered = Rendered()
    return _older(hub) | {
        base: Requests(hub, rendered),
        f"{base}/count": Count(hub),
        f"{base}/processing": ToProcess(hub),
        f"{base}/{{id}}": OneRequest(hub, rendered),
        f"{base}/{{id}}/processed": Transition(hub, ops.PROCESSED, Action.PROCESSED),
        f"{base}/{{id}}/processing-failed": Fail(hub),
        f"{base}/{{id}}/acknowledge": Acknowledge(hub, ops.ACKNOWLEDGE, Action.ACKNOWLEDGE),
        f"{base}/{{id}}/cancel": Transition(hub, ops.CANCEL, Action.CANCEL),
        f"{base}/{{id}}/adjust": Adjust(hub),
        f"{base}/{{id}}/committed-stock": CommittedStock(hub),
        f"{base}/{{id}}/accounting-sync": SyncAccounting(hub),
    }
