"""Accounts, and the sources and channels that belong to them.

`now` is microseconds since 1970 UTC. Every problem of the input is raised at once, as `Invalid`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from waypost.app import catalog_checks as checks
from waypost.app.actor import system
from waypost.app.catalog import CHANNEL, SOURCE, create
from waypost.app.names import checked_name, checked_optional
from waypost.app.ports import AccountRow, ChannelRow, SourceRow, Store, Tx
from waypost.app.ports.catalog import RoutingGroup
from waypost.app.records import record_now
from waypost.domain.refusals import Invalid, Problem
from waypost.domain.texts import trimmed

NOTHING: Mapping[str, Any] = MappingProxyType({})

R = TypeVar("R", AccountRow, SourceRow, ChannelRow, RoutingGroup)


class SourceDraft(NamedTuple):
    """A source as asked for."""

    account_id: int
    name: str
    max_number_length: int | None = None  # code points of a fulfillment request's number; None: any length
    required_fields: tuple[str, ...] = ()  # custom fields without which a request cannot be released
    auto_process: bool = True  # release each request as soon as it is generated
    more: Mapping[str, Any] = NOTHING  # further fields, by their columns


async def create_account(
    store: Store, company_name: str, now: int, brand_name: str | None = None, subdomain: str | None = None
) -> AccountRow:
    """A new account, with the counter that its events are numbered by."""
    problems: list[Problem] = []
    company = checked_name("company_name", company_name, problems, "company name")
    brand = checked_optional("brand_name", brand_name, problems, "brand name")
    domain = checked_optional("subdomain", subdomain, problems, "subdomain")
    _refuse(problems)
    row = {"company_name": company, "brand_name": brand, "subdomain": domain, "created_at": now}

    async def work(tx: Tx) -> AccountRow:
        account_id = await tx.insert_row("account", row)
        await tx.insert_row("account_counter", {"account_id": account_id, "last_seq": 0, "last_at": 0})
        return AccountRow(account_id, company, brand, domain, now)

    return await store.write(work)


async def create_source(store: Store, draft: SourceDraft, now: int) -> SourceRow:
    """A new source of an account."""
    problems = await _account_problems(store, draft.account_id)
    fields = {
        "name": draft.name,
        "max_number_length": draft.max_number_length,
        "required_fields": draft.required_fields,
        "auto_process": draft.auto_process,
        **draft.more,
    }
    checks.source(fields, problems)
    _refuse(problems)
    return (await record_now(store, create(SOURCE, system(draft.account_id), fields), now)).record


async def create_channel(
    store: Store, account_id: int, name: str, now: int, more: Mapping[str, Any] = NOTHING
) -> ChannelRow:
    """A new channel of an account; `more` fields by their columns."""
    problems = await _account_problems(store, account_id)
    fields = {"name": name, **more}
    checks.named(fields, problems)
    _refuse(problems)
    return (await record_now(store, create(CHANNEL, system(account_id), fields), now)).record


async def choose_account(store: Store, given: str | None) -> AccountRow:
    """The account with this id or company name; with nothing given, the only one there is."""
    accounts = await store.reads.accounts()
    if given is not None:
        named = [(account.id, account.company_name, account) for account in accounts]
        return _choose("account", given, named)
    if len(accounts) == 1:
        return accounts[0]
    if not accounts:
        raise Invalid([Problem("account", "no_account", "There is no account yet: create one first.")])
    listed = ", ".join(f"{account.id} ({account.company_name})" for account in accounts[:10])
    message = f"There are {len(accounts)} accounts, so say which by id or name: {listed}."
    raise Invalid([Problem("account", "required", message)])


async def choose_source(store: Store, account_id: int, given: str) -> SourceRow:
    """The source of this account with this id or name."""
    rows = await store.reads.sources(account_id)
    return _choose("source", given, [(row.id, row.name, row) for row in rows])


async def choose_channel(store: Store, account_id: int, given: str) -> ChannelRow:
    """The channel of this account with this id or name."""
    rows = await store.reads.channels(account_id)
    return _choose("channel", given, [(row.id, row.name, row) for row in rows])


async def choose_routing_group(store: Store, account_id: int, given: str) -> RoutingGroup:
    """The routing group of this account with this id or name."""
    rows = await store.reads.routing_groups(account_id)
    return _choose("routing group", given, [(row.id, row.name, row) for row in rows])


def _choose(kind: str, given: str, rows: list[tuple[int, str, R]]) -> R:
    """The row with this id, else the only one of this name."""
    wanted = trimmed(given)
    for id_, _, row in rows:
        if str(id_) == wanted:
            return row
    named = [(id_, row) for id_, name, row in rows if name == wanted]
    if not named:
        message = f"There is no {kind} with the id or name {wanted!r}."
        raise Invalid([Problem(kind, f"unknown_{kind.replace(' ', '_')}", message)])
    if len(named) > 1:
        ids = ", ".join(str(id_) for id_, _ in named)
        message = f"{len(named)} {kind}s are named {wanted!r}: say which by its id ({ids})."
        raise Invalid([Problem(kind, f"ambiguous_{kind.replace(' ', '_')}", message)])
    return named[0][1]


async def _account_problems(store: Store, account_id: int) -> list[Problem]:
    if await store.reads.account(account_id) is not None:
        return []
    return [Problem("account_id", "unknown_account", f"There is no account {account_id}.")]


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise Invalid(problems)
