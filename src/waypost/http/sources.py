"""Sources: who fulfills, and how what goes to them is numbered and released (contract section 6)."""

from typing import Any

from falcon.asgi import Request, Response

from waypost.app.catalog import SOURCE, create, update
from waypost.app.hub import Hub
from waypost.domain.refusals import NotFound
from waypost.http import operations as ops
from waypost.http.call import Resource, answer, call_of, path_id
from waypost.http.records import VERSION, Records, asked_for, paged
from waypost.wire import catalog as wire
from waypost.wire.given import given


class Sources(Records):
    """`/sources`"""

    async def on_get(self, req: Request, resp: Response) -> None:
        """List."""
        call = call_of(req)
        _, page = paged(call, ops.LIST_SOURCES)
        rows = await self.hub.reads.sources(call.actor.scope.account_id, page)
        await self.answer_list(resp, wire.render_sources(rows))

    async def on_post(self, req: Request, resp: Response) -> None:
        """Create."""
        call = call_of(req)
        asked = await asked_for(call, ops.CREATE_SOURCE, wire.SourceIn)
        change = create(SOURCE, call.actor, given(asked.body, call.faults))
        await self.record(
            call, resp, asked, change, wire.render_source, 201, lambda row: f"/source/{row.id}", version=VERSION
        )


class OneSource(Records):
    """`/source/{id}`"""

    async def on_get(self, req: Request, resp: Response, id: str) -> None:
        """Get; a source token reads its own."""
        call = call_of(req)
        call.begin(ops.GET_SOURCE)
        row = await self.hub.reads.source(call.actor.scope, path_id(id, "source"))
        if row is None:
            raise NotFound("source")
        answer(resp, wire.render_source(row, call.actor.type), row.version)

    async def on_patch(self, req: Request, resp: Response, id: str) -> None:
        """Change."""
        call = call_of(req)
        asked = await asked_for(call, ops.UPDATE_SOURCE, wire.SourceIn, id, "source")
        change = update(SOURCE, call.actor, asked.id, given(asked.body, call.faults), call.expected())
        await self.record(call, resp, asked, change, wire.render_source, version=VERSION)


class SourceSettings(Records):
    """`/source/{id}/settings`"""

    async def on_put(self, req: Request, resp: Response, id: str) -> None:
        """Replace the settings."""
        call = call_of(req)
        asked = await asked_for(call, ops.SET_SOURCE_SETTINGS, dict[str, Any], id, "source")
        change = update(SOURCE, call.actor, asked.id, wire.settings(asked.body, call.faults), call.expected())
        await self.record(call, resp, asked, change, wire.render_source, version=VERSION)


class Strategy(Records):
    """`/sources/{id}/purchase-order-strategy`"""

    async def on_get(self, req: Request, resp: Response, id: str) -> None:
        """Get."""
        call = call_of(req)
        call.begin(ops.GET_STRATEGY)
        row = await self.hub.reads.source(call.actor.scope, path_id(id, "source"))
        if row is None:
            raise NotFound("source")
        answer(resp, wire.render_strategy(row), row.version)

    async def on_post(self, req: Request, resp: Response, id: str) -> None:
        """Set."""
        call = call_of(req)
        asked = await asked_for(call, ops.SET_STRATEGY, wire.StrategyIn, id, "source")
        change = update(SOURCE, call.actor, asked.id, wire.numbered(asked.body, call.faults), call.expected())
        await self.record(call, resp, asked, change, wire.render_strategy, version=VERSION)


def routes(hub: Hub) -> dict[str, Resource]:
    """The paths of this tag."""
    return {
        "/sources": Sources(hub),
        "/source/{id}": OneSource(hub),
        "/source/{id}/settings": SourceSettings(hub),
        "/sources/{id}/purchase-order-strategy": Strategy(hub),
    }
