"""Webhook configurations, their deliveries, and sending again (contract section 6)."""

import secrets
from typing import TypeVar

from falcon.asgi import Request, Response

from waypost.app import webhooks as app
from waypost.app.hub import Hub
from waypost.app.ports.webhooks import DeliveryQuery
from waypost.domain.refusals import NotFound
from waypost.http import operations as ops
from waypost.http.call import Call, Operation, Resource, answer, call_of, path_id
from waypost.http.paging import BY_FILTER_PAGE
from waypost.http.records import VERSION, Asked, Records, asked_for
from waypost.wire import webhooks as wire
from waypost.wire.bodies import bad

B = TypeVar("B")

ROOT = "/webhook/configurations"
WHAT = "webhook configuration"


def judge_url(resource: Resource, call: Call, url: str | None) -> None:
    """What can be told of a URL without resolving its name."""
    fault = None if url is None else resource.hub.targets.fault(url)
    if fault is not None:
        bad(call.faults, "/webhookUrl", "bad_url", f"/webhookUrl {fault}.")


def body_of(call: Call, asked: Asked[B]) -> B:
    """The body, once its form is right."""
    if asked.body is None:
        call.check()
        raise AssertionError("a faulty body has its faults")
    return asked.body


class Configurations(Records):
    """`/webhook/configurations`, and as the original spells it."""

    def __init__(self, hub: Hub, listing: Operation, creating: Operation) -> None:
        super().__init__(hub)
        self._listing = listing
        self._creating = creating

    async def on_get(self, req: Request, resp: Response) -> None:
        """List those that are not deleted."""
        call = call_of(req)
        call.begin(self._listing)
        hooks = await self.hub.reads.webhooks(call.actor.scope.account_id)
        await self.answer_list(resp, wire.render_configurations(hooks))

    async def on_post(self, req: Request, resp: Response) -> None:
        """Create one; the reply is the one time that its secret is shown."""
        call = call_of(req)
        asked = await asked_for(call, self._creating, wire.CreateConfiguration)
        body = body_of(call, asked)
        judge_url(self, call, body.webhook_url)
        draft = wire.webhook_draft(body, call.faults)
        change = app.creating(call.actor, draft, app.new_secret(secrets.token_bytes))
        await self.record(
            call, resp, asked, change, wire.render_with_secret, 201, lambda made: f"{ROOT}/{made.id}", VERSION
        )  # fmt: skip


class OneConfiguration(Records):
    """`/webhook/configurations/{id}`, and as the original spells it."""

    def __init__(self, hub: Hub, getting: Operation, changing: Operation) -> None:
        super().__init__(hub)
        self._getting = getting
        self._changing = changing

    async def on_get(self, req: Request, resp: Response, id: str) -> None:
        """Get, also a deleted one."""
        call = call_of(req)
        call.begin(self._getting)
        found = await self.hub.reads.webhook(call.actor.scope.account_id, path_id(id, WHAT))
        if found is None:
            raise NotFound(WHAT)
        answer(resp, wire.render_configuration(found), found.version)

    async def on_patch(self, req: Request, resp: Response, id: str) -> None:
        """Change it, disable it, delete it, or set it going again."""
        call = call_of(req)
        asked = await asked_for(call, self._changing, wire.UpdateConfiguration, id, WHAT)
        body = body_of(call, asked)
        judge_url(self, call, body.webhook_url)
        change = app.changing(call.actor, asked.id, wire.webhook_draft(body, call.faults), call.expected())
        await self.record(call, resp, asked, change, wire.render_configuration, version=VERSION)


class Rotation(Records):
    """`/webhook/configurations/{id}/rotate-secret`"""

    async def on_post(self, req: Request, resp: Response, id: str) -> None:
        """A new secret, shown once; for a while both sign."""
        call = call_of(req)
        asked = await asked_for(call, ops.ROTATE_SECRET, wire.RotateSecret, id, WHAT)
        given = body_of(call, asked).overlap_seconds
        overlap = wire.OVERLAP_S if given is None else given
        secret = app.new_secret(secrets.token_bytes)
        change = app.rotating(call.actor, asked.id, secret, overlap, call.expected())
        await self.record(call, resp, asked, change, wire.render_with_secret, version=VERSION)


class Trial(Records):
    """`/webhook/configurations/{id}/test`"""

    async def on_post(self, req: Request, resp: Response, id: str) -> None:
        """Send a message that means nothing; the delivery log tells what came of it."""
        call = call_of(req)
        asked = await asked_for(call, ops.TEST_WEBHOOK, wire.Nothing, id, WHAT)
        await self.record(call, resp, asked, app.testing(call.actor, asked.id), wire.render_delivery, 202)


class Replays(Records):
    """`/webhook/configurations/{id}/replay`"""

    async def on_post(self, req: Request, resp: Response, id: str) -> None:
        """Deliver one event, or a range of them, again."""
        call = call_of(req)
        asked = await asked_for(call, ops.REPLAY_WEBHOOK, wire.Replay, id, WHAT)
        change = app.replaying(call.actor, asked.id, *wire.replay_range(body_of(call, asked), call.faults))
        await self.record(call, resp, asked, change, wire.render_queued, 202)


class Retries(Records):
    """`/webhook/event/retry`"""

    async def on_post(self, req: Request, resp: Response) -> None:
        """Deliver events again, to every endpoint that they are for."""
        call = call_of(req)
        asked = await asked_for(call, ops.RETRY_EVENTS, wire.RetryEvents)
        body = body_of(call, asked)
        change = app.retrying(call.actor, body.event_ids, bool(body.is_automated_retry))
        await self.record(call, resp, asked, change, wire.render_queued, 202)


class Deliveries(Resource):
    """`/webhook/configurations/{id}/deliveries`"""

    async def on_get(self, req: Request, resp: Response, id: str) -> None:
        """The log: every message with its attempts."""
        call = call_of(req)
        call.begin(ops.LIST_DELIVERIES)
        id_, account = path_id(id, WHAT), call.actor.scope.account_id
        params = call.query()
        call.check()
        if await self.hub.reads.webhook(account, id_) is None:
            raise NotFound(WHAT)
        query = DeliveryQuery(
            account, id_, params.get("sinceId"), params.get("filterStatus", ()),
            *BY_FILTER_PAGE.page(params),
        )  # fmt: skip
        await self.answer_list(resp, wire.render_deliveries(await self.hub.reads.webhook_deliveries(query)))


def routes(hub: Hub) -> dict[str, Resource]:
    """The paths of this tag; the double h is the original's."""
    return {
        "/webhhok/configurations": Configurations(hub, ops.LIST_WEBHOOKS, ops.CREATE_WEBHOOK),
        "/webhhok/configurations/{id}": OneConfiguration(hub, ops.GET_WEBHOOK, ops.UPDATE_WEBHOOK),
        ROOT: Configurations(hub, ops.LIST_WEBHOOKS_RIGHT, ops.CREATE_WEBHOOK_RIGHT),
        f"{ROOT}/{{id}}": OneConfiguration(hub, ops.GET_WEBHOOK_RIGHT, ops.UPDATE_WEBHOOK_RIGHT),
        f"{ROOT}/{{id}}/rotate-secret": Rotation(hub),
        f"{ROOT}/{{id}}/test": Trial(hub),
        f"{ROOT}/{{id}}/replay": Replays(hub),
        f"{ROOT}/{{id}}/deliveries": Deliveries(hub),
        "/webhook/event/retry": Retries(hub),
    }
