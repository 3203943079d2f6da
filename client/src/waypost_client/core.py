"""What both clients share, without any input or output: requests built, replies read, waits and retries decided."""

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from waypost_client.errors import ApiError, error_of

TRIES = 5  # of one call, the first included
LONGEST_WAIT_S = 60.0
FIRST_WAIT_S = 0.25
ORIGINAL_HOSTS = ("flxpoint.com",)


class Operation(NamedTuple):
    """An operation of the contract. `pages` names the parameter that counts pages, where there is one."""

    name: str
    method: str
    path: str
    reads: bool
    takes_key: bool
    takes_dry_run: bool
    pages: str | None


class Call(NamedTuple):
    """One call, ready to be sent. `repeatable`: sending it twice cannot apply it twice."""

    operation: Operation
    method: str
    url: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    content: bytes | None
    repeatable: bool


class Reply(NamedTuple):
    """What came back; headers by lower-case name."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Settings(NamedTuple):
    """How a client calls. `native`: the server is a Waypost, which knows keys, preconditions and dry runs."""

    base_url: str
    token: str
    native: bool
    tries: int = TRIES


def settings_of(base_url: str, token: str, native: bool | None, tries: int) -> Settings:
    """Settings, checked; `native` None: unless the host is the original's."""
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"base_url is an http or https URL, not {base_url!r}.")
    if not token.strip():
        raise ValueError("token must not be blank.")
    if tries < 1:
        raise ValueError("tries is at least 1.")
    if native is None:
        native = not any(parts.hostname == host or parts.hostname.endswith(f".{host}") for host in ORIGINAL_HOSTS)
    return Settings(base_url.rstrip("/"), token.strip(), native, tries)


def written(value: Any) -> str:
    """A value as a query parameter has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return str(value)


def _pairs(query: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        if value is None:
            continue
        if isinstance(value, Sequence) and not isinstance(value, str):
            pairs += [(name, written(one)) for one in value]
        else:
            pairs.append((name, written(value)))
    return pairs


def build(
    settings: Settings, operation: Operation, ids: Sequence[int], query: Mapping[str, Any], body: Any,
    key: str | None, if_match: int | str | None, dry_run: bool,
) -> Call:  # fmt: skip
    """The call. A change without a key of its own gets one, so that it can be repeated safely."""
    path = operation.path
    for id_ in ids:
        start, _, rest = path.partition("{")
        path = f"{start}{quote(str(id_), safe='')}{rest.partition('}')[2]}"
    pairs = _pairs(query)
    headers = {"X-API-TOKEN": settings.token, "Accept": "application/json"}
    if dry_run:
        if not (operation.takes_dry_run and settings.native):
            raise ValueError(f"{operation.name} cannot be tried out: it knows no dry run.")
        pairs.append(("dryRun", "true"))
    elif operation.takes_key and settings.native:
        headers["Idempotency-Key"] = key or uuid.uuid4().hex
    if if_match is not None and settings.native:
        headers["If-Match"] = f'"{if_match}"' if isinstance(if_match, int) else if_match
    content = None
    if body is not None:
        headers["Content-Type"] = "application/json"
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    repeatable = operation.reads or dry_run or "Idempotency-Key" in headers
    return Call(operation, operation.method, settings.base_url + path, tuple(pairs), headers, content, repeatable)


def read(call: Call, reply: Reply) -> Any:
    """What a good reply says: plain objects, None for no content. Raises `ApiError`."""
    if reply.status >= 300:
        raise error_of(reply.status, reply.headers, reply.content)
    if not reply.content:
        return None
    try:
        return json.loads(reply.content)
    except ValueError:
        raise ApiError(reply.status, "not_json", f"{call.method} {call.url} answered no JSON.", {}, None) from None


def backoff_s(attempt: int, chance: float) -> float:
    """How long to wait after the n-th try (from 1); `chance` in [0, 1) spreads callers."""
    return float(min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (attempt - 1)) * (0.5 + chance / 2))


def wait_before_retry(call: Call, reply: Reply, attempt: int, tries: int, chance: float) -> float | None:
    """Seconds until this call may be sent again, None when it may not: nothing is ever applied twice."""
    if attempt >= tries or not _may_repeat(call, reply):
        return None
    told = reply.headers.get("retry-after", "")
    waited = float(told) if told.isascii() and told.isdigit() else 0.0
    return None if waited > LONGEST_WAIT_S else max(waited, 0.0 if reply.status == 429 else backoff_s(attempt, chance))


def _may_repeat(call: Call, reply: Reply) -> bool:
    if reply.status == 429:
        return True  # a call that is over the rate touches nothing
    if reply.status == 409:
        return bool(_said(reply, "code") == "idempotency_key_in_progress")
    if reply.status == 503:
        return call.repeatable or bool(_said(reply, "applied") == "no")
    return reply.status in (500, 502, 504) and call.repeatable


def _said(reply: Reply, member: str) -> Any:
    try:
        document = json.loads(reply.content)
    except ValueError:
        return None
    return document.get(member) if isinstance(document, dict) else None


def wait_after_failure(call: Call, sent: bool, attempt: int, tries: int, chance: float) -> float | None:
    """As `wait_before_retry`, when no reply came. `sent`: the request may have reached the server."""
    if attempt >= tries or (sent and not call.repeatable):
        return None
    return backoff_s(attempt, chance)


class Pacer:
    """Keeps calls within the token's pool, by what the replies tell of it. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._per_second = 0.0
        self._left = 0.0
        self._size = 0.0
        self._at_s = 0.0

    def learn(self, headers: Mapping[str, str], now_s: float) -> None:
        """What a reply tells of the pool."""
        try:
            size = float(headers["x-auth-pool-size"])
            used = float(headers["x-auth-pool-used"])
            per_second = float(headers["x-auth-replenished-per-second"])
        except (KeyError, ValueError):
            return
        left = size - used
        if self._per_second:
            # Calls that are under way have been counted here, and not yet there.
            left = min(left, self._now(now_s))
        self._size, self._per_second, self._left, self._at_s = size, per_second, left, now_s

    def _now(self, now_s: float) -> float:
        return min(self._size, self._left + (now_s - self._at_s) * self._per_second)

    def reserve(self, now_s: float) -> float:
        """Take a turn; how many seconds to wait for it."""
        if not self._per_second:
            return 0.0
        left = self._now(now_s)
        self._left, self._at_s = left - 1.0, now_s
        return 0.0 if left >= 1.0 else (1.0 - left) / self._per_second
