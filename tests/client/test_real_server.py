"""The client against a real server on either engine, rates included."""

import asyncio
import inspect
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import httpx
import pytest
import yaml

from tests.fault.merchant import fill
from tests.support.process import ServerProcess
from waypost.http import operations
from waypost_client import AsyncClient, Client, NoReply, NotAllowed, NotFound, Stale, Unauthorized
from waypost_client.operations import OPERATIONS

REQUESTS = 12
CONTRACT = Path(__file__).resolve().parents[2] / "contract" / "openapi.yaml"


class Served:
    """A server that holds some requests in Processing."""

    def __init__(self, url: str, token: str, ids: list[int]) -> None:
        self.url = url
        self.token = token
        self.ids = ids


@pytest.fixture
async def served(migrated_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    """Rates are on, and tight."""
    token, ids = await fill(migrated_url, REQUESTS)
    async with ServerProcess(migrated_url, tmp_path / "server.log", "--rate-limit", "25/s", "--burst", "4") as server:
        yield Served(server.url, token, ids)


class Counting(httpx.AsyncHTTPTransport):
    """Remembers how the server answered."""

    def __init__(self) -> None:
        super().__init__()
        self.statuses: Counter[int] = Counter()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        self.statuses[response.status_code] += 1
        return response


async def test_the_whole_suite_of_a_day(served: Served) -> None:
    counting = Counting()
    async with httpx.AsyncClient(transport=counting) as http, AsyncClient(served.url, served.token, http=http) as hub:
        # All at once: the pool holds 4, and nobody knows that yet, so the others get a 429 and come again.
        shown = await asyncio.gather(*(hub.get_fulfillment_request(id_) for id_ in served.ids))
        assert counting.statuses[429] > 0
        assert counting.statuses[200] == REQUESTS
        refused = counting.statuses[429]
        for id_ in served.ids:  # one after the other, it keeps within the pool
            await hub.get_fulfillment_request(id_)
        assert counting.statuses[429] == refused
        assert [one["id"] for one in shown] == served.ids
        assert shown[0]["fulfillmentRequestStatus"]["name"] == "Processing"
        listed = [one["id"] async for one in hub.iterate(hub.list_fulfillment_requests, filter_page_size=5)]
        assert listed == served.ids
        dry = await hub.dry_run(hub.fail_fulfillment_request, served.ids[0], error="Out of stock")
        assert (dry["change"], dry["to"]) == ("move", "Processing Error")
        assert (await hub.get_fulfillment_request(served.ids[0]))["version"] == shown[0]["version"]
        await hub.fail_fulfillment_request(served.ids[0], error="Kein Bestand – 在庫切れ", code="out_of_stock", if_match=1)
        failed = await hub.get_fulfillment_request(served.ids[0])
        assert failed["processingErrorReason"] == "Kein Bestand – 在庫切れ"
        with pytest.raises(NotAllowed) as again:
            await hub.fail_fulfillment_request(served.ids[0], error="again")
        assert again.value.current_status == "Processing Error"
        assert "process" in again.value.allowed_actions
        assert again.value.request_id
        with pytest.raises(Stale):
            await hub.mark_fulfillment_request_processed(served.ids[1], if_match=99)
        with pytest.raises(NotFound):
            await hub.get_fulfillment_request(10**9)
        body = {"action": "processed", "items": [{"id": id_} for id_ in served.ids[1:4]]}
        done = await hub.bulk_fulfillment_requests(body)  # type: ignore[arg-type]  # a plain dictionary will do
        assert [one["status"] for one in done["results"]] == [200, 200, 200]
        assert await hub.count_fulfillment_requests(filter_status=["Processed"]) == {"count": 3}


async def test_a_key_makes_a_repeat_the_same_answer(served: Served) -> None:
    async with AsyncClient(served.url, served.token) as hub:
        first = await hub.mark_fulfillment_request_processed(served.ids[0], idempotency_key="k-1")
        assert await hub.mark_fulfillment_request_processed(served.ids[0], idempotency_key="k-1") == first


async def test_the_blocking_client_does_the_same(served: Served) -> None:
    def work() -> list[str]:
        with Client(served.url, served.token) as hub:
            listed = [one["id"] for one in hub.iterate(hub.list_fulfillment_requests, filter_page_size=5)]
            assert listed == served.ids
            assert hub.dry_run(hub.cancel_fulfillment_request, served.ids[0])["to"] == "Canceled"
            hub.fail_fulfillment_request(served.ids[0], error="Out of stock")
            with pytest.raises(NotAllowed):
                hub.fail_fulfillment_request(served.ids[0], error="Out of stock")
            with pytest.raises(ValueError, match="pages"):
                next(hub.iterate(hub.list_failure_codes))
            return [event["type"] for event in hub.list_fulfillment_request_events(served.ids[0])]

    assert (await asyncio.to_thread(work))[-1] == "fulfillment_request.failed"


async def test_the_feed_is_followed_from_a_cursor(served: Served) -> None:
    async with AsyncClient(served.url, served.token) as hub:
        pages = hub.follow(types=["fulfillment_request.generated"], limit=5)
        seen, cursor = [], None
        while len(seen) < REQUESTS:
            page = await anext(pages)
            seen += [event["subject"]["id"] for event in page["events"]]
            cursor = page["next"]
        assert seen == served.ids
        waiting = asyncio.create_task(anext(hub.follow(cursor)))
        await hub.fail_fulfillment_request(served.ids[3], error="Out of stock")
        page = await waiting
        assert [(e["type"], e["subject"]["id"], e["reason"]) for e in page["events"]] == [
            ("fulfillment_request.failed", served.ids[3], "Out of stock")
        ]  # fmt: skip


async def test_a_bad_token_and_a_dead_server(served: Served) -> None:
    async with AsyncClient(served.url, "wp_nobody") as hub:
        with pytest.raises(Unauthorized):
            await hub.get_account()
    async with AsyncClient("http://127.0.0.1:9", served.token, tries=2) as hub:
        with pytest.raises(NoReply) as lost:
            await hub.get_account()
        assert not lost.value.sent


async def test_a_change_whose_reply_is_lost_is_applied_once(served: Served) -> None:
    """The connection breaks after the server has done it: the repeat finds the kept answer."""

    class Breaking(httpx.AsyncHTTPTransport):
        broken = 0

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            if request.method == "PATCH" and self.broken < 2:
                self.broken += 1
                await response.aread()
                raise httpx.ReadError("the cable was pulled", request=request)
            return response

    transport = Breaking()
    async with httpx.AsyncClient(transport=transport) as http, AsyncClient(served.url, served.token, http=http) as hub:
        await hub.fail_fulfillment_request(served.ids[0], error="Out of stock")
        assert transport.broken == 2
        events = await hub.list_fulfillment_request_events(served.ids[0])
        assert [event["type"] for event in events].count("fulfillment_request.failed") == 1
        # The original's server knows no keys: a change is not repeated there.
        plain = AsyncClient(served.url, served.token, native=False, http=http)
        transport.broken = 0
        with pytest.raises(NoReply) as lost:
            await plain.fail_fulfillment_request(served.ids[1], error="Out of stock")
        assert lost.value.sent
        assert transport.broken == 1


def test_every_operation_of_the_contract_is_there() -> None:
    """But what no server implements yet, and what is a page for people or the contract once more."""
    paths = yaml.safe_load(CONTRACT.read_text())["paths"]
    told = [one for path in paths.values() for one in path.values() if isinstance(one, dict) and "operationId" in one]
    served = {operation.id for operation in operations.ALL}
    names = {name: one["tags"] for one in told for name in (one["operationId"], *one.get("x-aliases", ()))}
    ours = {name for name, tags in names.items() if tags != ["Server"]} & served
    assert ours <= set(OPERATIONS)
    assert len(ours) > 100
    assert set(OPERATIONS) - ours <= {name for name, tags in names.items() if tags == ["Server"]}
    aliases = {alias: one["operationId"] for one in told for alias in one.get("x-aliases", ())}
    assert aliases
    for alias, name in aliases.items():
        assert OPERATIONS[alias] is OPERATIONS[name]
        for kind in (Client, AsyncClient):
            assert inspect.signature(getattr(kind, alias)) == inspect.signature(getattr(kind, name))
            assert getattr(kind, alias).__doc__ == f"Alias of `{name}`."


def test_the_id_of_a_path_is_called_id() -> None:
    """Whatever the contract calls it: programs give it by that name."""
    for name, operation in OPERATIONS.items():
        first = list(inspect.signature(getattr(Client, name)).parameters)[1:2]
        assert (first == ["id"]) is ("{" in operation.path), name


async def test_an_alias_does_the_same(served: Served) -> None:
    async with AsyncClient(served.url, served.token) as hub:
        acknowledged = await hub.acknowledge_fulfillment_request_post(served.ids[0], if_match=1)
        assert acknowledged == await hub.get_fulfillment_request(id=served.ids[0])
        assert await hub.list_webhook_configurations_right_spelling() == []
        dry = await hub.dry_run(hub.acknowledge_fulfillment_request_post, served.ids[1])
        assert dry["change"]


FREE = {"get_openapi_json", "set_source_settings"}  # a document; whatever object the merchant keeps there


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_operation_is_a_typed_method(kind: type, name: str) -> None:
    method = getattr(kind, name)
    assert inspect.iscoroutinefunction(method) is (kind is AsyncClient)
    hints = get_type_hints(method)
    given = [one for one in inspect.signature(method).parameters if one != "self"]
    assert hints.keys() == {*given, "return"}, "an argument without a type"
    for place, hint in hints.items():
        assert name in FREE or Any not in (hint, *get_args(hint)), f"{place} may be anything"
