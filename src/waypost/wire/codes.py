"""The registry of every code that an error reply may carry. Failure codes have their own, in `domain.failures`.

`type` of an error reply is `type_of(code)`. Each code has an entry with its name on the page `/docs/errors`.
"""

from waypost.wire.field_codes import FIELDS, FieldCode
from waypost.wire.problem_codes import PROBLEMS, ProblemCode

__all__ = ["FIELDS", "FIELD_CODES", "PAGE", "PROBLEMS", "FieldCode", "ProblemCode", "type_of"]

PAGE = "/docs/errors"

FIELD_CODES = frozenset(one.code for one in FIELDS) | {one.code for one in PROBLEMS if one.in_errors}
"""What `errors[].code` may be."""


def type_of(code: str) -> str:
    """The `type` of a problem: a reference relative to the URL of the call (RFC 9457, section 3.1.1)."""
    return f"{PAGE}#{code}"
