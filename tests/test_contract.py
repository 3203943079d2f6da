"""The contract against the code: operations, token types, parameters, codes."""

import re
from typing import Any

import pytest
import yaml

from scripts.generating import layout
from tests.support.contract import CONTRACT, OPENAPI
from waypost.domain.events import ORDER_EVENT_TYPES
from waypost.domain.failures import REGISTRY, is_known_code
from waypost.domain.lifecycle import ALLOWED_ACTIONS, EVENT_TYPES
from waypost.domain.refusals import Refusal
from waypost.domain.statuses import STATUSES, Status
from waypost.http.operations import ALL
from waypost.wire.codes import FIELD_CODES, type_of
from waypost.wire.orders import ORDER_STATUSES
from waypost.wire.problems import CODES, STATUS_OF, TITLES
from waypost.wire.query import VALUES_AT_MOST

OPEN = {"get_health", "get_readiness", "get_openapi_json", "get_openapi_yaml", "get_docs"}


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = CONTRACT.document["components"]["schemas"][name]
    return found


def test_nothing_in_the_document_stands_twice() -> None:
    """The last of two would win in silence."""
    twice = []
    nodes = [yaml.compose(OPENAPI.read_text(), Loader=yaml.CSafeLoader)]
    while nodes:
        node = nodes.pop()
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value]
            twice += [(key.value, key.start_mark.line + 1) for key, _ in node.value if keys.count(key.value) > 1]
            nodes += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            nodes += node.value
    assert twice == []


def test_the_file_is_laid_out_as_the_document_that_is_served() -> None:
    """Below the comments at its head, which are written by hand."""
    text = OPENAPI.read_text()
    laid_out = layout.head_of(text) + layout.document(CONTRACT.document)
    lines = zip(text.splitlines(), laid_out.splitlines(), strict=False)
    first = next((n for n, (line, wanted) in enumerate(lines, 1) if line != wanted), "the last")
    assert text == laid_out, f"{OPENAPI} is not laid out as it should be, from line {first} on: run scripts/tidy-contract"


@pytest.mark.parametrize(
    "value",
    [
        "plain", "a, b", "{x}", "[x]", "a: b", "# no", "x #no", "", " ", "'", '"', "no", "1", 1, 1.0, True, None, [], {}, "é 在 😀", "\t",
        "two\nlines", "two\nlines\n", "two\n\nlines", " led\nby white space", "led\n  by white space", "many\n\n\n", "\n", "a\n  \nb",
        "word " * 60, ("word " * 60).strip(), "double  " * 40, "x" * 300, "- x", "? x", "a\\b\n",
    ],
)  # fmt: skip
def test_whatever_is_laid_out_reads_back_as_the_same(value: Any) -> None:
    """Anywhere: as a member, in a list, in a list of lists, on one line and on many."""
    long = ["x" * 100, "y" * 100]
    for data in (value, [value], [value, *long], [[value], [value, *long]], [{"a": value, "b": value}], {"a": [{"a": value, "b": long}]}):
        document = {"info": {"description": data}, "paths": {"/x": {"get": data}}}
        assert yaml.load(layout.document(document), Loader=yaml.CSafeLoader) == document


def test_the_declared_operations_and_their_aliases_are_those_of_the_code() -> None:
    """But those of the reviewed list, which are not served yet."""
    assert set(CONTRACT.operations) - CONTRACT.not_yet == {operation.id for operation in ALL} | OPEN
    assert set(CONTRACT.operations) > CONTRACT.not_yet
    calls = [(method, path) for method, path, _ in CONTRACT.operations.values()]
    assert len(calls) == len(set(calls))
    assert len(CONTRACT.aliases) == 5


def test_what_is_said_once_is_declared() -> None:
    document = CONTRACT.document
    headers = document["components"]["headers"]
    names = [*document["x-headers-of-every-reply"], *document["x-headers-with-a-token"], document["x-header-of-a-repeat"]]
    assert set(names) <= headers.keys()
    parameter = CONTRACT.resolve({"$ref": document["x-header-of-every-call"]})
    assert (parameter["name"], parameter["in"]) == ("X-Request-Id", "header")
    for method, path, operation in CONTRACT.operations.values():
        told = [CONTRACT.resolve(one)["name"] for one in operation.get("parameters", ())]
        assert parameter["name"] not in told, (method, path)
        for reply in operation["responses"].values():
            assert not set(CONTRACT.resolve(reply).get("headers", ())) & set(names), (method, path)


def test_operations_declare_the_token_types_and_parameters_of_the_code() -> None:
    for operation in ALL:
        _, path, declared = CONTRACT.operations[operation.id]
        assert set(declared["x-token-types"]) == operation.token_types, operation.id
        parameters = [CONTRACT.resolve(one) for one in declared.get("parameters", ())]
        assert {p["name"] for p in parameters if p["in"] == "query"} == set(operation.params.names), operation.id
        assert {p["name"] for p in parameters if p["in"] == "path"} == set(re.findall(r"{(\w+)}", path)), operation.id


def test_page_sizes_and_limits_of_values_are_those_of_the_code() -> None:
    counts = {"count_fulfillment_requests", "count_purchase_orders"}  # they share the parameters of their lists
    for operation in ALL:
        declared = [CONTRACT.resolve(one) for one in CONTRACT.operations[operation.id][2].get("parameters", ())]
        schemas = {one["name"]: one["schema"] for one in declared if one["in"] == "query"}
        sizes = [name for name in schemas if name in ("pageSize", "filterPageSize")]
        absent, largest = (operation.params.read(raw, []) for raw in (b"", b"&".join(b"%s=99999" % n.encode() for n in sizes)))
        assert absent == {name: schemas[name]["default"] for name in sizes}, operation.id
        at_most = max([VALUES_AT_MOST, *largest.values()])
        limits = {schema["maxItems"] for schema in schemas.values() if schema.get("type") == "array"}
        assert limits <= {at_most} or operation.id in counts, operation.id


@pytest.mark.parametrize("name", sorted(set(CONTRACT.operations) - CONTRACT.not_yet))
def test_every_operation_is_told_in_full(name: str) -> None:
    _, _, operation = CONTRACT.operations[name]
    assert operation["summary"]
    assert len(operation["description"]) > 40
    for status, reply in operation["responses"].items():
        assert len(CONTRACT.resolve(reply)["description"]) > 5, status
    if name not in OPEN:
        assert {"400", "default"} <= set(operation["responses"])
        assert operation["responses"]["default"] == {"$ref": "#/components/responses/Other"}


def test_enums_are_the_domains() -> None:
    assert schema("Status")["enum"] == [facts.name for facts in STATUSES.values()]
    handles = schema("FulfillmentRequestStatus")["properties"]["handle"]["enum"]
    assert handles == [status.value for status in Status]
    assert schema("Action")["enum"] == list(ALLOWED_ACTIONS)
    assert set(schema("EventType")["enum"]) == set(EVENT_TYPES)
    assert set(schema("OrderEventType")["enum"]) == set(ORDER_EVENT_TYPES)
    assert set(schema("OrderStatus")["enum"]) == set(ORDER_STATUSES)
    assert schema("ErrorCode")["enum"] == list(CODES)
    pattern = re.compile(schema("FailureCode")["pattern"])
    assert all(pattern.fullmatch(code.code) for code in REGISTRY)
    assert is_known_code("x_own_1")
    assert pattern.fullmatch("x_own_1")


def test_every_refusal_has_its_status() -> None:
    def leaves(kind: type[Refusal]) -> set[type[Refusal]]:
        return {kind}.union(*(leaves(sub) for sub in kind.__subclasses__()))

    assert all(set(STATUS_OF) & set(kind.__mro__) for kind in leaves(Refusal) - {Refusal})
    assert set(STATUS_OF) <= leaves(Refusal)
    assert {kind.code for kind in STATUS_OF} <= set(CODES)
    assert set(CODES.values()) <= set(TITLES)


def test_purchase_orders_are_requests_under_older_names() -> None:
    own, older = schema("FulfillmentRequest"), schema("PurchaseOrder")
    renamed = {name.replace("fulfillmentRequest", "purchaseOrder", 1): shape for name, shape in own["properties"].items()}
    assert {name: shape for name, shape in older["properties"].items() if name != "purchaseOrderType"} == renamed
    assert set(older["required"]) == set(older["properties"])


def refusals() -> dict[str, dict[str, Any]]:
    """What the components of replies show as problems."""
    problem = "application/problem+json"
    found: dict[str, dict[str, Any]] = CONTRACT.document["components"]["responses"]
    return {name: reply["content"][problem] for name, reply in found.items() if problem in reply["content"]}


@pytest.mark.parametrize("name", sorted(refusals()))
def test_every_refusal_shows_an_example_that_fits(name: str) -> None:
    media = refusals()[name]
    shown = [media["example"]] if "example" in media else [one["value"] for one in media["examples"].values()]
    for problem in shown:
        CONTRACT.validator({"$ref": "#/components/schemas/Problem"}).validate(problem)
        assert CODES[problem["code"]] == problem["status"]
        assert TITLES[problem["status"]] == problem["title"]
        assert problem["message"] == problem["detail"]
        assert problem["type"] == type_of(problem["code"])
        assert {one["code"] for one in problem.get("errors", ())} <= FIELD_CODES
    if "examples" in media:
        assert [one["value"]["code"] for one in media["examples"].values()] == list(media["examples"])


def test_what_strangers_read_names_no_paper_of_ours() -> None:
    assert [tag["name"] for tag in CONTRACT.document["tags"] if "contract" in tag["description"]] == []
