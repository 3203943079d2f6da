"""What needs somebody, and the clock rules that raise it (native)."""

from collections.abc import Iterator, Mapping
from typing import Any

from falcon.asgi import Request, Response

from waypost.app.attention import settle_attention
from waypost.app.clock_rules import replace_clock_rules
from waypost.app.hub import Hub
from waypost.app.ports.attention import AttentionQuery, Place
from waypost.domain.texts import trimmed
from waypost.http import operations as ops
from waypost.http.call import Resource, answer, call_of
from waypost.http.records import Records, asked_for
from waypost.wire import clock_rules as wire
from waypost.wire.attention import START, SettleIn, render_attention, render_settled, settle_spots
from waypost.wire.faults import Fault

SHOWN = 20  # of each group
ITEMS_AT_MOST = 5000  # of all groups of a reply; at least as many as groups are shown
CONTRADICTION = Fault(
    "parameter", "unassigned", "contradiction",
    "unassigned=true and assignee contradict each other: send only one of them.",
)  # fmt: skip


def _beside_the_cursor(params: Mapping[str, Any]) -> Iterator[Fault]:
    """Filters that leave nothing of the group that is to be read on."""
    after = params.get("after")
    if after is None:
        return
    for name, is_its in (
        ("sourceId", params.get("sourceId", after.source_id) == after.source_id),
        ("codes", after.code in (params.get("codes") or (after.code,))),
    ):
        if not is_its:
            words = f"{name} is not of the group that `after` reads on: pass the filters that gave the cursor."
            yield Fault("parameter", name, "contradiction", words)


class Attention(Resource):
    """`/attention`"""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Everything that needs somebody now."""
        call = call_of(req)
        call.begin(ops.ATTENTION)
        params = call.query()
        if params.get("unassigned") and "assignee" in params:
            call.faults.append(CONTRADICTION)
        call.faults += _beside_the_cursor(params)
        call.check()
        scope, now, reads = call.actor.scope, self.hub.clock(), self.hub.reads
        query = AttentionQuery(
            scope, params.get("sourceId"), params.get("codes", ()), params.get("assignee"),
            params.get("unassigned", False), params.get("snoozed", False), now, params.get("after"),
        )  # fmt: skip
        groups = await reads.attention_groups(query)
        places = [query.after or Place(group.source_id, group.code, *START) for group in groups.shown]
        limit = min(params.get("limit", SHOWN), ITEMS_AT_MOST // max(1, len(places)))
        # One more than is shown says whether there are more. A first summary needs none: each group has some.
        items = await reads.attention_items(query, places, limit + 1 if limit or query.after else 0)
        await self.answer_list(resp, render_attention(groups, items, limit, query.after, now))


class Settling(Records):
    """`/attention/settle`"""

    async def on_post(self, req: Request, resp: Response) -> None:
        """Say what was seen to."""
        call = call_of(req)
        asked = await asked_for(call, ops.SETTLE_ATTENTION, SettleIn)
        spots = () if asked.body is None else settle_spots(asked.body)
        note = "" if asked.body is None else trimmed(asked.body.note)
        await self.record(call, resp, asked, settle_attention(call.actor, spots, note), render_settled)


class Policies(Records):
    """`/policies`"""

    async def on_get(self, req: Request, resp: Response) -> None:
        """The rules of the account."""
        call = call_of(req)
        call.begin(ops.GET_POLICIES)
        answer(resp, wire.render_rules(await self.hub.reads.clock_rules(call.actor.scope.account_id)))

    async def on_put(self, req: Request, resp: Response) -> None:
        """All rules, in the place of those there are."""
        call = call_of(req)
        asked = await asked_for(call, ops.PUT_POLICIES, wire.Rules)
        change = replace_clock_rules(call.actor, wire.rule_drafts(asked.body or ()))
        await self.record(call, resp, asked, change, wire.render_rules)


def routes(hub: Hub) -> dict[str, Resource]:
    """The paths of this tag."""
    return {"/attention": Attention(hub), "/attention/settle": Settling(hub), "/policies": Policies(hub)}
