"""Channels: where orders come from, and what happens with them by itself (contract section 6)."""

from falcon.asgi import Request, Response

from waypost.app.catalog import CHANNEL, create, update
from waypost.app.hub import Hub
from waypost.domain.refusals import NotFound
from waypost.http import operations as ops
from waypost.http.call import Resource, answer, call_of, path_id
from waypost.http.records import VERSION, Records, asked_for, paged
from waypost.wire import catalog as wire
from waypost.wire.given import given


class Channels(Records):
    """`/channel`"""

    async def on_get(self, req: Request, resp: Response) -> None:
        """List."""
        call = call_of(req)
        _, page = paged(call, ops.LIST_CHANNELS)
        rows = await self.hub.reads.channels(call.actor.scope.account_id, page)
        await self.answer_list(resp, wire.render_channels(rows))

    async def on_post(self, req: Request, resp: Response) -> None:
        """Create."""
        call = call_of(req)
        asked = await asked_for(call, ops.CREATE_CHANNEL, wire.ChannelIn)
        change = create(CHANNEL, call.actor, given(asked.body, call.faults))
        await self.record(
            call, resp, asked, change, wire.render_channel, 201, lambda row: f"/channel/{row.id}", version=VERSION
        )


class OneChannel(Records):
    """`/channel/{id}`"""

    async def on_get(self, req: Request, resp: Response, id: str) -> None:
        """Get; a channel token reads its own."""
        call = call_of(req)
        call.begin(ops.GET_CHANNEL)
        row = await self.hub.reads.channel(call.actor.scope, path_id(id, "channel"))
        if row is None:
            raise NotFound("channel")
        answer(resp, wire.render_channel(row), row.version)

    async def on_patch(self, req: Request, resp: Response, id: str) -> None:
        """Change."""
        call = call_of(req)
        asked = await asked_for(call, ops.UPDATE_CHANNEL, wire.ChannelIn, id, "channel")
        change = update(CHANNEL, call.actor, asked.id, given(asked.body, call.faults), call.expected())
        await self.record(call, resp, asked, change, wire.render_channel, version=VERSION)


def routes(hub: Hub) -> dict[str, Resource]:
    """The paths of this tag."""
    return {"/channel": Channels(hub), "/channel/{id}": OneChannel(hub)}
