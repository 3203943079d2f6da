"""What is wrong with the form of a call: every fault at once, each with the name of its field."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

FAULTS_AT_MOST = 100  # told of one call: a hostile body must not buy an endless reply


class Fault(NamedTuple):
    """One thing wrong: where (a parameter, a JSON pointer, a header), a stable code, words for a person."""

    where: Literal["parameter", "pointer", "header", "path"]
    name: str
    code: str
    message: str


class BadInput(Exception):
    """Input that cannot be read (contract section 1.1): 400, or 413, 414, 415, 431 with their own codes."""

    def __init__(
        self, faults: Sequence[Fault], status: int = 400, code: str = "invalid_input", detail: str = ""
    ) -> None:
        self.faults = list(faults[:FAULTS_AT_MOST])
        super().__init__(detail or " ".join(fault.message for fault in self.faults))
        self.status = status
        self.code = code
