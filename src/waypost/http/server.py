"""The server about itself: health, readiness, the contract, and the interactive reference drawn from it."""

import json
from functools import cache
from importlib.resources import files

import falcon
from falcon.asgi import Request, Response

from waypost import __version__
from waypost.app.hub import Hub
from waypost.http.call import JSON, Resource, answer

# The page runs only what the package ships; the renderer sets styles of its own, hence unsafe-inline there.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TYPES = {
    "js": "text/javascript; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "LICENSE": "text/plain; charset=utf-8",
    "json": JSON,
    "yaml": "application/yaml",
}
DOCS_FILE_KEPT_S = 3600


@cache
def _shipped() -> dict[str, bytes]:
    """The files that ship with the package, by name; read once per process."""
    folder = files("waypost.http").joinpath("static")
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}


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
    """A file as it ships; `max_age_s`: how long a browser may keep it without asking again."""

    def __init__(self, hub: Hub, name: str, max_age_s: int | None = None) -> None:
        super().__init__(hub)
        self._content = _shipped()[name]
        self._content_type = _TYPES[name.rsplit(".", 1)[-1]]
        self._max_age_s = max_age_s

    async def on_get(self, req: Request, resp: Response) -> None:
        """The file."""
        answer(resp, self._content)
        resp.content_type = self._content_type
        if self._content_type.startswith(falcon.MEDIA_HTML):
            resp.set_header("Content-Security-Policy", DOCS_POLICY)
        if self._max_age_s is not None:
            resp.set_header("Cache-Control", f"max-age={self._max_age_s}")


def routes(hub: Hub) -> dict[str, Resource]:
    """The paths of this tag; none needs a token. Each file of the reference page has a route of its own.

    With a route such as `/docs/{name}`, callers without a token could ask for any number of names at no cost.
    """
    return {
        "/healthz": Health(hub),
        "/readyz": Readiness(hub),
        "/openapi.json": Shipped(hub, "openapi.json"),
        "/openapi.yaml": Shipped(hub, "openapi.yaml"),
        "/docs": Shipped(hub, "docs.html"),
        **{f"/docs/{name}": Shipped(hub, name, DOCS_FILE_KEPT_S) for name in _shipped()},
    }
