"""Accounts, sources and channels as records: each made with settings, and changed field by field (contract section 6).

A field is named as its column. Money is integer ten-thousandths; every fault of the input is raised at once.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar

from waypost.app import catalog_checks as checks
from waypost.app.actor import Actor, Scope
from waypost.app.ports import AccountRow, ChannelRow, SourceRow, Tx
from waypost.app.records import Made, Notice, RecordChange
from waypost.domain.refusals import Invalid, NotFound, Problem, Stale

Row = TypeVar("Row", bound=Any)
Fields = Mapping[str, Any]
Problems = list[Problem]


class Kind(NamedTuple, Generic[Row]):
    """One kind of record: a table of which each row is one.

    `check` judges fields by themselves and gives them as they are stored; `judge` looks at what they refer to, with
    the row as it is (None: a new one), and may complete them. `members` names the field that is no column but lies in
    a table of its own, `member_table`: a tuple of what the columns there hold after the record's id.
    """

    table: str
    name: str
    rows: Callable[[Tx, Scope, Sequence[int]], Awaitable[dict[int, Row]]]
    type: type[Row]
    check: Callable[[Fields, Problems], dict[str, Any]]
    judge: Callable[[Tx, Scope, Row | None, dict[str, Any], Problems], Awaitable[None]]
    defaults: Fields = MappingProxyType({})
    required: tuple[str, ...] = ("name",)
    members: str | None = None
    member_table: str = ""


def create(kind: Kind[Row], actor: Actor, fields: Fields) -> RecordChange[Row]:
    """A new one, in the actor's account."""
    scope = actor.scope

    async def work(tx: Tx, at: int) -> Made[Row]:
        problems = [
            Problem(name, "required", f"The {name.replace('_', ' ')} is required.")
            for name in kind.required
            if fields.get(name) is None
        ]
        checked = await _judged(kind, tx, scope, None, {**kind.defaults, **fields}, problems)
        members = checked.pop(kind.members, ()) if kind.members else ()
        fixed = {"account_id": scope.account_id, "created_at": at, "updated_at": at}
        row_id = await tx.insert_row(kind.table, {**checked, **fixed})
        if members:
            await tx.replace_members(kind.member_table, row_id, members)
        row = (await kind.rows(tx, scope, [row_id]))[row_id]
        return Made(row, (Notice(kind.table, row_id, f"{kind.table}.created", {"name": row.name}),))

    return RecordChange(actor, work, kind.type)


def update(
    kind: Kind[Row], actor: Actor, row_id: int, fields: Fields, expected: frozenset[int] | str | None = None
) -> RecordChange[Row]:
    """One changed, in these fields; the others stay. `expected`: If-Match, versions or "*".

    Raises `NotFound` where the actor sees no such record, `Stale` where it has another version.
    """
    scope = actor.scope

    async def work(tx: Tx, at: int) -> Made[Row]:
        row = (await kind.rows(tx, scope, [row_id])).get(row_id)
        if row is None:
            raise NotFound(kind.name)
        if expected not in (None, "*") and row.version not in (expected or ()):
            raise Stale(row.version)
        checked = await _judged(kind, tx, scope, row, fields, [])
        changed = {name: value for name, value in checked.items() if getattr(row, name) != value}
        if not changed:
            return Made(row)
        # Values are not told: settings may hold what only their reader should see.
        told = Notice(kind.table, row_id, f"{kind.table}.updated", {"changed": sorted(changed)})
        changed["version"] = row.version + 1
        if "updated_at" in row._fields:
            changed["updated_at"] = at
        columns = {name: value for name, value in changed.items() if name != kind.members}
        await tx.update_row(kind.table, row_id, columns)
        if kind.members in changed:
            await tx.replace_members(kind.member_table, row_id, changed[kind.members])
        return Made(row._replace(**changed), (told,))

    return RecordChange(actor, work, kind.type)


async def _judged(
    kind: Kind[Row], tx: Tx, scope: Scope, row: Row | None, fields: Fields, problems: Problems
) -> dict[str, Any]:
    checked = kind.check(fields, problems)
    await kind.judge(tx, scope, row, checked, problems)
    if problems:
        raise Invalid(problems)
    return checked


async def _refers_to_nothing(tx: Tx, scope: Scope, row: Any, fields: dict[str, Any], problems: Problems) -> None:
    """For kinds whose fields name no other record."""


async def name_is_free(tx: Tx, table: str, owner_id: int, row: Any, fields: Fields, problems: Problems) -> None:
    """A name that another record of the same owner has is a problem."""
    name = fields.get("name")
    if name is None or (row is not None and row.name == name):
        return
    other = await tx.id_by_name(table, owner_id, name)
    if other is not None:
        problems.append(Problem("name", "taken", f"Another one, {other}, has this name."))


def _routed(field: str) -> Callable[[Tx, Scope, Any, dict[str, Any], Problems], Awaitable[None]]:
    async def judge(tx: Tx, scope: Scope, row: Any, fields: dict[str, Any], problems: Problems) -> None:
        group_id = fields.get(field)
        if group_id is not None and not await tx.routing_groups_by_id(scope, [group_id]):
            problems.append(Problem(field, "unknown_routing_group", f"There is no routing group {group_id}."))

    return judge


async def _own_account(tx: Tx, scope: Scope, ids: Sequence[int]) -> dict[int, AccountRow]:
    rows = await tx.account_rows(ids)
    return {id_: row for id_, row in rows.items() if id_ == scope.account_id}


SOURCE: Kind[SourceRow] = Kind(
    "source", "source", lambda tx, scope, ids: tx.source_rows(scope, ids), SourceRow, checks.source,
    _refers_to_nothing, {"required_fields": (), "auto_process": True},
)  # fmt: skip
CHANNEL: Kind[ChannelRow] = Kind(
    "channel", "channel", lambda tx, scope, ids: tx.channel_rows(scope, ids), ChannelRow, checks.named,
    _routed("routing_group_id"),
)  # fmt: skip
ACCOUNT: Kind[AccountRow] = Kind(
    "account", "account", _own_account, AccountRow, checks.account, _routed("default_routing_group_id")
)
