"""Handing over, on the wire: how a source takes its requests, its policy, attempts, trying it out."""

import json
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from waypost.app.attempt_ends import cleaned
from waypost.app.deliveries import DeliveryView
from waypost.app.ports.delivery import Attempt
from waypost.app.ports.kinds import Letter, Result
from waypost.domain.handover import Policy
from waypost.wire.bodies import Id
from waypost.wire.pieces import Pieces, array
from waypost.wire.requests import encode
from waypost.wire.scalars import format_datetime

Seconds = Annotated[float, Meta(ge=0, le=86_400)]
Secret = Annotated[str, Meta(min_length=1, max_length=8192)]


class PolicyIn(Struct, rename="camel"):
    """A source's policy; what is missing has its default."""

    attempts: Annotated[int, Meta(ge=1, le=100)] = Policy().attempts
    first_delay_s: Seconds = Policy().first_delay_s
    longest_delay_s: Seconds = Policy().longest_delay_s
    concurrency: Annotated[int, Meta(ge=1, le=64)] = Policy().concurrency
    rate_per_s: Annotated[float, Meta(gt=0, le=1000)] | None = None
    failures: Annotated[int, Meta(ge=1, le=100)] = Policy().failures
    pause_s: Annotated[float, Meta(ge=1, le=3600)] = Policy().pause_s
    longest_pause_s: Annotated[float, Meta(ge=1, le=86_400)] = Policy().longest_pause_s


class DeliveryIn(Struct, rename="camel"):
    """Body of `PUT /source/{id}/delivery`. A secret that is missing stays, null takes it away."""

    kind: Annotated[str, Meta(min_length=1, max_length=50)]
    settings: dict[str, Any] = {}
    secrets: dict[str, Secret | None] = {}
    policy: PolicyIn | None = None
    paused: bool = False


class TryIn(Struct, rename="camel"):
    """Body of `POST /source/{id}/delivery/test`."""

    fulfillment_request_id: Id | None = None
    send: bool = False


_encode_numbers = msgspec.json.Encoder(decimal_format="number").encode


def plain(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with numbers as JSON has them: a number with a point comes as a `Decimal`."""
    made: dict[str, Any] = msgspec.json.decode(_encode_numbers(settings))
    return made


def stored_policy(given: PolicyIn) -> str:
    """A policy as it is stored."""
    policy = Policy(
        given.attempts, given.first_delay_s, given.longest_delay_s, given.concurrency, given.rate_per_s,
        given.failures, given.pause_s, given.longest_pause_s,
    )  # fmt: skip
    return encode(policy._asdict()).decode()


def _policy(stored: str) -> dict[str, Any]:
    policy = Policy(**json.loads(stored))
    names = {"first_delay_s": "firstDelayS", "longest_delay_s": "longestDelayS", "rate": "ratePerS",
             "pause_s": "pauseS", "longest_pause_s": "longestPauseS"}  # fmt: skip
    return {names.get(name, name): value for name, value in policy._asdict().items()}


def render_delivery(view: DeliveryView) -> bytes:
    """How a source takes its requests."""
    return encode(
        {
            "sourceId": view.source_id,
            "kind": view.kind,
            "settings": msgspec.Raw(view.settings.encode()),
            "secretsSet": list(view.secret_names),
            "policy": _policy(view.policy),
            "paused": view.paused,
            "version": view.version,
            "updatedAt": _when(view.updated_at),
        }
    )


def _when(moment: int | None) -> str | None:
    return None if moment is None else format_datetime(moment)


def render_attempts(attempts: list[Attempt]) -> Pieces:
    """Attempts, oldest first."""
    return array(attempts, _attempt)


def _attempt(one: Attempt) -> dict[str, Any]:
    response = None
    if one.response_status is not None:
        response = {"status": one.response_status, "body": one.response}
    return {
        "id": one.id,
        "number": one.number,
        "group": one.attempt_group,
        "idempotencyKey": one.idempotency_key,
        "state": one.state,
        "worker": one.worker,
        "claimedAt": format_datetime(one.claimed_at),
        "sendingAt": _when(one.sending_at),
        "settledAt": _when(one.settled_at),
        "durationMs": None if one.duration_us is None else round(one.duration_us / 1000, 3),
        "outcome": one.outcome,
        "code": one.code,
        "message": one.message,
        "retryable": None if one.retryable is None else bool(one.retryable),
        "confirmationNumber": one.reference,
        "nextAttemptAt": _when(one.next_at),
        "request": None if one.request is None else msgspec.Raw(one.request.encode()),
        "response": response,
        "lateOutcome": one.late_outcome,
        "lateAt": _when(one.late_at),
    }


def render_trial(letter: Letter | None, result: Result | None) -> bytes:
    """What would be sent, and what came of it where it was."""
    found = None
    if result is not None:
        result = cleaned(result)
        found = {
            "outcome": result.outcome,
            "code": result.code,
            "message": result.message,
            "retryable": result.retryable,
            "confirmationNumber": result.reference,
            "durationMs": None if result.duration_us is None else round(result.duration_us / 1000, 3),
            "response": None if result.status is None else {"status": result.status, "body": result.response},
        }
    shown = None if letter is None else msgspec.Raw(letter.shown.encode())
    return encode({"request": shown, "result": found})
