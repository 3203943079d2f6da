"""The account behind a token (contract section 6)."""

from falcon.asgi import Request, Response

from waypost.app.hub import Hub
from waypost.domain.refusals import NotFound
from waypost.http import operations as ops
from waypost.http.call import Resource, answer, call_of
from waypost.wire.orders import render_account


class Account(Resource):
    """`/account`"""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Get."""
        call = call_of(req)
        call.begin(ops.GET_ACCOUNT)
        account = await self.hub.reads.account(call.actor.scope.account_id)
        if account is None:
            raise NotFound("account")
        answer(resp, render_account(account))


def routes(hub: Hub) -> dict[str, Resource]:
    """The paths of this tag."""
    return {"/account": Account(hub)}
