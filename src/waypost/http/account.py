"""The account behind a token (contract section 6)."""

from falcon.asgi import Request, Response

from waypost.app.catalog import ACCOUNT, update
from waypost.app.hub import Hub
from waypost.domain.refusals import NotFound
from waypost.http import operations as ops
from waypost.http.call import Resource, answer, call_of
from waypost.http.records import VERSION, Records, asked_for
from waypost.wire import catalog as wire


class Account(Records):
    """`/account`"""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Get."""
        call = call_of(req)
        call.begin(ops.GET_ACCOUNT)
        account = await self.hub.reads.account(call.actor.scope.account_id)
        if account is None:
            raise NotFound("account")
        answer(resp, wire.render_account(account), account.version)

    async def on_patch(self, req: Request, resp: Response) -> None:
        """Change names, the default routing group, how requests are numbered."""
        call = call_of(req)
        asked = await asked_for(call, ops.UPDATE_ACCOUNT, wire.AccountIn)
        fields = wire.numbered(asked.body, call.faults)
        change = update(ACCOUNT, call.actor, call.actor.scope.account_id, fields, call.expected())
        await self.record(call, resp, asked, change, wire.render_account, version=VERSION)


def routes(hub: Hub) -> dict[str, Resource]:
    """The paths of this tag."""
    return {"/account": Account(hub)}
