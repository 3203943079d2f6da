"""Changes of records over HTTP: every fault of the call at once, then the change, then its answer (section 1.4)."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Generic, NamedTuple, TypeVar

from falcon.asgi import Response

from waypost.app.commands import IdempotencyKey
from waypost.app.ports.catalog import Page
from waypost.app.records import RecordChange
from waypost.http.call import BODY_AT_MOST, Call, Operation, Resource, answer, path_id, replayed
from waypost.http.paging import WHOLE
from waypost.wire.requests import dry_run

B = TypeVar("B")
R = TypeVar("R")

VERSION: Callable[[Any], int] = attrgetter("version")


class Asked(NamedTuple, Generic[B]):
    """What a call that changes something brings. `body` is None when it is faulty: the faults are kept in the call."""

    id: int
    body: B | None
    params: dict[str, Any]
    key: IdempotencyKey | None


async def asked_for(
    call: Call, operation: Operation, type_: type[B], id: str | None = None, what: str = "", limit: int = BODY_AT_MOST
) -> Asked[B]:
    """Begin a call that changes something: the one (a `what`) with this id of the path, or a new one.

    What is wrong with the meaning of its body may join `call.faults` then, before `Records.record` tells them.
    """
    call.begin(operation)
    number = 0 if id is None else path_id(id, what)
    params = call.query()
    body = await call.json(type_, limit)
    return Asked(number, body, params, call.key(number, params))


def paged(call: Call, operation: Operation) -> tuple[dict[str, Any], Page]:
    """Begin a list that is short as a rule: its parameters, and its page. The first one has all of it."""
    call.begin(operation)
    params = call.query()
    call.check()
    return params, WHOLE.page(params)


class Records(Resource):
    """A resource whose changes are changes of records."""

    async def record(
        self, call: Call, resp: Response, asked: Asked[Any], change: RecordChange[R], render: Callable[[R], bytes],
        status: int = 200, location: Callable[[R], str] | None = None, version: Callable[[R], int] | None = None,
    ) -> None:  # fmt: skip
        """Tell the faults, or make the change and answer with the record as `render` shows it."""
        call.check()
        dry = asked.params.get("dryRun", False)
        done = await self.hub.changes.record(change._replace(call_id=call.id, dry_run=dry), asked.key)
        if done.dry_run:
            answer(resp, dry_run(None, None, done.changed, status))
            return
        answer(resp, render(done.record), None if version is None else version(done.record), status)
        replayed(resp, done.replayed)
        if location is not None:
            resp.set_header("Location", location(done.record))
