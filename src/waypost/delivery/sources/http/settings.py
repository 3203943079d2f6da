"""The settings of a source of the kind `http`: their shape, and what msgspec alone cannot tell."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from waypost.delivery.expressions import BadExpression, UrlTemplate, fault_of
from waypost.domain.failures import is_known_code
from waypost.outgoing.signing import STANDARD_HEADERS, standard_key
from waypost.outgoing.targets import Targets
from waypost.wire.faults import BadInput, Fault
from waypost.wire.shapes import explain, fault_at, in_words_of, pointer_to

HEADERS_AT_MOST = 50
RULES_AT_MOST = 50
CODES_AT_MOST = 200
SECRET_AT_MOST = 8192  # characters
SHOWN_AT_MOST = 100  # characters of a value that a message quotes

Text = Annotated[str, Meta(min_length=1, max_length=2000)]
Short = Annotated[str, Meta(min_length=1, max_length=200)]
Expr = Annotated[str, Meta(min_length=1, max_length=8192)]
StatusRange = int | str

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x20-\x7e\t]*")
_RANGE = re.compile(r"[1-5]xx")
# What the hub itself says of a call; a setting must not contradict it.
_RESERVED = ("host", "content-length", "transfer-encoding", "connection", "content-type", "user-agent", "upgrade",
             "te", "trailer", "expect")  # fmt: skip
# What always says who the caller is. Settings are stored and shown as they are; secrets are encrypted.
_ALWAYS_SECRET = ("authorization", "proxy-authorization", "cookie")
_INTO_AUTH = 'Set it as auth {"type": "header", "name": …}, and its value as secrets {"value": …}'


class Auth(Struct, rename="camel", forbid_unknown_fields=True):
    """How the hub says who it is: the secret is `token` (bearer), `password` (basic) or `value` (header)."""

    type: Literal["bearer", "basic", "header"]
    username: Short | None = None
    name: Short | None = None


class Signature(Struct, rename="camel", forbid_unknown_fields=True):
    """How the body is signed, with the secret `signingSecret`."""

    scheme: Literal["standard-webhooks", "hmac"]
    header: Short = "X-Signature"
    algorithm: Literal["sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: Annotated[str, Meta(max_length=50)] = ""


class Rule(Struct, rename="camel", forbid_unknown_fields=True):
    """What an answer means. All that a rule asks for must hold; the first rule that does decides."""

    outcome: Literal["delivered", "acknowledged", "rejected", "deferred", "unknown"]
    status: Annotated[list[StatusRange], Meta(min_length=1, max_length=50)] | None = None
    when: Expr | None = None
    code: Short | None = None
    code_from: Expr | None = None
    codes: dict[str, Short] = {}
    message: Expr | None = None
    retryable: bool | None = None
    confirmation_number: Expr | None = None


Rules = Annotated[list[Rule], Meta(max_length=RULES_AT_MOST)]


class LookUp(Struct, rename="camel", forbid_unknown_fields=True):
    """How to ask what became of a request; an answer that no rule decides is read by its status."""

    url: Text
    after_s: Annotated[list[Annotated[float, Meta(ge=0, le=3600)]], Meta(min_length=1, max_length=10)] = msgspec.field(
        default_factory=lambda: [5.0, 30.0, 120.0]
    )
    rules: Rules = []


class HttpSettings(Struct, rename="camel", forbid_unknown_fields=True):
    """The settings of one source."""

    url: Text
    method: Literal["POST", "PUT", "PATCH"] = "POST"
    headers: dict[str, Annotated[str, Meta(max_length=2000)]] = {}
    auth: Auth | None = None
    signature: Signature | None = None
    body: Expr = "@"
    idempotency_header: Short = "Idempotency-Key"
    timeout_s: Annotated[float, Meta(ge=1, le=120)] = 30.0
    connect_timeout_s: Annotated[float, Meta(ge=0.1, le=30)] = 10.0
    rules: Rules = []
    look_up: LookUp | None = None


SECRET_OF = {"bearer": "token", "basic": "password", "header": "value"}
SIGNING = "signingSecret"


def read(
    settings: Mapping[str, Any], secrets: Mapping[str, str], kept: Mapping[str, str], targets: Targets
) -> tuple[HttpSettings, dict[str, str]]:
    """The settings, and the secrets that they use; raises `BadInput` with every fault."""
    faults = [fault._replace(name=f"/settings{fault.name}") for fault in explain(settings, HttpSettings)]
    read: HttpSettings | None = None
    try:
        read = msgspec.convert(settings, HttpSettings)
    except msgspec.ValidationError as error:
        faults = faults or [in_words_of(error)._replace(name=f"/settings{in_words_of(error).name}")]
    every: dict[str, str] = {}
    if read is not None:
        used = _used_secrets(read)
        every = {name: value for name, value in kept.items() if name in used} | dict(secrets)
        faults += [*_judged(read, targets), *_judged_secrets(read, every)]
    if read is None or faults:
        raise BadInput([_worded(fault) for fault in faults])
    return read, every


def _worded(fault: Fault) -> Fault:
    """The message names the place as the caller's body has it."""
    message = fault.message.replace("The body: ", f"{fault.name}: ", 1)
    if not message.startswith(fault.name):
        message = f"{fault.name}{message.removeprefix(fault.name.removeprefix('/settings'))}"
    return fault._replace(message=message)


def _judged(given: HttpSettings, targets: Targets) -> Iterator[Fault]:
    yield from _judged_url("/settings/url", given.url, targets)
    yield from _judged_headers(given)
    yield from _judged_expression("/settings/body", given.body)
    yield from _judged_auth(given)
    for at, rules in (("/settings/rules", given.rules), ("/settings/lookUp/rules", _look_up_rules(given))):
        for place, rule in enumerate(rules):
            yield from _judged_rule(f"{at}/{place}", rule)
    if given.look_up is not None:
        yield from _judged_url("/settings/lookUp/url", given.look_up.url, targets)


def _look_up_rules(given: HttpSettings) -> list[Rule]:
    return given.look_up.rules if given.look_up is not None else []


def _judged_url(at: str, url: str, targets: Targets) -> Iterator[Fault]:
    try:
        template = UrlTemplate(url)
        fault = template.never_computed or targets.fault(template.example())
    except BadExpression as error:
        fault = str(error)
    if fault is not None:
        yield fault_at(at, "bad_url", fault)
    host = url.partition("://")[2].partition("/")[0]
    if fault is None and "{" in host:
        yield fault_at(at, "bad_url", "must have a fixed host")


def _judged_headers(given: HttpSettings) -> Iterator[Fault]:
    if len(given.headers) > HEADERS_AT_MOST:
        yield fault_at("/settings/headers", "too_many_items", f"may have at most {HEADERS_AT_MOST} headers")
    for at, says in unsendable(given):
        yield fault_at(at, "bad_header", says)
    for name in given.headers:
        if name.lower() in _ALWAYS_SECRET and given.auth is None:
            says = f"must not be {_quoted(name)}: headers are stored and shown as they are. {_INTO_AUTH}"
            yield fault_at(pointer_to("/settings/headers", name), "bad_header", says)
    set_at: dict[str, str] = {}
    for at, name in _header_names(given):
        if (other := set_at.setdefault(name.lower(), at)) != at:
            yield fault_at(at, "bad_header", f"must not be {_quoted(name)}: {other} sets that header, too")


def unsendable(given: HttpSettings) -> Iterator[tuple[str, str]]:
    """What could never leave the hub as a header, and why: where it is set, and words that follow it."""
    for at, name in _header_names(given):
        if _HEADER.fullmatch(name) is None:
            yield at, f"must be the name of a header (letters, digits and !#$%&'*+-.^_`|~), not {_quoted(name)}"
        elif name.lower() in _RESERVED:
            yield at, f"must not be {_quoted(name)}: the hub sets that header itself"
    prefix = [("/settings/signature/prefix", given.signature.prefix)] if given.signature is not None else []
    values = [(pointer_to("/settings/headers", name), value) for name, value in given.headers.items()]
    for at, value in values + prefix:
        if _VALUE.fullmatch(value) is None:
            yield at, f"may hold visible ASCII characters, blanks and tabs only, not {_quoted(value[:SHOWN_AT_MOST])}"


def _header_names(given: HttpSettings) -> list[tuple[str, str]]:
    """Where each header is set, and its name."""
    names = [("/settings/idempotencyHeader", given.idempotency_header)]
    if given.auth is not None and given.auth.name is not None:
        names.append(("/settings/auth/name", given.auth.name))
    elif given.auth is not None:
        names.append(("/settings/auth", "Authorization"))
    if given.signature is not None and given.signature.scheme == "hmac":
        names.append(("/settings/signature/header", given.signature.header))
    elif given.signature is not None:
        names += [("/settings/signature", name) for name in STANDARD_HEADERS]
    return [*names, *((pointer_to("/settings/headers", name), name) for name in given.headers)]


def _quoted(value: str) -> str:
    return json.dumps(value)


def _judged_auth(given: HttpSettings) -> Iterator[Fault]:
    auth, at = given.auth, "/settings/auth"
    if auth is not None:
        if (auth.type == "basic") != (auth.username is not None):
            yield fault_at(f"{at}/username", "required", "is given with basic, and only then")
        if (auth.type == "header") != (auth.name is not None):
            yield fault_at(f"{at}/name", "required", "is given with header, and only then")
        if auth.username is not None and ":" in auth.username:
            yield fault_at(f"{at}/username", "bad_characters", "must not hold a colon")


def _judged_expression(at: str, text: str | None) -> Iterator[Fault]:
    fault = None if text is None else fault_of(text)
    if fault is not None:
        yield fault_at(at, "bad_expression", fault)


def _judged_rule(at: str, rule: Rule) -> Iterator[Fault]:
    for place, status in enumerate(rule.status or ()):
        good = 100 <= status <= 599 if isinstance(status, int) else _RANGE.fullmatch(status)
        if not good:
            yield fault_at(f"{at}/status/{place}", "bad_status", "must be a status such as 422, or a range such as 4xx")
    for name, text in (("when", rule.when), ("codeFrom", rule.code_from), ("message", rule.message),
                       ("confirmationNumber", rule.confirmation_number)):  # fmt: skip
        yield from _judged_expression(f"{at}/{name}", text)
    if len(rule.codes) > CODES_AT_MOST:
        yield fault_at(f"{at}/codes", "too_many_items", f"may have at most {CODES_AT_MOST} codes")
    named = [(f"{at}/code", rule.code), *((pointer_to(f"{at}/codes", own), code) for own, code in rule.codes.items())]
    for where, code in named:
        if code is not None and not is_known_code(code):
            yield fault_at(where, "unknown_failure_code", "must be a failure code, or one of your own: x_…")


def _used_secrets(given: HttpSettings) -> set[str]:
    auth = {SECRET_OF[given.auth.type]} if given.auth is not None else set()
    return auth | ({SIGNING} if given.signature is not None else set())


def _judged_secrets(given: HttpSettings, secrets: Mapping[str, str]) -> Iterator[Fault]:
    wanted = _used_secrets(given)
    for name in sorted(wanted - secrets.keys()):
        yield fault_at(f"/secrets/{name}", "required", "is required by these settings")
    for name, value in secrets.items():
        at = pointer_to("/secrets", name)
        if name not in wanted:
            yield fault_at(at, "unknown_field", "is no secret that these settings use")
        elif not value or len(value) > SECRET_AT_MOST or _VALUE.fullmatch(value) is None:
            yield fault_at(at, "bad_secret", f"must be 1 to {SECRET_AT_MOST} visible ASCII characters")
        elif name == SIGNING and given.signature is not None and given.signature.scheme == "standard-webhooks":
            try:
                standard_key(value)
            except ValueError as error:
                yield fault_at(at, "bad_secret", str(error))
