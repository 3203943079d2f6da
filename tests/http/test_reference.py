"""The reference as it is served: types, encodings, ETags, redirects, the page at `/`, and what strangers cannot do."""

import asyncio
import gzip
import io
import re
import tracemalloc
from pathlib import Path, PurePosixPath
from urllib.parse import urljoin

import httpx
import pytest

from tests.support.asgi import Client, Reply
from tests.support.process import ServerProcess
from tests.support.world import World
from waypost.http.app import create_app
from waypost.http.compression import takes_gzip
from waypost.http.door import Door
from waypost.http.gate import Gate
from waypost.http.log import LineLog
from waypost.http.rates import Rate
from waypost.http.reference import PLACEHOLDER, TYPES, has_it, listed, path_of, static, wants_page

FOLDER = static().joinpath("reference")
FILES = {("/docs/" if path_of(name) == "/docs" else path_of(name)): entry for name, entry in listed(FOLDER)}
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
GZIP = {"Accept-Encoding": "gzip, deflate, br"}
HERE = "198.51.100.7"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
BASE_URL = "http://127.0.0.1:8123"
BROWSERS = (
    # Chrome and Edge, Firefox (new, older), Safari, Internet Explorer, Lynx, w3m
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/png,image/svg+xml,*/*;q=0.8",
    "text/html, application/xhtml+xml, image/jxr, */*",
    "text/html, text/plain, text/sgml, text/css, application/xhtml+xml, */*;q=0.01",
    "text/html, text/*;q=0.5, image/*",
    "TEXT/HTML; charset=utf-8;q=0.4", "text/html;level=1", "*/*;q=0.1,text/html;q=0.001", "text/html, application/json",
)  # fmt: skip
PROGRAMS = (
    None, "", "*/*",  # Go; nothing named; curl, wget, httpx, requests, fetch
    "application/json, text/plain, */*",  # axios
    "application/json", "application/problem+json, application/json;q=0.9", "application/json, text/html;q=0.5",
    "application/vnd.api+json, text/html;q=0.9", "text/*", "text/plain", "application/xhtml+xml", "text/htmlx",
    "text/html;q=0", "text/html; q=0.000, */*", "text/html;q=2", "text/html;q=x", "text/html;q=", "text/html;q=-1",
    ",;,;q=1,", "text/html;q=0.0001",
)  # fmt: skip


@pytest.fixture
def engine() -> str:
    """One engine: no database is asked."""
    return "sqlite"


async def get(app: Door | Client, path: str, **headers: str) -> Reply:
    """GET without a token; an underscore in a name stands for a hyphen."""
    client = app if isinstance(app, Client) else Client(app)
    given = {"Accept": BROWSER["Accept"], **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await client.get(path, headers=given)


def expected_of(path: str) -> bytes:
    """The file as it lies in the package."""
    return FILES[path].read_bytes()


def test_there_are_pages_of_every_kind() -> None:
    assert {"/", "/docs/", "/docs/errors", "/docs/search", "/docs/search.json", "/docs/waypost.css", "/docs/waypost.svg",
            "/docs/reference.js", "/docs/tester.js", "/docs/search.js", "/llms.txt", "/llms-full.txt", "/favicon.ico",
            "/docs/operations/fail_fulfillment_request", "/docs/operations/fail_fulfillment_request.md",
            "/docs/guides/operations", "/docs/guides/operations.md"} <= set(FILES)  # fmt: skip
    assert {PurePosixPath(entry.name).suffix for entry in FILES.values()} <= set(TYPES)
    assert not [path for path in FILES if re.search(r"[^a-zA-Z0-9_./-]", path)]  # no path needs percent-encoding


async def test_every_file_is_served_with_its_type_in_both_encodings(world: World) -> None:
    for path in FILES:
        plain, packed = await get(world.app, path), await get(world.app, path, accept_encoding="gzip")
        assert plain.body == expected_of(path), path
        assert (plain.status, packed.status) == (200, 200)
        kind = TYPES[PurePosixPath(FILES[path].name).suffix]
        assert plain.headers["content-type"] == packed.headers["content-type"] == kind, path
        assert "content-encoding" not in plain.headers
        if "content-encoding" in packed.headers:
            assert packed.headers["content-encoding"] == "gzip"
            assert len(packed.body) < len(plain.body)
            assert gzip.decompress(packed.body) == plain.body
            assert packed.headers["etag"] != plain.headers["etag"]
        else:
            assert packed.body == plain.body
            assert packed.headers["etag"] == plain.headers["etag"]
        for reply in (plain, packed):
            assert reply.headers["content-length"] == str(len(reply.body))
            assert reply.headers["cache-control"] == "max-age=300"
            assert reply.headers["vary"] == ("Accept, Accept-Encoding" if path == "/" else "Accept-Encoding")
            assert re.fullmatch(r'"[0-9a-f]{24}"', reply.headers["etag"])


async def test_pages_run_nothing_of_others_and_tell_nobody_where_they_were(world: World) -> None:
    for path, entry in FILES.items():
        reply = await get(world.app, path)
        is_page = entry.name.endswith(".html")
        assert reply.headers.get("content-security-policy") == (POLICY if is_page else None), path
        assert reply.headers.get("referrer-policy") == ("no-referrer" if is_page else None), path
        if is_page:
            loaded = re.findall(r"""(?:\ssrc|<link\b[^>]*\shref)=["']?([^"' >]+)""", reply.body.decode())
            assert loaded, path
            assert not [url for url in loaded if re.match(r"/|[a-z]+:", url, re.IGNORECASE)], path
            assert {urljoin(path, url) for url in loaded} <= set(FILES), path


async def test_head_is_get_without_a_body(world: World) -> None:
    for path in FILES:
        for headers in (BROWSER, {**BROWSER, **GZIP}):
            head, whole = [await Client(world.app).call(method, path, headers=headers) for method in ("HEAD", "GET")]
            assert (head.status, head.body) == (200, b"")
            told = [{name: value for name, value in one.headers.items() if name != "x-request-id"} for one in (head, whole)]
            assert told[0] == told[1], path


async def test_options_and_other_methods(world: World) -> None:
    for path in ("/", "/docs", "/docs/", "/docs/errors", "/docs/waypost.css", "/llms.txt"):
        reply = await Client(world.app).call("OPTIONS", path)
        assert (reply.status, reply.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            reply = await Client(world.app).call(method, path)
            assert (reply.status, reply.json()["code"]) == (405, "method_not_allowed")


async def test_who_has_a_file_gets_304(world: World) -> None:
    for path in FILES:
        for encoding in ("gzip", "identity"):
            whole = await get(world.app, path, accept_encoding=encoding)
            etag = whole.headers["etag"]
            for known in (etag, f"W/{etag}", f'"a", W/"b,c" ,{etag}', f'{etag},"x"', "*", " * "):
                reply = await get(world.app, path, accept_encoding=encoding, if_none_match=known)
                assert (reply.status, reply.body) == (304, b""), (path, known)
                assert "content-type" not in reply.headers
                for name in ("etag", "cache-control", "vary"):
                    assert reply.headers[name] == whole.headers[name]
            for other in ('"x"', f"W/{etag[:-1]}", etag.strip('"'), "", '""', f'"{etag[1:-2]}"', "**"):
                reply = await get(world.app, path, accept_encoding=encoding, if_none_match=other)
                assert (reply.status, reply.body) == (200, whole.body), (path, other)
    both = [("If-None-Match", '"x"'), ("If-None-Match", etag), *BROWSER.items()]
    assert (await Client(world.app).get(path, headers=both)).status == 304  # two headers are one list
    assert (await Client(world.app).call("HEAD", path, headers=both)).status == 304


async def test_the_encodings_have_etags_of_their_own(world: World) -> None:
    """A 304 to a caller that has the other encoding would let it keep bytes that it cannot read."""
    for path in ("/docs/waypost.css", "/openapi.json"):
        packed = await transported(world.app, path, {"Accept-Encoding": "gzip"})
        reply = await get(world.app, path, if_none_match=packed.headers["etag"])
        assert reply.status == 200
        assert (await get(world.app, path, accept_encoding="gzip", if_none_match=packed.headers["etag"])).status == 304


async def transported(app: Door, path: str, headers: dict[str, str]) -> httpx.Response:
    """Through a client that decodes by itself."""
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://hub.test") as client:
        return await client.get(path, headers=headers)


@pytest.mark.parametrize("name", ["openapi.json", "openapi.yaml"])
async def test_the_contract_is_compressed_and_asked_for_again(world: World, name: str) -> None:
    plain = await get(world.app, f"/{name}", accept_encoding="identity")
    packed = await transported(world.app, f"/{name}", {"Accept-Encoding": "gzip"})
    assert plain.body == packed.content == static().joinpath(name).read_bytes()
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.body) / 4
    for reply in (plain, packed):
        assert reply.headers["cache-control"] == "private, no-cache"
        assert reply.headers["vary"] == "Accept-Encoding"
    assert plain.headers["etag"] != packed.headers["etag"]
    again = await get(world.app, f"/{name}", if_none_match=plain.headers["etag"])
    assert (again.status, again.headers["cache-control"]) == (304, "private, no-cache")


async def test_a_slash_too_few_or_too_many_is_redirected(world: World) -> None:
    for path in set(FILES) - {"/"}:
        asked = path[:-1] if path == "/docs/" else f"{path}/"
        for query in ("", "?q=a%20b&id=2"):
            for method in ("GET", "HEAD"):
                reply = await Client(world.app).call(method, asked + query)
                assert (reply.status, reply.body) == (308, b"")
                assert not reply.headers["location"].startswith(("/", "http"))
                assert urljoin(asked + query, reply.headers["location"]) == path + query
                assert urljoin(f"/hub{asked}", reply.headers["location"]) == f"/hub{path}{query}"
    assert (await get(world.app, "/docs")).headers["location"] == "docs/"
    assert (await get(world.app, "/openapi.json/")).status == 200  # a call of the API: one slash more is the same path


@pytest.mark.parametrize("accept", BROWSERS)
async def test_browsers_get_a_page_at_the_root(limited: Client, accept: str) -> None:
    stranger = limited.with_token(None)
    for token in (None, "wp_nobody", limited.token):
        for _ in range(8):  # more than an address may be refused: a browser pays nothing
            reply = await stranger.with_token(token).call("GET", "/", headers={"Accept": accept}, peer=HERE)
            assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
            assert reply.headers["vary"] == "Accept, Accept-Encoding"
    assert wants_page(accept)
    assert (await stranger.call("GET", "/nowhere", peer=HERE)).status == 404  # and not 429


@pytest.mark.parametrize("accept", PROGRAMS)
async def test_programs_get_no_page_at_the_root(limited: Client, accept: str | None) -> None:
    headers = {} if accept is None else {"Accept": accept}
    for token in (None, "wp_nobody", limited.token):
        for method in ("GET", "HEAD"):
            reply = await limited.with_token(token).call(method, "/", headers=headers, peer=HERE)
            assert (reply.status, reply.headers["content-type"]) == (404, "application/problem+json")
            assert (reply.headers["vary"], reply.headers["cache-control"]) == ("Accept", "no-store")
            assert "etag" not in reply.headers
    assert (await limited.call("GET", "/", headers=headers)).json()["detail"] == "There is no path /: /docs lists all paths."


async def test_the_root_costs_nobody_anything_and_no_line(world: World) -> None:
    log = io.StringIO()
    stranger = Client(create_app(world.hub, Gate(world.hub.tokens, Rate(2, 2.0), (), lambda: 100.0), LineLog(log)))
    for headers in (BROWSER, {}):
        assert {(await stranger.call("GET", "/", headers=headers, peer=HERE)).status for _ in range(30)} <= {200, 404}
    for path in set(FILES) | {"/docs", "/docs/errors/"}:
        assert {(await stranger.call("GET", path, headers=BROWSER, peer=HERE)).status for _ in range(3)} <= {200, 308}
    await asyncio.sleep(0)
    assert log.getvalue() == ""
    assert (await stranger.call("GET", "/nowhere", peer=HERE)).status == 404  # and not 429


@pytest.mark.parametrize(("accept", "takes"), [
    ("gzip", True), ("gzip, deflate, br, zstd", True), ("GZIP", True), ("x-gzip", True), ("*", True), ("br, *;q=0.1", True),
    ("gzip;q=0.001", True), ("identity, gzip", True), ("identity;q=0.5, gzip;q=1.0", True), ("deflate,gzip ; q=1", True),
    (None, False), ("", False), ("br", False), ("identity", False), ("gzip;q=0", False), ("gzip;q=0.000, *", False),
    ("*;q=0", False), ("gzip;q=0.5, identity", False), ("gzip;q=nan", False), ("gzip;q=1e9", False), ("gzipped", False),
    ("gzip;q=", False), (",,;;", False),
])  # fmt: skip
async def test_which_callers_take_gzip(world: World, accept: str | None, takes: bool) -> None:
    assert takes_gzip(accept) == takes
    reply = await get(world.app, "/docs/waypost.css", **({} if accept is None else {"accept_encoding": accept}))
    assert (reply.headers.get("content-encoding") == "gzip") == takes


def test_a_long_header_takes_no_time() -> None:
    for value in ("," * 32_000, ";" * 32_000, '"' * 32_000, 'W/"' * 10_000, "a;q=0.1," * 4000, '"a",' * 8000):
        assert not takes_gzip(value)
        assert not wants_page(value)
        assert not has_it(value, '"b"')


async def test_the_pages_name_the_hub_that_serves_them(world: World) -> None:
    app = create_app(world.hub, Gate(world.hub.tokens, None, ()), LineLog(io.StringIO()), base_url=BASE_URL)
    changed = 0
    for path, entry in FILES.items():
        content = expected_of(path)
        if entry.name.endswith((".html", ".md", ".txt")):
            changed += PLACEHOLDER.encode() in content
            content = content.replace(PLACEHOLDER.encode(), BASE_URL.encode())
        reply, packed = await get(app, path), await get(app, path, accept_encoding="gzip")
        assert reply.body == content, path
        if "content-encoding" in packed.headers:
            assert gzip.decompress(packed.body) == content
        other = await get(world.app, path)
        assert (other.headers["etag"] == reply.headers["etag"]) == (content == expected_of(path))
    assert changed >= 4


async def test_a_server_names_itself(migrated_url: str, tmp_path: Path) -> None:
    """Also one that listens on every address: nobody can call 0.0.0.0 from elsewhere, so the pages do not name it."""
    log = tmp_path / "server.log"
    async with ServerProcess(migrated_url, log, "--host", "0.0.0.0") as server, httpx.AsyncClient() as client:
        page = await client.get(f"{server.url}/docs/operations/fail_fulfillment_request.md")
        assert f"{server.url}/fulfillment-requests/2/processing-failed" in page.text
        assert PLACEHOLDER not in page.text
        reply = await client.get(f"{server.url}/docs", follow_redirects=True)
        assert reply.headers["content-encoding"] == "gzip"
        assert (reply.status_code, str(reply.url)) == (200, f"{server.url}/docs/")
        again = await client.get(f"{server.url}/docs/", headers={"If-None-Match": reply.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    assert f"reference and try-out: http://0.0.0.0:{server.port}/docs/" in log.read_text()


async def test_a_file_is_read_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    reads = type(FILES["/docs/"]).read_bytes
    monkeypatch.setattr(type(FILES["/docs/"]), "read_bytes", lambda file: (read.append(file.name), reads(file))[1])
    compressed: list[int] = []
    compress = gzip.compress
    monkeypatch.setattr(gzip, "compress", lambda data, *how, **more: (compressed.append(len(data)), compress(data, *how, **more))[1])
    for _ in range(3):
        for encoding in ("gzip", "identity"):
            for path in FILES:
                await get(world.app, path, accept_encoding=encoding)
    assert len(read) == len(compressed) == len(FILES)


async def test_names_that_do_not_exist_take_up_no_memory(world: World) -> None:
    stranger = Client(world.app)
    for path in ("/docs/nothing.js", "/docs/waypost.css", "/docs/operations/nothing", "/"):
        await get(stranger, path)  # what is made once is made
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for n in range(250):
            long = f"{n}-{'x' * 5000}"
            for path in (f"/docs/{long}", f"/docs/operations/{long}", f"/docs/guides/{long}.md", f"/docs/waypost.css?{long}"):
                await get(stranger, path, accept_encoding=long, if_none_match=f'"{long}"', accept=long)
        await asyncio.sleep(0)  # the log is written
        assert tracemalloc.get_traced_memory()[0] - before < 1000 * 1000
    finally:
        tracemalloc.stop()
