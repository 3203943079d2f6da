"""How sources are handed their requests, trying that out, and the attempts of a request (native)."""

import logging

from falcon.asgi import Request, Response

from waypost.app.deliveries import DeliveryDraft, kept_secrets, set_delivery, view_of
from waypost.app.hub import Hub
from waypost.app.ports.delivery import Claimed, Papers, SourceDelivery
from waypost.app.ports.kinds import CannotWrite, Checked, Document, Kind, Result, why_unwritten
from waypost.domain.handover import Outcome
from waypost.domain.refusals import Invalid, NotFound, Problem
from waypost.http import operations as ops
from waypost.http.call import Call, Resource, answer, call_of, path_id
from waypost.http.records import Asked, Records, asked_for
from waypost.wire import delivery as wire
from waypost.wire.faults import BadInput
from waypost.wire.handover import SAMPLE, document
from waypost.wire.shapes import fault_at

ATTEMPTS_AT_MOST = 200

_log = logging.getLogger("waypost.delivery")


class Delivery(Records):
    """`/source/{id}/delivery`"""

    async def on_get(self, req: Request, resp: Response, id: str) -> None:
        """How the source takes its requests."""
        call = call_of(req)
        call.begin(ops.GET_DELIVERY)
        source_id, row = await _row(self.hub, call, id)
        view = view_of(source_id, row)
        answer(resp, wire.render_delivery(view), view.version)

    async def on_put(self, req: Request, resp: Response, id: str) -> None:
        """Set it."""
        call = call_of(req)
        asked = await asked_for(call, ops.SET_DELIVERY, wire.DeliveryIn, id, "source")
        expected = call.expected()
        row = await self.hub.reads.delivery(call.actor.scope, asked.id)
        draft = _draft(self.hub, call, asked, row)
        call.check()
        if draft is None:
            raise AssertionError("a faulty body has its faults")
        change = set_delivery(call.actor, draft._replace(expected=expected))
        await self.record(call, resp, asked, change, wire.render_delivery, version=lambda view: view.version)


async def _row(hub: Hub, call: Call, id: str) -> tuple[int, SourceDelivery | None]:
    source_id = path_id(id, "source")
    if await hub.reads.source(call.actor.scope, source_id) is None:
        raise NotFound("source")
    return source_id, await hub.reads.delivery(call.actor.scope, source_id)


def _draft(hub: Hub, call: Call, asked: Asked[wire.DeliveryIn], row: SourceDelivery | None) -> DeliveryDraft | None:
    """What is asked for, judged by its kind; faults are remembered."""
    body = asked.body
    if body is None:
        return None
    kind = hub.kinds.get(body.kind)
    if kind is None:
        known = ", ".join(hub.kinds)
        call.faults.append(fault_at("/kind", "unknown_value", f"must be one of {known}"))
        return None
    given = {name: value for name, value in body.secrets.items() if value is not None}
    kept = {name: value for name, value in kept_secrets(row, kind.name).items() if name not in body.secrets}
    try:
        checked: Checked = kind.check(wire.plain(body.settings), given, kept)
    except BadInput as error:
        call.faults += error.faults
        return None
    policy = None if body.policy is None else wire.stored_policy(body.policy)
    seen = view_of(asked.id, row).version
    return DeliveryDraft(asked.id, kind.name, checked, policy, body.paused, seen)


class Trial(Resource):
    """`/source/{id}/delivery/test`"""

    async def on_post(self, req: Request, resp: Response, id: str) -> None:
        """Write a request for this source, and send a made-up one where that is asked for."""
        call = call_of(req)
        call.begin(ops.TRY_DELIVERY)
        call.query()
        body = await call.json(wire.TryIn)
        if body and body.send and body.fulfillment_request_id is not None:
            words = "sends a made-up request only: leave fulfillmentRequestId out"
            call.faults.append(fault_at("/send", "not_for_real", words))
        call.check()
        if body is None:
            raise AssertionError("a faulty body has its faults")
        source_id, row = await _row(self.hub, call, id)
        kind = self.hub.kinds.get(row.kind) if row is not None else None
        if row is None or kind is None or not kind.pushes:
            raise Invalid([Problem("kind", "nothing_to_try", "This source polls: nothing is sent to it.")])
        papers = await self._papers(call, source_id, body.fulfillment_request_id)
        answer(resp, await _tried(kind, row, papers, body.send))

    async def _papers(self, call: Call, source_id: int, request_id: int | None) -> Papers | None:
        if request_id is None:
            return None
        if await self.hub.reads.version(call.actor.scope, request_id) is None:
            raise NotFound
        papers = (await self.hub.reads.papers([request_id]))[0]
        if papers.image.state.source_id != source_id:
            raise NotFound
        return papers


async def _tried(kind: Kind, row: SourceDelivery, papers: Papers | None, send: bool) -> bytes:
    """What would be sent and what came of it; what keeps it from being written is a result, too."""
    try:
        recipient = kind.open(row.settings, row.secrets)
        letter = recipient.write(SAMPLE if papers is None else _document(papers))
    except CannotWrite as error:
        return wire.render_trial(None, Result(Outcome.REJECTED, error.code, error.message))
    except Exception as error:
        _log.exception("a request cannot be written for source %d", row.source_id)
        return wire.render_trial(None, Result(Outcome.REJECTED, "other", why_unwritten(error)))
    return wire.render_trial(letter, await recipient.send(letter) if send else None)


def _document(papers: Papers) -> Document:
    state = papers.image.state
    key = f"fr-test-{state.id}"
    return document(papers, Claimed(0, state.account_id, state.source_id, state.id, 1, 1, 1, key, 0))


class Attempts(Resource):
    """`/fulfillment-requests/{id}/attempts`"""

    async def on_get(self, req: Request, resp: Response, id: str) -> None:
        """What was tried, and what came of it; oldest first, the latest two hundred."""
        call = call_of(req)
        call.begin(ops.LIST_ATTEMPTS)
        attempts = await self.hub.reads.attempts(call.actor.scope, path_id(id), ATTEMPTS_AT_MOST)
        if attempts is None:
            raise NotFound
        await self.answer_list(resp, wire.render_attempts(attempts))


def routes(hub: Hub) -> dict[str, Resource]:
    """The paths of this tag."""
    return {
        "/source/{id}/delivery": Delivery(hub),
        "/source/{id}/delivery/test": Trial(hub),
        "/fulfillment-requests/{id}/attempts": Attempts(hub),
    }
