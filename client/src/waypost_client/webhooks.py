"""Webhooks as Standard Webhooks has them: is this body what the hub signed, and now?"""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

TOLERANCE_S = 300
PREFIX = "whsec_"


class BadSignature(Exception):
    """The body is not to be believed; the message says why."""


def verify(
    secrets: str | Sequence[str], headers: Mapping[str, str], body: bytes, now_s: float | None = None
) -> Any:
    """The payload, once one of the signatures is made with one of `secrets`. Raises `BadSignature`.

    `body` is the raw request body, `headers` those of the request in any case; `now_s` is seconds since 1970.
    """
    found = {name.lower(): value for name, value in headers.items()}
    try:
        id_, sent, signatures = found["webhook-id"], found["webhook-timestamp"], found["webhook-signature"]
    except KeyError as error:
        raise BadSignature(f"The header {error.args[0]} is missing.") from None
    if not (sent.isascii() and sent.isdigit()):
        raise BadSignature("webhook-timestamp is not a number of seconds.")
    if abs((time.time() if now_s is None else now_s) - int(sent)) > TOLERANCE_S:
        raise BadSignature("webhook-timestamp is more than five minutes away: the call is old, or a clock is wrong.")
    signed = f"{id_}.{sent}.".encode() + body
    expected = [_signature(secret, signed) for secret in ([secrets] if isinstance(secrets, str) else secrets)]
    given = [one.partition(",")[2] for one in signatures.split() if one.startswith("v1,")]
    if not any(hmac.compare_digest(one, other) for one in given for other in expected):
        raise BadSignature("No signature is made with this secret.")
    return json.loads(body)


def _signature(secret: str, signed: bytes) -> str:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("A secret is whsec_ and base64.") from None
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
