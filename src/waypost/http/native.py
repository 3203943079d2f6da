"""What Waypost adds to fulfillment requests: release, void, timeline, bulk, failure codes (section 2.7)."""

from falcon.asgi import Request, Response

from waypost.app.hub import Hub
from waypost.app.lists import Bulk
from waypost.domain.failures import REGISTRY
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import NotFound
from waypost.http import operations as ops
from waypost.http.call import BULK_BODY_AT_MOST, Resource, answer, call_of, path_id, replayed
from waypost.http.fulfillment_requests import Transition
from waypost.wire import bulk
from waypost.wire.events import render_timeline
from waypost.wire.problems import bulk_status
from waypost.wire.requests import encode


class Timeline(Resource):
    """`/fulfillment-requests/{id}/events`"""

    async def on_get(self, req: Request, resp: Response, id: str) -> None:
        """Who did what, when and why; oldest first."""
        call = call_of(req)
        call.begin(ops.TIMELINE)
        events = await self.hub.reads.timeline(call.actor.scope, path_id(id))
        if events is None:
            raise NotFound
        await self.answer_list(resp, render_timeline(events, call.actor.type))


class BulkChange(Resource):
    """`/fulfillment-requests/bulk`"""

    async def on_post(self, req: Request, resp: Response) -> None:
        """One action on many requests, in one transaction, with a result for each."""
        call = call_of(req)
        call.begin(ops.BULK)
        params = call.query()
        body = await call.json(bulk.BulkIn, BULK_BODY_AT_MOST)
        key = call.key(None, params)
        commands = bulk.bulk_commands(body, call.actor, call.id, call.faults) if body else ()
        call.check()
        dry_run = params.get("dryRun", False)
        commands = tuple(command._replace(dry_run=dry_run) for command in commands)
        done = await self.hub.changes.bulk(Bulk(commands), key)
        success = 204 if commands[0].action == Action.FAIL else 200
        results = [
            {
                "id": one.request_id,
                "status": success if one.code is None else bulk_status(one.code),
                "code": one.code,
                "version": one.version,
            }
            for one in done.results
        ]
        answer(resp, encode({"results": results}))
        replayed(resp, done.replayed)


class FailureCodes(Resource):
    """`/failure-codes`"""

    async def on_get(self, req: Request, resp: Response) -> None:
        """The registry: what each code means, whether a retry can help, what to do."""
        call_of(req).begin(ops.FAILURE_CODES)
        answer(resp, encode([code._asdict() for code in REGISTRY]))


def routes(hub: Hub) -> dict[str, Resource]:
    """The paths of this tag."""
    base = "/fulfillment-requests"
    return {
        f"{base}/bulk": BulkChange(hub),
        f"{base}/{{id}}/events": Timeline(hub),
        f"{base}/{{id}}/process": Transition(hub, ops.PROCESS, Action.PROCESS),
        f"{base}/{{id}}/void": Transition(hub, ops.VOID, Action.VOID),
        "/failure-codes": FailureCodes(hub),
    }
