"""The judge of the contract is strict: each of its rules refuses a made-up reply that breaks it, and no more than that."""

import json

import pytest

from tests.support.asgi import Reply
from tests.support.contract import CONTRACT, POOL

LIST, ONE, POST = "/failure-codes", "/fulfillment-requests/1", "/fulfillment-requests/1/acknowledge"
ALWAYS = {"x-request-id": "r-1", "x-content-type-options": "nosniff", "cache-control": "no-store"}
POOLED = {
    "x-auth-pool-size": "40", "x-auth-pool-used": "1", "x-auth-replenished-per-second": "2",
    "ratelimit-policy": '"token";q=40;w=20', "ratelimit": '"token";r=39;t=0',
}  # fmt: skip
CHALLENGE = {"www-authenticate": "X-API-TOKEN"}


def problem(status: int, code: str, **headers: str) -> Reply:
    """A refusal."""
    shown = {"type": f"/docs/errors#{code}", "title": "t", "status": status, "detail": "d", "instance": "/", "code": code,
             "message": "d", "requestId": "r-1"}  # fmt: skip
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {**ALWAYS, "content-type": "application/problem+json", **given}, json.dumps(shown).encode())


def listed(**headers: str) -> Reply:
    """A good reply to a read of an empty list."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(200, {**ALWAYS, "content-type": "application/json", **given}, b"[]")


def without(reply: Reply, *names: str) -> Reply:
    """The reply without some headers."""
    return reply._replace(headers={name: value for name, value in reply.headers.items() if name not in names})


def judge(method: str, path: str, reply: Reply, has_pool: bool | None = False) -> None:
    """Judge a reply that no test has met: what was seen stays as it was."""
    seen = set(CONTRACT.seen)
    try:
        CONTRACT.judge(method, path, reply, has_pool)
    finally:
        CONTRACT.seen.clear()
        CONTRACT.seen.update(seen)


def refused(match: str, method: str, path: str, reply: Reply, has_pool: bool | None = False) -> None:
    """The judge fails, for this reason."""
    with pytest.raises(AssertionError, match=match):
        judge(method, path, reply, has_pool)


@pytest.mark.parametrize("path", [LIST, "/nowhere", "/docs/reference.js"])
def test_every_reply_has_the_id_of_its_call(path: str) -> None:
    kept = {"cache_control": "max-age=300", "etag": "\"x\""} if path.startswith("/docs/") else {}
    reply = problem(404, "not_found") if path == "/nowhere" else listed(**kept)
    judge("GET", path, reply)
    refused("no X-Request-Id", "GET", path, without(reply, "x-request-id"))


@pytest.mark.parametrize("path", [LIST, "/nowhere"])
def test_a_good_token_sees_its_pool_and_nobody_else_does(path: str) -> None:
    reply = problem(404, "not_found") if path == "/nowhere" else listed()
    shown = reply._replace(headers={**reply.headers, **POOLED})
    judge("GET", path, shown, True)
    judge("GET", path, shown, None)
    judge("GET", path, reply, None)
    refused("but no pool was drawn from", "GET", path, shown, False)
    for name in POOLED:
        refused(f"no \\['{name}'\\]", "GET", path, without(shown, name), True)
        refused(f"no \\['{name}'\\]", "GET", path, without(shown, name), None)


@pytest.mark.parametrize("name", ["x-auth-pool-left", "ratelimit-reset", "x-ratelimit-limit", "x-rate-limit-used"])
def test_a_header_of_a_pool_is_declared(name: str) -> None:
    shown = listed()._replace(headers={**listed().headers, **POOLED, name: "1"})
    refused(f"undeclared \\['{name}'\\]", "GET", LIST, shown, True)


def test_the_declared_headers_of_a_pool_are_recognized_as_such() -> None:
    assert all(POOL.match(name.lower()) for name in CONTRACT.document["x-headers-with-a-token"])


def test_only_what_takes_a_key_is_repeated() -> None:
    repeated = problem(400, "not_allowed_from_status", idempotent_replayed="true")
    for method in ("PATCH", "POST"):
        judge(method, POST, repeated)
    refused("but it takes no key", "GET", LIST, listed(idempotent_replayed="true"))
    refused("but it takes no key", "GET", "/nowhere", problem(404, "not_found", idempotent_replayed="true"))
    refused("Idempotent-Replayed: ", "PATCH", POST, problem(400, "not_allowed_from_status", idempotent_replayed="yes"))


def test_only_the_statuses_of_its_examples_fall_under_the_default() -> None:
    judge("GET", LIST, problem(503, "unavailable"))
    judge("GET", LIST, problem(500, "internal"))
    for status in (402, 404, 409, 418, 502, 504):
        refused("is not declared", "GET", LIST, problem(status, "internal"))
    refused("is not declared", "GET", "/healthz", problem(503, "unavailable"))  # it has no default


@pytest.mark.parametrize("status", [408, 413, 415])
def test_only_what_takes_a_body_refuses_bodies(status: int) -> None:
    code = {408: "request_timeout", 413: "content_too_large", 415: "unsupported_media_type"}[status]
    judge("POST", "/orders", problem(status, code))
    refused("is not declared", "GET", "/orders", problem(status, code))
    refused("is not declared", "PATCH", POST, problem(status, code))


def test_what_a_refusal_must_carry() -> None:
    judge("GET", LIST, problem(401, "unauthorized", **CHALLENGE))
    refused("no www-authenticate", "GET", LIST, problem(401, "unauthorized"))
    refused("WWW-Authenticate: ", "GET", LIST, problem(401, "unauthorized", www_authenticate="Basic"))
    judge("GET", LIST, problem(429, "too_many_requests", retry_after="1"))
    refused("no retry-after", "GET", LIST, problem(429, "too_many_requests"))
    refused("Retry-After: ", "GET", LIST, problem(429, "too_many_requests", retry_after="soon"))
    judge("DELETE", LIST, problem(405, "method_not_allowed", allow="GET"))
    refused("no Allow", "DELETE", LIST, problem(405, "method_not_allowed"))


def test_a_declared_header_is_as_declared() -> None:
    fail = "/fulfillment-requests/1/processing-failed"
    judge("PATCH", fail, Reply(204, {**ALWAYS, "etag": '"3"'}, b""))
    refused("no ETag", "PATCH", fail, Reply(204, ALWAYS, b""))
    refused("ETag: ", "PATCH", fail, Reply(204, {**ALWAYS, "etag": "3"}, b""))


@pytest.mark.parametrize("name", sorted(CONTRACT.aliases))
def test_an_alias_is_judged_as_what_it_stands_for(name: str) -> None:
    method, path, operation = CONTRACT.operations[name]
    filled = path.format(fulfillmentRequestId=1, id=1)
    assert CONTRACT.operation_of(method, filled) is operation
    assert operation["operationId"] != name
    refused(f"{operation['operationId']} 418 is not declared", method, filled, problem(418, "internal"))


def test_what_is_no_operation_answers_a_few_statuses_only() -> None:
    for status, code in ((500, "internal"), (400, "invalid_input"), (200, "internal")):
        refused(str(status), "GET", "/nowhere", problem(status, code))


def test_bodies_are_as_declared() -> None:
    refused("failure", "GET", LIST, listed()._replace(body=b'{"a": 1}'))
    refused("content type", "GET", LIST, listed(content_type="text/html"))
    refused("has a body", "HEAD", LIST, listed())


def test_the_made_up_problems_are_problems() -> None:
    CONTRACT.validator({"$ref": "#/components/schemas/Problem"}).validate(problem(404, "not_found").json())
