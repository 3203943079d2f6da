"""What tests of records ask again and again: the faults of a refusal, the events of a subject."""

from typing import Any

from tests.support.asgi import Reply
from tests.support.world import World


def faults(reply: Reply) -> list[tuple[str, str]]:
    """Pointer (or parameter) and code of every fault."""
    assert reply.status == 400, reply.body
    return [(one.get("pointer", one.get("parameter")), one["code"]) for one in reply.json()["errors"]]


async def events_of(world: World, subject: str) -> list[tuple[str, int, Any]]:
    """What the events of our merchant tell of these subjects: type, id, data."""
    reply = await world.client().get("/events?limit=500")
    assert reply.status == 200, reply.body
    told = [one for one in reply.json()["events"] if one["subject"]["type"] == subject]
    return [(one["type"], one["subject"]["id"], one["data"]) for one in told]
