"""The reference: the files of `static/reference`, which `make generate` writes, served from memory.

A file is read at its first request, and compressed once. Each has a route of its own: with a route such as
`/docs/{name}`, callers without a token could ask for any number of names at no cost.
"""

import gzip
import hashlib
import re
from collections.abc import Iterator
from functools import cache, cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import NamedTuple

import falcon
from falcon.asgi import Request, Response

from waypost.app.hub import Hub
from waypost.http.call import Resource, call_of
from waypost.http.compression import takes_gzip, weights

# The base URL that the generated pages name. A hub puts its own in its place.
PLACEHOLDER = "http://localhost:8080"  # in examples only: guides name 127.0.0.1, and keep it
# Pages, styles and scripts are kept equally long. If scripts were kept longer than pages, a browser would run the
# scripts of an older version on a newer page after an upgrade. After five minutes it asks again, and mostly gets 304.
MAX_AGE_S = 300
KEPT = f"max-age={MAX_AGE_S}"
LEVEL = 6  # of gzip. 9 takes up to twice the time, during which no other call is answered, and saves 3 % at most
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HTML = "text/html; charset=utf-8"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": HTML,
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".yaml": "application/yaml",
}
_NAME_THE_HUB = (".html", ".md", ".txt")
_AT_THE_ROOT = ("llms.txt", "llms-full.txt", "favicon.ico")  # where programs look for them
_TAG = re.compile(r'"[^"]*"')


def static() -> Traversable:
    """The folder of the files that ship with the package."""
    return files("waypost.http").joinpath("static")


class Variant(NamedTuple):
    """A file in one encoding (None: as it is), with the strong ETag of these bytes."""

    body: bytes
    encoding: str | None
    etag: str


def _variant(body: bytes, encoding: str | None) -> Variant:
    return Variant(body, encoding, f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"')


class StaticFile:
    """A file of the package. Its text names `base_url`, where one is given, in place of `PLACEHOLDER`."""

    def __init__(self, file: Traversable, base_url: str | None = None) -> None:
        self._file = file
        suffix = PurePosixPath(file.name).suffix
        self._base_url = base_url if suffix in _NAME_THE_HUB else None
        self.content_type = TYPES[suffix]

    @cached_property
    def plain(self) -> Variant:
        """The file without encoding."""
        body = self._file.read_bytes()
        if self._base_url is not None:
            body = body.replace(PLACEHOLDER.encode(), self._base_url.encode())
        return _variant(body, None)

    @cached_property
    def best(self) -> Variant:
        """The file for a caller that takes gzip: compressed, unless that makes it no smaller."""
        compressed = gzip.compress(self.plain.body, LEVEL, mtime=0)
        return _variant(compressed, "gzip") if len(compressed) < len(self.plain.body) else self.plain

    def send(self, req: Request, resp: Response, cache_control: str, vary: str = "Accept-Encoding") -> None:
        """Answer with the file, or with 304 if the caller has it (RFC 9110, section 13.1.2)."""
        variant = self.best if takes_gzip(req.get_header("Accept-Encoding")) else self.plain
        resp.set_header("ETag", variant.etag)
        resp.set_header("Cache-Control", cache_control)
        resp.set_header("Vary", vary)
        if self.content_type == HTML:
            resp.set_header("Content-Security-Policy", POLICY)
            resp.set_header("Referrer-Policy", "no-referrer")
        if has_it(req.get_header("If-None-Match"), variant.etag):
            resp.status = 304
            return
        resp.status = 200
        resp.content_type = self.content_type
        resp.data = variant.body
        if variant.encoding is not None:
            resp.set_header("Content-Encoding", variant.encoding)


def wants_page(accept: str | None) -> bool:
    """Whether the caller names HTML, as browsers do, and does not like JSON better."""
    by_name = weights(accept)
    html = by_name.get("text/html", 0.0)
    return html > 0 and html >= max((weight for name, weight in by_name.items() if name.endswith("json")), default=0.0)


def has_it(if_none_match: str | None, etag: str) -> bool:
    """Whether an `If-None-Match` names this ETag, weak or strong, or any (`*`)."""
    return if_none_match is not None and (if_none_match.strip() == "*" or etag in _TAG.findall(if_none_match))


class Page(Resource):
    """A file at its path; a slash too few or too many is redirected, since relative links need the right URL."""

    def __init__(self, hub: Hub, path: str, file: StaticFile, is_folder: bool) -> None:
        super().__init__(hub)
        self._name = path.rpartition("/")[2]
        self._file = file
        self._is_folder = is_folder

    async def on_get(self, req: Request, resp: Response) -> None:
        """The file, or 308. The redirect is relative: a proxy may serve the hub under a path of its own."""
        has_slash = req.scope["path"].endswith("/")
        if has_slash == self._is_folder:
            self._file.send(req, resp, KEPT)
            return
        query = call_of(req).query_string.decode("latin-1")
        location = f"{self._name}/" if self._is_folder else f"../{self._name}"
        resp.status = 308
        resp.content_type = falcon.MEDIA_TEXT
        resp.set_header("Location", f"{location}?{query}" if query else location)


class Home(Resource):
    """`/`: a page for browsers; for programs there is no such path. No program gets HTML by mistake."""

    def __init__(self, hub: Hub, file: StaticFile) -> None:
        super().__init__(hub)
        self._file = file

    async def on_get(self, req: Request, resp: Response) -> None:
        """The page, or 404."""
        resp.set_header("Vary", "Accept")
        if not wants_page(req.get_header("Accept")):
            raise falcon.HTTPNotFound
        self._file.send(req, resp, KEPT, "Accept, Accept-Encoding")


def path_of(name: str) -> str:
    """The path at which a file of `static/reference` is served, without a slash at its end."""
    if name == "home.html":
        return "/"
    if name == "index.html":
        return "/docs"
    return f"/{name}" if name in _AT_THE_ROOT else f"/docs/{name.removesuffix('.html')}"


def listed(folder: Traversable, before: str = "") -> Iterator[tuple[str, Traversable]]:
    """The files below a folder, by name from there; those of other types are left out (an editor's, for instance)."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from listed(entry, f"{before}{entry.name}/")
        elif PurePosixPath(entry.name).suffix in TYPES:
            yield before + entry.name, entry


@cache
def _pages() -> tuple[tuple[str, Traversable], ...]:
    """The files of the reference, by path. They come with the package, and stay as they are."""
    return tuple((path_of(name), entry) for name, entry in listed(static().joinpath("reference")))


def routes(hub: Hub, base_url: str | None = None) -> dict[str, Resource]:
    """The paths of the reference; none needs a token. The folder decides which there are."""
    found: dict[str, Resource] = {}
    for path, entry in _pages():
        file = StaticFile(entry, base_url)
        found[path] = Home(hub, file) if path == "/" else Page(hub, path, file, is_folder=path == "/docs")
    return found
