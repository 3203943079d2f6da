"""The server about itself: health, readiness, and the contract."""

import json

from falcon.asgi import Request, Response

from waypost import __version__
from waypost.app.hub import Hub
from waypost.http.call import Resource, answer
from waypost.http.reference import StaticFile, static


class Health(Resource):
    """`/healthz`: the process answers."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Always 200."""
        answer(resp, json.dumps({"status": "ok", "version": __version__}).encode())


class Readiness(Resource):
    """`/readyz`: the database can be written and its schema is current."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """200, or 503."""
        revision = await self.hub.ready()
        answer(resp, json.dumps({"status": "ready", "database": "ok", "schema": revision}).encode())


class Shipped(Resource):
    """The contract as it ships. A program that keeps it asks each time whether it is still the same."""

    def __init__(self, hub: Hub, name: str) -> None:
        super().__init__(hub)
        self._file = StaticFile(static().joinpath(name))

    async def on_get(self, req: Request, resp: Response) -> None:
        """The document, or 304."""
        self._file.send(req, resp, "private, no-cache")


def routes(hub: Hub) -> dict[str, Resource]:
    """The paths of this tag; none needs a token."""
    return {
        "/healthz": Health(hub),
        "/readyz": Readiness(hub),
        "/openapi.json": Shipped(hub, "openapi.json"),
        "/openapi.yaml": Shipped(hub, "openapi.yaml"),
    }
