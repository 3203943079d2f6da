"""Who may do what with whose things: every operation, token type and subject, against the reviewed file (section 1.3)."""

import difflib

import pytest

from tests.access.calls import LEFT_OUT, NEUTRAL, places_of, query_parameters, references, with_id
from tests.access.matrix import rendered, served, table_digest
from tests.access.run import EXPECTED, asked, with_head
from tests.support.asgi import Client
from tests.support.contract import CONTRACT
from tests.support.world import World


async def test_nobody_sees_or_changes_what_is_not_theirs(migrated_url: str) -> None:
    """What is wrong in itself, then the difference to the reviewed file."""
    matrix = await asked(migrated_url)
    found = with_head(list(rendered(matrix.lines)))
    difference = difflib.unified_diff(EXPECTED.read_text().splitlines(), found, "expected.txt", "found", "", "", 0, "")
    wrong = [*matrix.faults, *difference]
    assert not wrong, "\n".join(wrong)


def test_every_operation_is_in_the_matrix() -> None:
    open_to_all = {"get_health", "get_readiness", "get_openapi_json", "get_openapi_yaml", "get_docs"}
    assert set(served()) == set(CONTRACT.operations) - CONTRACT.not_yet - open_to_all
    for name in served():
        assert places_of(name), name


@pytest.mark.parametrize("name", served())
def test_every_id_and_number_of_the_contract_has_a_line(name: str) -> None:
    """A new parameter or member that names something is asked for, or is left out for a reason."""
    places = {place.place for place in places_of(name)}
    assert references(name) <= places
    method, _, operation = CONTRACT.operations[name]
    if method == "GET":
        asked_for = {place.removesuffix("=*") for place in places}
        assert {one["name"] for one in query_parameters(operation)} <= asked_for | NEUTRAL
    assert all(len(reason) > 10 for reason in LEFT_OUT.values())


@pytest.fixture
def plain_calls(world: World) -> list[tuple[str, str]]:
    """Method and path of every operation that needs a token, with an id that is there."""
    return [
        (method, with_id(path, "1"))
        for method, path, _ in (CONTRACT.operations[name] for name in served())
    ]


@pytest.mark.parametrize("token", [None, "", "wp_nobody", "garbage \u00e9"])
async def test_without_a_good_token_every_operation_is_closed(
    world: World, migrated_url: str, plain_calls: list[tuple[str, str]], token: str | None
) -> None:
    await world.request()
    async with table_digest(migrated_url) as digest:
        before = await digest()
        for method, path in plain_calls:
            for spelled in {method, "HEAD"} if method == "GET" else {method}:
                reply = await Client(world.app, token).call(spelled, path, json=None if method == "GET" else {})
                assert reply.status == 401, f"{spelled} {path}"
        assert await digest() == before
