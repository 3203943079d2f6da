"""Which codes a refusal of an operation may carry."""

from generating.site import refusing
from generating.site.document import Operation
from waypost.wire.codes import PROBLEMS, ProblemCode

CODES: dict[str, ProblemCode] = {one.code: one for one in PROBLEMS}


def codes_of(operation: Operation) -> list[str]:
    """Every code that a refusal of this operation may carry: from its input, its table row, and what it declares."""
    found = {"headers_too_large", "url_too_long", "internal", "unavailable", "not_implemented"}
    if not operation.is_open:
        found |= {"unauthorized", "too_many_requests", "invalid_input"}
        if len(operation.tokens) < 3:
            found.add("wrong_token_type")
    if "{" in operation.path or "404" in operation.raw["responses"]:
        found.add("not_found")
    if operation.body_schema is not None:
        found |= {"request_timeout", "content_too_large", "unsupported_media_type"}
    if operation.takes("Idempotency-Key"):
        found |= {"idempotency_key_in_progress", "idempotency_key_reused"}
    if operation.takes("If-Match"):
        found.add("precondition_failed")
    if operation.action:
        table = refusing.facts(operation.action)
        found |= set(table.guards)
        if table.refused:
            found.add("not_allowed_from_status")
    found |= set(operation.raw.get("x-refusals", ()))
    unknown = found - set(CODES)
    if unknown:
        raise ValueError(f"{operation.id} names codes that the registry does not know: {sorted(unknown)}")
    return [one.code for one in PROBLEMS if one.code in found]
