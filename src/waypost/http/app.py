"""The Falcon application with its middleware: routes, and error replies."""

from collections.abc import Mapping
from typing import Any

import falcon.asgi
from falcon.asgi import Request, Response
from falcon.routing import CompiledRouter, map_http_methods, set_default_responders

from waypost.app.hub import Hub
from waypost.http import (
    account,
    attention,
    channels,
    delivery,
    events,
    fulfillment_requests,
    generation,
    inventory,
    invoices,
    listings,
    native,
    order_changes,
    orders,
    reference,
    routing_groups,
    server,
    shipments,
    shipping,
    sources,
    webhooks,
)
from waypost.http.bodies import BODY_WITHIN_S
from waypost.http.call import Resource
from waypost.http.door import Door
from waypost.http.faults import Faults
from waypost.http.gate import Gate
from waypost.http.log import LineLog, log_defect
from waypost.http.refusals import Refusals
from waypost.http.unfinished import Unfinished

TAGS = (
    fulfillment_requests,
    native,
    attention,
    orders,
    order_changes,
    generation,
    account,
    shipments,
    delivery,
    events,
    webhooks,
    inventory,
    listings,
    invoices,
    sources,
    channels,
    shipping,
    routing_groups,
)


class Router(CompiledRouter):
    """Falcon's router, with the pages beside its tree: there, each of some 250 would be compared with all others."""

    def __init__(self) -> None:
        super().__init__()
        self._pages: dict[str, Resource] = {}
        self._read: dict[str, tuple[object, Any, dict[str, Any], str | None]] = {}

    def add_pages(self, pages: Mapping[str, Resource]) -> None:
        """Routes without parameters."""
        self._pages.update(pages)

    def find(self, uri: str, req: Any = None) -> tuple[object, Any, dict[str, Any], str | None] | None:
        """The resource of a path."""
        if uri in self._pages and uri not in self._read:  # to make all of them would be most of a start
            self._read[uri] = _route(uri, self._pages[uri])
        return self._read.get(uri) or super().find(uri, req)


def _route(path: str, page: Resource) -> tuple[object, Any, dict[str, Any], str | None]:
    """What a router finds for a path without parameters."""
    _complete(page)
    methods = map_http_methods(page)
    set_default_responders(methods, asgi=True)
    return page, methods, {}, path


def create_app(
    hub: Hub, gate: Gate, log: LineLog, refusals: Refusals | None = None, unfinished: Unfinished | None = None,
    body_within_s: float = BODY_WITHIN_S, base_url: str | None = None,
) -> Door:  # fmt: skip
    """The ASGI application of a hub. Where no `refusals` are given, they are counted, and nobody is told.

    `base_url`: where callers reach the hub; the examples of the reference name it.
    """
    router = Router()
    app: falcon.asgi.App[Request, Response] = falcon.asgi.App(router=router)
    app.req_options.strip_url_path_trailing_slash = True
    Faults(gate, log_defect).add_to(app)
    about_itself, pages = server.routes(hub), reference.routes(hub, base_url)
    for routes in (about_itself, *(module.routes(hub) for module in TAGS)):
        for path, resource in routes.items():
            _complete(resource)
            app.add_route(path, resource)
    router.add_pages(pages)
    return Door(
        app, gate, log, refusals or Refusals(), unfinished or Unfinished(), body_within_s,
        frozenset((*about_itself, *pages)), lambda path: router.find(path) is not None,
    )  # fmt: skip


def _complete(resource: Any) -> None:
    """HEAD wherever GET works; OPTIONS answers 204 with Allow (contract section 1.1)."""
    if hasattr(resource, "on_get") and not hasattr(resource, "on_head"):
        resource.on_head = resource.on_get
    methods = [m for m in ("GET", "HEAD", "PATCH", "POST", "PUT", "DELETE") if hasattr(resource, f"on_{m.lower()}")]
    allow = ", ".join([*methods, "OPTIONS"])

    async def on_options(req: Request, resp: Response, **params: str) -> None:
        resp.status = 204
        resp.set_header("Allow", allow)

    resource.on_options = on_options
