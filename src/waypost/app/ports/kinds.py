"""Kinds of source: how a request is written for one, sent, and looked up. Implemented in `delivery.sources`."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from waypost.app.ports.secrets import Secret
from waypost.domain.handover import Outcome

Document = Mapping[str, Any]
"""A request as it is told to sources: plain JSON values."""


class Result(NamedTuple):
    """What became of an attempt, as far as its worker knows."""

    outcome: Outcome
    code: str | None = None
    message: str | None = None
    retryable: bool = False
    reference: str | None = None
    retry_after_s: float | None = None  # what the source asks for
    status: int | None = None
    response: str | None = None
    duration_us: int | None = None


class Letter(NamedTuple):
    """A request written for its source. `shown` is JSON for people, without anything secret."""

    shown: str
    content: Any
    steps: int = 0  # that its expressions took: see `domain.slices`


class CannotWrite(Exception):
    """The request cannot be written for this source; nothing was sent. `message` is for a person."""

    def __init__(self, message: str, code: str = "required_info_missing") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


def why_unwritten(error: Exception) -> str:
    """Words for a person where a kind, or what it is given, fails in a way that nobody has foreseen."""
    if isinstance(error, CannotWrite):
        return error.message
    return "The hub cannot write the request for this source: a defect of the hub. Its log says more."


class Recipient(Protocol):
    """One source, with its settings read."""

    @property
    def look_up_after_s(self) -> tuple[float, ...]:
        """When to ask what became of a request whose outcome is unknown, one time after the other; empty: never."""
        ...

    def write(self, document: Document) -> Letter:
        """The request for this source; raises `CannotWrite`."""
        ...

    async def send(self, letter: Letter) -> Result:
        """Send it once. Never raises: what cannot be known is `unknown`."""
        ...

    async def look_up(self, document: Document) -> Result:
        """Ask whether the source has it: delivered, acknowledged, deferred (it has not), or unknown."""
        ...


class Checked(NamedTuple):
    """Settings and secrets that a kind has found good, as they are stored (JSON objects)."""

    settings: str
    secrets: Secret


class Kind(Protocol):
    """A kind of source. `pushes`: the worker hands over to sources of this kind."""

    @property
    def name(self) -> str: ...

    @property
    def pushes(self) -> bool: ...

    def check(self, settings: Mapping[str, Any], secrets: Mapping[str, str], kept: Mapping[str, str]) -> Checked:
        """`kept`: secrets that stay as they are, as far as these settings use them.

        Raises with every fault at once, each with its pointer in the body of the call.
        """
        ...

    def open(self, settings: str, secrets: Secret | None) -> Recipient:
        """A source of this kind, from what `check` has found good.

        Raises `CannotWrite` where it was set by an older release and cannot be used any more, and where its secrets
        cannot be opened (None).
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
