"""Why a call is refused, in the domain's words. Nothing here knows HTTP; `wire.problems` translates."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from waypost.domain.lifecycle import Action
from waypost.domain.orders import OrderStatus
from waypost.domain.statuses import STATUSES, Status

TOKEN_TYPES = ("account", "source", "channel")


class Problem(NamedTuple):
    """One thing wrong with the input: the field's domain name, a stable code, and words for a person."""

    field: str
    code: str
    message: str


class Refusal(Exception):
    """Base of everything that is refused; `code` is stable, the message is for a person."""

    code = "refused"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotFound(Refusal):
    """No such thing, or it lies outside the actor's scope: the two look the same (contract section 1.1)."""

    code = "not_found"

    def __init__(self, what: str = "fulfillment request") -> None:
        super().__init__(f"There is no such {what}.")


class NotAllowed(Refusal):
    """The present status, or a fact beside it, does not allow the action."""

    code = "not_allowed_from_status"

    def __init__(
        self, message: str, status: Status, allowed: Sequence[Action], code: str = "not_allowed_from_status"
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.allowed = allowed


class OrderNotAllowed(Refusal):
    """The present status of an order does not allow it. `settable`: the statuses that can be set now."""

    code = "not_allowed_from_status"

    def __init__(self, message: str, status: OrderStatus, settable: Sequence[OrderStatus]) -> None:
        super().__init__(message)
        self.status = status
        self.settable = settable


class Stale(Refusal):
    """The caller's If-Match names another version than the present one."""

    code = "precondition_failed"

    def __init__(self, version: int) -> None:
        super().__init__(f"It has changed since you read it: its version is now {version}.")
        self.version = version


def _with_article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


class TokenEnded(Refusal):
    """The caller's token was revoked or has expired while the call waited: nothing was done."""

    code = "unauthorized"

    def __init__(self) -> None:
        super().__init__("A valid X-API-TOKEN is required.")


class NotPermitted(Refusal):
    """A good token of a type that may not do this; `token_types` are the types that may (contract section 1.1).

    `who` are the types of actors that may, of which those that are no token are left out; `actor` is the caller's.
    """

    code = "wrong_token_type"

    def __init__(self, who: Collection[str], actor: str) -> None:
        self.token_types = tuple(type_ for type_ in TOKEN_TYPES if type_ in who)
        words = f"{_with_article(' or '.join(self.token_types))} token" if self.token_types else "no token"
        super().__init__(f"This operation takes {words}; yours is {_with_article(actor)} token.")


class Invalid(Refusal):
    """Input that cannot be right, with every problem at once."""

    code = "invalid_input"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(" ".join(problem.message for problem in problems))
        self.problems = tuple(problems)


class Conflict(Refusal):
    """It exists already, with other content."""

    code = "already_exists"


class OtherContent(Conflict):
    """An order was posted before with other content. `fields`: what differs, as pointers; empty: unknown."""

    def __init__(self, number: str, order_id: int, fields: Sequence[str]) -> None:
        unknown = "" if fields else " That was before the hub kept what was posted, so the fields are not known."
        super().__init__(
            f"Order {number} was posted to this channel with other content (id {order_id}).{unknown} A repeat may"
            " change payment status, tags and note only: change the rest by the order's calls, or use another number."
        )
        self.fields = tuple(fields)


class KeyInProgress(Refusal):
    """Another call with the same idempotency key has not ended yet."""

    code = "idempotency_key_in_progress"

    def __init__(self) -> None:
        super().__init__("A call with this Idempotency-Key is still in progress: ask again when it has ended.")


class KeyReused(Refusal):
    """The same idempotency key was used for another call, to `operation`."""

    code = "idempotency_key_reused"

    def __init__(self, key: str, operation: str) -> None:
        super().__init__(
            f"Idempotency-Key {key} was used for a call to {operation} that had another path, parameter or body."
            " Send exactly the same call, or use a new key."
        )


class Unavailable(Refusal):
    """The database cannot do it now. `applied` is "no", or "unknown" where the commit's outcome was lost."""

    code = "unavailable"

    def __init__(self, message: str, applied: str = "no", retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.applied = applied
        self.retry_after_s = retry_after_s


class LockHeld(Unavailable):
    """Another program holds a lock that this needs. Nothing was done; it may be tried again. Others need not wait."""

    def __init__(self) -> None:
        message = "The database did not make the change in time: another process may hold a lock."
        super().__init__(message, retry_after_s=1)


class NoSecretKey(Unavailable):
    """A secret would have to be stored, and the hub has no key to encrypt it with. Only its operator can help."""

    code = "secret_key_missing"

    def __init__(self) -> None:
        super().__init__("The hub has no key to encrypt secrets with: its operator must give it one. Nothing changed.")


class Defect(Refusal):
    """A fault of the hub itself: the caller learns nothing but the request id."""

    code = "internal"

    def __init__(self) -> None:
        super().__init__("Something went wrong here. Quote the request id when you report it.")


def refuse_from_status(status: Status, action: Action, allowed: Sequence[Action]) -> NotAllowed:
    """The refusal of the table itself, worded for a person."""
    name = STATUSES[status].name
    offer = f" Allowed now: {', '.join(allowed)}." if allowed else " Nothing is allowed any more."
    if action is Action.ACKNOWLEDGE and status == Status.ACKNOWLEDGED:
        # Existing clients look for these two words (contract section 2.3).
        return NotAllowed(f"The fulfillment request is already acknowledged.{offer}", status, allowed)
    return NotAllowed(f"{action} is not allowed from {name}.{offer}", status, allowed)
