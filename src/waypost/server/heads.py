"""The head of a request: what is wrong with it, and the `scope` that an application gets."""

import re
import urllib.parse
from typing import Any, NamedTuple

import httptools

from waypost.server.exchange import RawHeader
from waypost.server.limits import HEAD_AT_MOST, HEADERS_AT_MOST

METHODS = frozenset((b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"))
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")
TARGET_AT_MOST = 2**16 - 1  # bytes, that the parser of URLs takes
_URL = "In a URL, a blank, # and what is not ASCII must be percent-encoded."
_METHODS = ", ".join(sorted(method.decode() for method in METHODS))
_PLAIN = "TLS and HTTP/2 are for a proxy before the hub."


class Fault(NamedTuple):
    """Why a request is refused by the server itself: a status, a code and a sentence for the caller."""

    status: int
    code: str
    detail: str
    kind: str = "malformed"  # in the log


class Head(NamedTuple):
    """A head that can be answered. `framing`: the header that says where the body ends; None: there is none.

    `closes`: it asks for the end of the connection.
    """

    scope: dict[str, Any]
    awaits_continue: bool
    framing: bytes | None
    closes: bool


_BAD_URL = Fault(400, "invalid_input", f"This is not HTTP/1.1: check the first line. {_URL}")
_NO_METHOD = Fault(
    400, "invalid_input", f"This is not HTTP/1.1: it begins with no method ({_METHODS}; in capitals). {_PLAIN}"
)  # fmt: skip
_HEADER = "A header is a name, a colon, a value, CR and LF; of Content-Length and Transfer-Encoding send at most one."
_BAD_BEGINNING = Fault(
    400, "invalid_input", f"This is not HTTP/1.1: check the first line and the headers. {_URL} {_HEADER} {_PLAIN}"
)  # fmt: skip
_BAD_HEADER = Fault(400, "invalid_input", f"A header breaks the rules of HTTP/1.1. {_HEADER}")
_BAD_BODY = Fault(400, "invalid_input", "The body breaks the rules of HTTP/1.1: check its chunks and trailers.")
LONG_HEAD = Fault(431, "headers_too_large", f"Headers may have at most {HEAD_AT_MOST} bytes.", "long_head")
MANY_HEADERS = Fault(
    431, "headers_too_large", f"A call may have at most {HEADERS_AT_MOST} headers and trailers.", "long_head"
)  # fmt: skip
LONG_URL = Fault(414, "url_too_long", f"The URL may have at most {TARGET_AT_MOST} bytes.", "long_head")
SLOW_HEAD = Fault(408, "request_timeout", "The head of the request did not come in time.", "slow_head")
DEFECT = Fault(500, "internal", "Something went wrong here. Quote the request id when you report it.", "malformed")
FULL = Fault(503, "unavailable", "The server has as many connections as it may: try again.", "full")
FULL_OF_ADDRESS = Fault(
    503, "unavailable", "Your address has as many connections as it may: use those, or close some.",
    "connections_of_address",
)  # fmt: skip
_VERSION = Fault(400, "invalid_input", "The first line must be: method, blank, path, blank, HTTP/1.1 (or HTTP/1.0).")
_HOSTS = Fault(400, "invalid_input", "HTTP/1.1 needs the header Host exactly once: a host name, and a port if need be.")
_HOST_NAME = Fault(400, "invalid_input", "The header Host must be a host name, with a colon and a port if need be.")
_OLD_CHUNKS = Fault(400, "invalid_input", "HTTP/1.0 has no Transfer-Encoding: send Content-Length.")


def broken(error: httptools.HttpParserError, has_headers: bool, in_body: bool) -> Fault:
    """Why the parser does not take it, as far as it is known."""
    if in_body:
        return _BAD_BODY
    if isinstance(error, httptools.HttpParserInvalidMethodError):
        return _NO_METHOD
    return _BAD_HEADER if has_headers else _BAD_BEGINNING


def _not_known(what: str) -> Fault:
    return Fault(501, "not_implemented", what)


def read_head(version: str, method: bytes, target: bytes, headers: list[RawHeader]) -> Head | Fault:  # noqa: C901 - a list of rules
    """Judge a head that the parser has taken. Names of headers are lower case, values without blanks around them."""
    if version not in ("1.1", "1.0"):
        return _VERSION
    if method not in METHODS:
        return _not_known(f"The method {method.decode()} is not known here: use one of {_METHODS}.")
    if len(target) > TARGET_AT_MOST:
        return LONG_URL
    hosts, awaits_continue, framing, closes = 0, False, None, False
    for name, value in headers:
        if name == b"host":
            hosts += 1
            if _HOST.fullmatch(value) is None:
                return _HOST_NAME
        elif name == b"transfer-encoding":
            if not value:
                return _BAD_HEADER
            if value.lower() != b"chunked":
                return _not_known(f"Transfer-Encoding may be chunked, and not {value.decode('latin-1')[:80]}.")
            if version == "1.0":
                return _OLD_CHUNKS
            framing = b"transfer-encoding: chunked"
        elif name == b"content-length" and value.strip(b"0"):
            framing = b"content-length: " + value
        elif name == b"connection":
            closes = closes or b"close" in value.lower()
        elif name == b"expect" and value.lower() == b"100-continue":
            awaits_continue = version == "1.1"
    if hosts > 1 or (not hosts and version == "1.1"):
        return _HOSTS
    try:
        url = httptools.parse_url(target)
    except httptools.HttpParserInvalidURLError:
        return _BAD_URL
    raw_path = url.path or b"/"
    is_path = raw_path.startswith(b"/") or (raw_path == b"*" and method == b"OPTIONS")
    if not is_path or url.schema not in (None, b"http", b"https") or url.userinfo or url.fragment is not None:
        return _BAD_URL
    path = raw_path.decode("ascii")
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": version, "scheme": "http",
        "method": method.decode(), "root_path": "", "path": urllib.parse.unquote(path) if "%" in path else path,
        "raw_path": raw_path, "query_string": url.query or b"", "headers": headers,
    }  # fmt: skip
    return Head(scope, awaits_continue, framing, closes)
