"""What can go wrong: one exception per kind of refusal, each with the problem document that came with it."""

import json
from collections.abc import Mapping
from typing import Any


class WaypostError(Exception):
    """Base of everything that this package raises about a call."""


class NoReply(WaypostError):
    """No reply came. `sent`: the request may have reached the server, so a change may have been applied."""

    def __init__(self, message: str, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class ApiError(WaypostError):
    """The server refused. `code` is stable, `problem` is the whole document, `request_id` is for the support."""

    def __init__(
        self, status: int, code: str, message: str, problem: Mapping[str, Any], retry_after_s: int | None
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.problem = problem
        self.retry_after_s = retry_after_s

    @property
    def request_id(self) -> str | None:
        """The id under which the server logged the call."""
        found = self.problem.get("requestId")
        return found if isinstance(found, str) else None


class InvalidInput(ApiError):
    """400: the input cannot be right. `errors` lists everything that is wrong with it."""

    @property
    def errors(self) -> list[Mapping[str, str]]:
        """`parameter`, `pointer` or `header`, with `code` and `message`."""
        return list(self.problem.get("errors", ()))


class NotAllowed(ApiError):
    """400: the present status does not allow it."""

    @property
    def current_status(self) -> str | None:
        """The name of the present status."""
        found = self.problem.get("currentStatus")
        return found if isinstance(found, str) else None

    @property
    def allowed_actions(self) -> list[str]:
        """What this token may do now."""
        return list(self.problem.get("allowedActions", ()))


class Unauthorized(ApiError):
    """401: no good token, or one of a type that may not call this (`code` is `wrong_token_type`)."""

    @property
    def token_types(self) -> list[str]:
        """The types of token that may call it; empty when the token itself is no good."""
        return list(self.problem.get("tokenTypes", ()))


class NotFound(ApiError):
    """404: not there, or outside the token's scope."""


class Conflict(ApiError):
    """409 or 422: it exists with other content, or the idempotency key belongs to another call."""

    @property
    def differs(self) -> list[str]:
        """Pointers to the fields of a posted order that differ from what was posted before; empty where unknown."""
        return [one["pointer"] for one in self.problem.get("differs", ())]


class Stale(ApiError):
    """412: it has changed since it was read."""


class RateLimited(ApiError):
    """429, after all tries."""


class Unavailable(ApiError):
    """503 and other server errors. `applied`: `no`, `unknown`, or None when the server does not say."""

    @property
    def applied(self) -> str | None:
        """Whether the change was stored."""
        found = self.problem.get("applied")
        return found if isinstance(found, str) else None


_BY_STATUS: dict[int, type[ApiError]] = {
    401: Unauthorized, 404: NotFound, 409: Conflict, 412: Stale, 422: Conflict, 429: RateLimited,
}  # fmt: skip


def error_of(status: int, headers: Mapping[str, str], content: bytes) -> ApiError:
    """The exception for an error reply, whatever its body is."""
    try:
        document = json.loads(content)
    except ValueError:
        document = None
    problem: Mapping[str, Any] = document if isinstance(document, dict) else {}
    told = headers.get("retry-after", "")
    retry_after_s = int(told) if told.isascii() and told.isdigit() else None
    message = problem.get("message") or problem.get("detail") or content[:200].decode("utf-8", "replace")
    kind = _BY_STATUS.get(status)
    if kind is None and status >= 500:
        kind = Unavailable
    if kind is None:
        kind = NotAllowed if "currentStatus" in problem else InvalidInput if status == 400 else ApiError
    return kind(status, str(problem.get("code", f"http_{status}")), str(message), problem, retry_after_s)
