"""Under which names requests are called and shown: their own, or the older ones; and the reply to what changes one.

The older names are another face of the same resources (contract section 2.4): same ids, same road.
"""

from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote

from falcon.asgi import Request, Response

from waypost.app.commands import Command, Details, Done, IdempotencyKey
from waypost.domain.fulfillment import FulfillmentRequest
from waypost.domain.lifecycle import Action
from waypost.domain.statuses import STATUSES
from waypost.http import operations as ops
from waypost.http.call import Call, Operation, Resource, answer, call_of, no_content, replayed
from waypost.wire.purchase_orders import render_purchase_order
from waypost.wire.requests import dry_run, render

OWN_PATH = "/fulfillment-requests"
OLDER_PATH = "/purchase-orders"
DEPRECATED_SINCE = "@1764547200"  # RFC 9745


class Face(NamedTuple):
    """One set of names: the path, the operations, and how a request is rendered for a type of caller."""

    path: str
    list_all: Operation
    count_all: Operation
    create: Operation
    processed: Operation
    fail: Operation
    adjust: Operation
    reconcile_stock: Operation
    release_stock: Operation
    render: Callable[[FulfillmentRequest, str], bytes]

    def begin(self, req: Request, resp: Response, operation: Operation) -> Call:
        """Begin a call; every reply to one under older names tells so, and what to call instead (RFC 5829)."""
        if self.path != OWN_PATH:
            # The path was decoded: any character may be in it.
            successor = quote(req.path.replace(self.path, OWN_PATH, 1))
            resp.set_header("Deprecation", DEPRECATED_SINCE)
            resp.set_header("Link", f'<{successor}>; rel="successor-version"')
        call = call_of(req)
        call.begin(operation)
        return call


OWN = Face(
    OWN_PATH, ops.LIST, ops.COUNT, ops.CREATE, ops.PROCESSED, ops.FAIL, ops.ADJUST, ops.RECONCILE_STOCK,
    ops.RELEASE_STOCK, render,
)  # fmt: skip
OLDER = Face(
    OLDER_PATH, ops.LIST_PURCHASE_ORDERS, ops.COUNT_PURCHASE_ORDERS, ops.CREATE_PURCHASE_ORDER,
    ops.PURCHASE_ORDER_PROCESSED, ops.FAIL_PURCHASE_ORDER, ops.ADJUST_PURCHASE_ORDER,
    ops.RECONCILE_PURCHASE_ORDER_STOCK, ops.RELEASE_PURCHASE_ORDER_STOCK, render_purchase_order,
)  # fmt: skip


class KeyedCommand(NamedTuple):
    """A command as a call asks for it, with the call's idempotency key."""

    command: Command
    key: IdempotencyKey | None


async def change(
    resource: Resource, call: Call, id_: int, action: Action, params: dict[str, Any], details: Details = None,
    wants_image: bool = True, outcome: str | None = None,
) -> KeyedCommand:  # fmt: skip
    """The command of a call, once everything about its shape is known to be right."""
    expected, key = call.expected(), call.key(id_, params)
    call.check()
    command = Command(
        action, id_, call.actor, call.id, details, params.get("reason"), params.get("killOrFillType") == "kill",
        params.get("confirm") == "resend", expected, params.get("dryRun", False), wants_image, outcome,
    )  # fmt: skip
    return KeyedCommand(command, key)


async def settle(resource: Resource, resp: Response, asked: KeyedCommand, success: int = 200, face: Face = OWN) -> None:
    """Send a command on its way, and answer with the request, or with nothing (204)."""
    show(resp, asked.command, await resource.hub.changes.change(*asked), success, face)


async def settle_stock(resource: Resource, resp: Response, asked: KeyedCommand, face: Face) -> None:
    """200 with the request; 204 when nothing was due."""
    done = await resource.hub.changes.change(*asked)
    show(resp, asked.command, done, 200 if done.moved else 204, face)


def show(resp: Response, command: Command, done: Done, success: int, face: Face) -> None:
    """The reply to a command that succeeded."""
    if done.dry_run:
        names = STATUSES[done.from_status].name, STATUSES[done.to_status].name
        answer(resp, dry_run(*names, done.moved, success), done.version)
    elif success == 204 or done.image is None:
        no_content(resp, done.version)
    else:
        answer(resp, face.render(done.image, command.actor.type), done.version)
    replayed(resp, done.replayed)
