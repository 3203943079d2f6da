"""If-Match, ETag, Idempotency-Key and X-Request-Id (contract section 1.4; RFC 9110)."""

import re

from waypost.wire.faults import Fault

_TAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*')
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_CALL_ID = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)
_VERSION = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


def format_etag(version: int) -> str:
    """The strong ETag of a version."""
    return f'"{version}"'


def parse_if_match(value: str, faults: list[Fault]) -> frozenset[int] | str | None:
    """The versions an If-Match allows, or "*"; weak and foreign tags never match, unquoted ones are a fault."""
    if value.strip() == "*":
        return "*"
    versions: set[int] = set()
    for part in value.split(","):
        tag = _TAG.fullmatch(part)
        if tag is None:
            message = 'If-Match is * or a list of quoted tags, such as "3".'
            faults.append(Fault("header", "If-Match", "bad_etag", message))
            return None
        if not tag[1] and _VERSION.fullmatch(tag[2]):
            versions.add(int(tag[2]))
    return frozenset(versions)


def parse_idempotency_key(value: str, faults: list[Fault]) -> str | None:
    """The key, or None with a fault."""
    if _KEY.fullmatch(value) is None:
        message = "Idempotency-Key is 1 to 255 visible ASCII characters, given once."
        faults.append(Fault("header", "Idempotency-Key", "bad_key", message))
        return None
    return value


def clean_request_id(value: str) -> str | None:
    """The caller's X-Request-Id if it can be echoed; else None, and one is made."""
    return value if _CALL_ID.fullmatch(value) else None
