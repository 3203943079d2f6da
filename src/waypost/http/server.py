"""The server about itself: health, readiness, the contract, and the interactive reference drawn from it."""

import json
from functools import cache
from importlib.resources import files

import falcon
from falcon.asgi import Request, Response

from waypost import __version__
from waypost.app.hub import Hub
from waypost.domain.refusals import NotFound
from waypost.http.call import JSON, Resource, answer

# The page runs only what the package ships; the renderer sets styles of its own, hence unsafe-inline there.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TYPES = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "txt": "text/plain",
          "LICENSE": "text/plain; charset=utf-8"}  # fmt: skip


@cache
def _static(name: str) -> bytes | None:
    """A file that ships with the package; names come from a closed list, never from the path as it is."""
    folder = files("waypost.http").joinpath("static")
    if name not in {entry.name for entry in folder.iterdir()}:
        return None
    return folder.joinpath(name).read_bytes()


def _shipped(name: str) -> bytes:
    content = _static(name)
    if content is None:
        raise NotFound("file")
    return content


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
    """A file as it ships."""

    def __init__(self, hub: Hub, name: str, content_type: str) -> None:
        super().__init__(hub)
        self._name = name
        self._content_type = content_type

    async def on_get(self, req: Request, resp: Response) -> None:
        """The file."""
        answer(resp, _shipped(self._name))
        resp.content_type = self._content_type
        if self._content_type.startswith(falcon.MEDIA_HTML):
            resp.set_header("Content-Security-Policy", DOCS_POLICY)


class DocsFile(Resource):
    """`/docs/{name}`: what the reference page is made of."""

    async def on_get(self, req: Request, resp: Response, name: str) -> None:
        """The file."""
        answer(resp, _shipped(name))
        resp.content_type = _TYPES.get(name.rsplit(".", 1)[-1], "application/octet-stream")
        resp.set_header("Cache-Control", "max-age=3600")


def routes(hub: Hub) -> dict[str, Resource]:
    """The paths of this tag; none needs a token."""
    return {
        "/healthz": Health(hub),
        "/readyz": Readiness(hub),
        "/openapi.json": Shipped(hub, "openapi.json", JSON),
        "/openapi.yaml": Shipped(hub, "openapi.yaml", "application/yaml"),
        "/docs": Shipped(hub, "docs.html", "text/html; charset=utf-8"),
        "/docs/{name}": DocsFile(hub),
    }
