"""The change feed: what happened in the account, in order, from a cursor on."""

from falcon.asgi import Request, Response

from waypost.app.hub import Hub
from waypost.app.ports.events import FeedQuery
from waypost.http import operations as ops
from waypost.http.call import Resource, call_of
from waypost.wire.faults import Fault
from waypost.wire.feed import render_feed

PAGE = 100


class Events(Resource):
    """`/events`"""

    async def on_get(self, req: Request, resp: Response) -> None:
        """The next events; with `wait`, as soon as there are some."""
        call = call_of(req)
        call.begin(ops.FEED)
        params = call.query()
        scope = call.actor.scope
        owner, after = params.get("after", (None, 0))
        if owner not in (None, scope.account_id):
            call.faults.append(Fault("parameter", "after", "bad_cursor", "after: this cursor is another account's."))
        call.check()
        query = FeedQuery(scope, after, params.get("types", ()), params.get("limit", PAGE))
        page = await self.hub.feed.read(query, params.get("wait", 0))
        await self.answer_list(resp, render_feed(page, scope.account_id, call.actor.type))
        resp.set_header("Cache-Control", "no-store")


def routes(hub: Hub) -> dict[str, Resource]:
    """The paths of this tag."""
    return {"/events": Events(hub)}
