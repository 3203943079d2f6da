"""Routing groups: which sources an order may go to, and the rules that choose (contract section 6)."""

from falcon.asgi import Request, Response

from waypost.app.catalog import create, update
from waypost.app.catalog_routing import ROUTING_GROUP
from waypost.app.hub import Hub
from waypost.domain.refusals import NotFound
from waypost.http import operations as ops
from waypost.http.call import Resource, answer, call_of, path_id
from waypost.http.records import VERSION, Records, asked_for, paged
from waypost.wire import catalog_routing as wire


class RoutingGroups(Records):
    """`/routing-groups`"""

    async def on_get(self, req: Request, resp: Response) -> None:
        """List."""
        call = call_of(req)
        _, page = paged(call, ops.LIST_GROUPS)
        rows = await self.hub.reads.routing_groups(call.actor.scope.account_id, page)
        await self.answer_list(resp, wire.render_groups(rows))

    async def on_post(self, req: Request, resp: Response) -> None:
        """Create."""
        call = call_of(req)
        asked = await asked_for(call, ops.CREATE_GROUP, wire.RoutingGroupIn)
        change = create(ROUTING_GROUP, call.actor, wire.group_fields(asked.body, call.faults))
        await self.record(
            call, resp, asked, change, wire.render_group, 201, lambda row: f"/routing-groups/{row.id}", version=VERSION
        )


class OneRoutingGroup(Records):
    """`/routing-groups/{id}`"""

    async def on_get(self, req: Request, resp: Response, id: str) -> None:
        """Get."""
        call = call_of(req)
        call.begin(ops.GET_GROUP)
        row = await self.hub.reads.routing_group(call.actor.scope, path_id(id, "routing group"))
        if row is None:
            raise NotFound("routing group")
        answer(resp, wire.render_group(row), row.version)

    async def on_patch(self, req: Request, resp: Response, id: str) -> None:
        """Change."""
        call = call_of(req)
        asked = await asked_for(call, ops.UPDATE_GROUP, wire.RoutingGroupIn, id, "routing group")
        change = update(
            ROUTING_GROUP, call.actor, asked.id, wire.group_fields(asked.body, call.faults), call.expected()
        )
        await self.record(call, resp, asked, change, wire.render_group, version=VERSION)


def routes(hub: Hub) -> dict[str, Resource]:
    """The paths of this tag."""
    return {"/routing-groups": RoutingGroups(hub), "/routing-groups/{id}": OneRoutingGroup(hub)}
