"""How things ship: methods of sources, texts of channels, policies that join them (contract section 6)."""

from falcon.asgi import Request, Response

from waypost.app.catalog import create, update
from waypost.app.catalog_shipping import CHANNEL_METHOD, POLICY, SOURCE_METHOD
from waypost.app.hub import Hub
from waypost.http import operations as ops
from waypost.http.call import Resource, call_of
from waypost.http.records import VERSION, Records, asked_for, paged
from waypost.wire import catalog_shipping as wire
from waypost.wire.given import given


class SourceMethods(Records):
    """`/shipping/source-shipping-methods`"""

    async def on_get(self, req: Request, resp: Response) -> None:
        """List; a source token sees its own."""
        call = call_of(req)
        params, page = paged(call, ops.LIST_SOURCE_METHODS)
        rows = await self.hub.reads.source_methods(call.actor.scope, params.get("sourceId"), page)
        await self.answer_list(resp, wire.render_source_methods(rows))

    async def on_post(self, req: Request, resp: Response) -> None:
        """Create."""
        call = call_of(req)
        asked = await asked_for(call, ops.CREATE_SOURCE_METHOD, wire.SourceMethodIn)
        change = create(SOURCE_METHOD, call.actor, given(asked.body, call.faults))
        await self.record(call, resp, asked, change, wire.render_source_method, 201, version=VERSION)


class OneSourceMethod(Records):
    """`/shipping/source-shipping-methods/{id}`"""

    async def on_put(self, req: Request, resp: Response, id: str) -> None:
        """Change."""
        call = call_of(req)
        asked = await asked_for(call, ops.UPDATE_SOURCE_METHOD, wire.SourceMethodIn, id, "shipping method")
        change = update(SOURCE_METHOD, call.actor, asked.id, given(asked.body, call.faults), call.expected())
        await self.record(call, resp, asked, change, wire.render_source_method, version=VERSION)


class ChannelMethods(Records):
    """`/shipping/channel-shipping-methods`"""

    async def on_get(self, req: Request, resp: Response) -> None:
        """List."""
        call = call_of(req)
        params, page = paged(call, ops.LIST_CHANNEL_METHODS)
        account, channel, mapped = call.actor.scope.account_id, params.get("channelId"), params.get("mapped")
        rows = await self.hub.reads.channel_methods(account, channel, mapped, page)
        await self.answer_list(resp, wire.render_channel_methods(rows))

    async def on_post(self, req: Request, resp: Response) -> None:
        """Say what a text means before the first order brings it."""
        call = call_of(req)
        asked = await asked_for(call, ops.CREATE_CHANNEL_METHOD, wire.CreateChannelMethod)
        change = create(CHANNEL_METHOD, call.actor, given(asked.body, call.faults))
        await self.record(call, resp, asked, change, wire.render_channel_method, 201, version=VERSION)


class OneChannelMethod(Records):
    """`/shipping/channel-shipping-methods/{id}`"""

    async def on_put(self, req: Request, resp: Response, id: str) -> None:
        """Say what it means."""
        call = call_of(req)
        asked = await asked_for(call, ops.UPDATE_CHANNEL_METHOD, wire.ChannelMethodIn, id, "shipping method")
        change = update(CHANNEL_METHOD, call.actor, asked.id, given(asked.body, call.faults), call.expected())
        await self.record(call, resp, asked, change, wire.render_channel_method, version=VERSION)


class Policies(Records):
    """`/shipping/shipping-policies`"""

    async def on_get(self, req: Request, resp: Response) -> None:
        """List."""
        call = call_of(req)
        _, page = paged(call, ops.LIST_POLICIES)
        rows = await self.hub.reads.shipping_policies(call.actor.scope.account_id, page)
        await self.answer_list(resp, wire.render_policies(rows))

    async def on_post(self, req: Request, resp: Response) -> None:
        """Create."""
        call = call_of(req)
        asked = await asked_for(call, ops.CREATE_POLICY, wire.PolicyIn)
        change = create(POLICY, call.actor, wire.policy_fields(asked.body, call.faults))
        await self.record(call, resp, asked, change, wire.render_policy, 201, version=VERSION)


class OnePolicy(Records):
    """`/shipping/shipping-policy/{id}`"""

    async def on_put(self, req: Request, resp: Response, id: str) -> None:
        """Change."""
        call = call_of(req)
        asked = await asked_for(call, ops.UPDATE_POLICY, wire.PolicyIn, id, "shipping policy")
        change = update(POLICY, call.actor, asked.id, wire.policy_fields(asked.body, call.faults), call.expected())
        await self.record(call, resp, asked, change, wire.render_policy, version=VERSION)


def routes(hub: Hub) -> dict[str, Resource]:
    """The paths of this tag."""
    return {
        "/shipping/source-shipping-methods": SourceMethods(hub),
        "/shipping/source-shipping-methods/{id}": OneSourceMethod(hub),
        "/shipping/channel-shipping-methods": ChannelMethods(hub),
        "/shipping/channel-shipping-methods/{id}": OneChannelMethod(hub),
        "/shipping/shipping-policies": Policies(hub),
        "/shipping/shipping-policy/{id}": OnePolicy(hub),
    }
