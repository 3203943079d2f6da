"""Signing what leaves the hub, so that the other side knows who sent it and that nobody has changed it."""

import base64
import binascii
import hmac
from functools import lru_cache

STANDARD_PREFIX = "whsec_"
STANDARD_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
LEAST_SECRET = 24  # bytes, as Standard Webhooks asks


@lru_cache(maxsize=1024)
def standard_key(secret: str) -> bytes:
    """The key of a `whsec_…` secret; ValueError when it is none."""
    if not secret.startswith(STANDARD_PREFIX):
        raise ValueError("must begin with whsec_")
    try:
        key = base64.b64decode(secret.removeprefix(STANDARD_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("must be base64 after whsec_") from None
    if len(key) < LEAST_SECRET:
        raise ValueError(f"must hold at least {LEAST_SECRET} bytes")
    return key


def standard_headers(key: bytes, message_id: str, at_s: int, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks (`STANDARD_HEADERS`); `at_s` seconds since 1970."""
    signed = f"{message_id}.{at_s}.".encode() + body
    digest = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    return dict(zip(STANDARD_HEADERS, (message_id, str(at_s), f"v1,{digest}"), strict=True))


def plain_signature(secret: str, algorithm: str, encoding: str, body: bytes) -> str:
    """HMAC of the body alone: `sha256` or `sha512`, in `hex` or `base64`."""
    digest = hmac.new(secret.encode(), body, algorithm).digest()
    return digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()
