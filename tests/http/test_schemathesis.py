"""The served document against the server that serves it: schemathesis makes calls from it, good ones and bad ones.

Every operation is called with generated parameters and bodies, often with the ids of things that exist, under each
type of token; its aliases, too. Whatever comes back must be declared: its status, its headers, its content type, its
shape; and never a 5xx. What the document says once for all operations, schemathesis does not know: the parameter of
every call is added to each operation here, and each reply is held against the rest by the judge of the suite, which
also knows which statuses the default response is for.
"""

import asyncio
import copy
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.asgi import Reply
from tests.support.contract import CONTRACT, METHODS
from tests.support.keys import key_file_for
from tests.support.process import ServerProcess
from waypost.demo import fill
from waypost.storage.opening import open_store

EXAMPLES = 5  # of each operation and kind of data
ORDERS = 30
# So that every reply to a good token speaks of its pool, which is never empty; nor is that of an address, as each call
# comes from another one.
RATES = ("--rate-limit", "100000/s", "--burst", "100000", "--trusted-proxy", "127.0.0.1")
WAIT_AT_MOST_S = 0  # a call that waits for events would hold the others up
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
    response_headers_conformance,
]  # fmt: skip
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


async def merchant(url: str) -> list[str]:
    """A small demo merchant; one token of each type."""
    store = await open_store(url, key_file=key_file_for(url))
    made = await fill(store, ORDERS, 7, time.time_ns() // 1000, secrets.token_bytes)
    await store.close()
    return [made.account_token, made.source_tokens[0].token, made.channel_tokens[0].token]


def expanded(document: dict[str, Any]) -> dict[str, Any]:
    """The document with each alias as an operation, and with the parameter of every call at each operation."""
    paths: dict[str, dict[str, Any]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method not in METHODS:
                paths.setdefault(path, {})[method] = operation
                continue
            calls = {operation["operationId"]: f"{method} {path}", **operation.get("x-aliases", {})}
            for name, call in calls.items():
                own = copy.deepcopy(operation) | {"operationId": name}
                own["parameters"] = [*own.get("parameters", ()), {"$ref": document["x-header-of-every-call"]}]
                spelled, _, at = call.partition(" ")
                paths.setdefault(at, {})[spelled.lower()] = own
    return {**document, "paths": paths}


def judge(case: Any, response: Any, token: str) -> None:
    """Hold a reply against the contract by the rules of the suite; `token` is one that is good."""
    path = unquote(urlsplit(response.request.url).path)
    headers = {name.lower(): ", ".join(values) for name, values in response.headers.items()}
    needs_token = "x-token-types" in case.operation.definition.raw
    sent = response.request.headers.get("X-API-TOKEN")  # generated input may be without it, or with another one
    # What is refused by its size is refused before its token is looked at.
    has_pool = needs_token and sent == token and response.status_code not in (414, 431)
    CONTRACT.judge(case.method, path, Reply(response.status_code, headers, response.content), has_pool)


def operations(schema: Any) -> Iterator[Any]:
    """Every operation of the document; one that schemathesis cannot read fails the test."""
    for found in schema.get_all_operations():
        yield found.ok()


def call_often(operation: Any, mode: GenerationMode, tokens: list[str], seen: Counter[tuple[str, int]]) -> None:
    """Call one operation with generated input, and judge every reply."""

    @given(
        case=operation.as_strategy(generation_mode=mode),
        token=st.sampled_from([tokens[0]] * 4 + tokens),
        known=st.one_of(st.none(), st.integers(1, ORDERS)),
    )
    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, verbosity=Verbosity.quiet,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def run(case: Any, token: str, known: int | None) -> None:
        if known is not None:
            case.path_parameters = {name: known for name in case.path_parameters or {} if name != "name"} or (
                case.path_parameters
            )
        if "wait" in (case.query or {}):
            case.query["wait"] = WAIT_AT_MOST_S
        address = f"10.1.{seen.total() // 250}.{seen.total() % 250}"
        response = case.call(headers={"X-API-TOKEN": token, "X-Forwarded-For": address}, timeout=20)
        seen[operation.definition.raw["operationId"], response.status_code] += 1
        case.validate_response(response, checks=CHECKS)
        judge(case, response, token)

    run()


def drive(url: str, tokens: list[str]) -> tuple[Counter[tuple[str, int]], list[str], set[str]]:
    """Call everything; what came back, what was wrong with it, and the operations there are."""
    document = expanded(httpx.get(f"{url}/openapi.json").json())
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=url)
    seen: Counter[tuple[str, int]] = Counter()
    wrong: list[str] = []
    names = set()
    for operation in operations(schema):
        names.add(operation.definition.raw["operationId"])
        for mode in MODES:
            try:
                call_often(operation, mode, tokens, seen)
            except BaseExceptionGroup as group:
                wrong += [f"{operation.label}: {error}" for error in group.exceptions]
            except AssertionError as error:
                wrong.append(f"{operation.label}: {error}")
            except Unsatisfiable:
                assert mode is GenerationMode.NEGATIVE, operation.label  # nothing can be wrong with no input
    return seen, wrong, names


async def test_what_the_document_promises_is_what_the_server_does(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/waypost.db"
    tokens = await merchant(url)
    async with ServerProcess(url, tmp_path / "log", *RATES, default_rates=True) as server:
        seen, wrong, names = await asyncio.to_thread(drive, server.url, tokens)
    assert not wrong, "\n\n".join(wrong)
    assert {name for name, _ in seen} == names == set(CONTRACT.operations) - CONTRACT.not_yet
    assert names > CONTRACT.aliases
    statuses = Counter(status for _, status in seen.elements())
    assert statuses[200] > 100
    assert statuses[400] > 100
    assert min(statuses) >= 200
    assert max(statuses) < 500
