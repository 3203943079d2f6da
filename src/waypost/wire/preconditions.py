"""If-Match, ETag, Idempotency-Key and X-Request-Id (contract section 1.4; RFC 9110)."""

import re
from collections.abc import Iterable

from waypost.wire.faults import Fault

# One element of an If-Match list, with the comma or the end that follows it. Empty elements are allowed.
# Possessive, so that a long run of blanks costs no backtracking.
_ELEMENT = re.compile(r'[ \t]*+(?:(W/)?"([\x21\x23-\x7e\x80-\xff]*+)")?[ \t]*+(?:,|\Z)')
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_CALL_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_VERSION = re.compile(r"[1-9][0-9]{0,18}")

RawHeaders = Iterable[tuple[bytes, bytes]]


def format_etag(version: int) -> str:
    """The strong ETag of a version."""
    return f'"{version}"'


def read_if_match(headers: RawHeaders, faults: list[Fault]) -> frozenset[int] | str | None:
    """If-Match out of the raw headers, None when there is none; two of them are one list (RFC 9110)."""
    values = _values(headers, b"if-match")
    return parse_if_match(", ".join(values), faults) if values else None


def parse_if_match(value: str, faults: list[Fault]) -> frozenset[int] | str | None:
    """The versions an If-Match allows, or "*"; weak and foreign tags never match, unquoted is a fault."""
    value = value.strip()
    if value == "*":
        return "*"
    versions: set[int] = set()
    tags = at = 0
    while at < len(value):
        element = _ELEMENT.match(value, at)
        if element is None:
            tags = 0
            break
        weak, tag = element.groups()
        tags += tag is not None
        if tag is not None and weak is None and _VERSION.fullmatch(tag) is not None:
            versions.add(int(tag))
        at = element.end()
    if not tags:
        message = 'If-Match is * or a list of quoted tags, such as "3".'
        faults.append(Fault("header", "If-Match", "bad_etag", message))
        return None
    return frozenset(versions)


def read_idempotency_key(headers: RawHeaders, faults: list[Fault]) -> str | None:
    """Idempotency-Key out of the raw headers; None when there is none, or with a fault."""
    values = _values(headers, b"idempotency-key")
    if len(values) > 1:
        message = f"Idempotency-Key is given {len(values)} times."
        faults.append(Fault("header", "Idempotency-Key", "repeated_header", message))
        return None
    return parse_idempotency_key(values[0], faults) if values else None


def parse_idempotency_key(value: str, faults: list[Fault]) -> str | None:
    """The key, or None with a fault."""
    if _KEY.fullmatch(value) is None:
        message = "Idempotency-Key is 1 to 255 visible ASCII characters, given once."
        faults.append(Fault("header", "Idempotency-Key", "bad_key", message))
        return None
    return value


def clean_request_id(value: str) -> str | None:
    """The caller's X-Request-Id if it can be echoed; else None, and one is made."""
    return value if _CALL_ID.fullmatch(value) is not None else None


def _values(headers: RawHeaders, name: bytes) -> list[str]:
    # A framework joins repeated headers with a comma, which a key may contain.
    return [value.decode("latin-1").strip(" \t") for key, value in headers if key == name]
