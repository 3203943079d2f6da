"""Accounts, sources and channels: made with every problem named, and chosen by id or name."""

import json

import pytest

from waypost.app.accounts import (
    SourceDraft,
    choose_account,
    choose_channel,
    choose_source,
    create_account,
    create_channel,
    create_source,
)
from waypost.app.ports import AccountRow, Store
from waypost.domain.refusals import Invalid

NOW = 1_776_643_200_000_000


async def test_an_account_begins_with_its_event_counter(store: Store) -> None:
    row = await create_account(store, " Acme ", NOW, "Acme Shops", "acme")
    assert row == AccountRow(1, "Acme", "Acme Shops", "acme", NOW)
    assert await store.reads.accounts() == [row]
    loaded = await store.write(lambda tx: tx.load([], [row.id]))
    assert loaded.counters == {row.id: (0, 0)}


async def test_an_accounts_names_are_all_judged(store: Store) -> None:
    with pytest.raises(Invalid) as caught:
        await create_account(store, "", NOW, "b" * 201, "\0")
    assert [(problem.field, problem.code) for problem in caught.value.problems] == [
        ("company_name", "required"),
        ("brand_name", "too_long"),
        ("subdomain", "bad_characters"),
    ]
    assert await store.reads.accounts() == []


async def test_a_source_keeps_what_it_requires(store: Store) -> None:
    account = await create_account(store, "Acme", NOW)
    draft = SourceDraft(account.id, "Warehouse", 20, ("phone", "Straße", "phone"), auto_process=False)
    row = await create_source(store, draft, NOW)
    assert json.loads(row.required_fields) == ["phone", "Straße"]
    assert (row.max_number_length, bool(row.auto_process), row.created_at) == (20, False, NOW)
    assert await store.reads.sources(account.id) == [row]


async def test_a_sources_problems_are_all_named(store: Store) -> None:
    fields = (*(f"f{n}" for n in range(50)), " ")
    with pytest.raises(Invalid) as caught:
        await create_source(store, SourceDraft(7, "", 0, fields), NOW)
    assert [(problem.field, problem.code) for problem in caught.value.problems] == [
        ("account_id", "unknown_account"),
        ("name", "required"),
        ("required_fields", "too_many"),
        ("/required_fields/50", "required"),
        ("max_number_length", "out_of_range"),
    ]


async def test_a_channel_belongs_to_an_account(store: Store) -> None:
    account = await create_account(store, "Acme", NOW)
    row = await create_channel(store, account.id, "Shop", NOW)
    assert await store.reads.channels(account.id) == [row]
    with pytest.raises(Invalid, match="no account 7"):
        await create_channel(store, 7, "Shop", NOW)


async def test_the_only_account_need_not_be_named(store: Store) -> None:
    with pytest.raises(Invalid, match="create one first"):
        await choose_account(store, None)
    first = await create_account(store, "Acme", NOW)
    assert await choose_account(store, None) == first
    second = await create_account(store, "1", NOW)
    with pytest.raises(Invalid, match=r"2 accounts.*1 \(Acme\), 2 \(1\)"):
        await choose_account(store, None)
    assert await choose_account(store, "Acme") == first
    assert await choose_account(store, "1") == first  # an id before a name
    assert await choose_account(store, " 2 ") == second


async def test_a_name_that_two_share_must_be_an_id(store: Store) -> None:
    account = await create_account(store, "Acme", NOW)
    first = await create_source(store, SourceDraft(account.id, "Warehouse"), NOW)
    await create_source(store, SourceDraft(account.id, "Warehouse"), NOW)
    with pytest.raises(Invalid, match=r"2 sources are named 'Warehouse'.*\(1, 2\)"):
        await choose_source(store, account.id, "Warehouse")
    assert await choose_source(store, account.id, "1") == first


async def test_only_ones_own_sources_and_channels_are_chosen(store: Store) -> None:
    account = await create_account(store, "Acme", NOW)
    other = await create_account(store, "Other", NOW)
    await create_source(store, SourceDraft(other.id, "Warehouse"), NOW)
    await create_channel(store, other.id, "Shop", NOW)
    with pytest.raises(Invalid, match="no source with the id or name 'Warehouse'"):
        await choose_source(store, account.id, "Warehouse")
    with pytest.raises(Invalid, match="no channel with the id or name '1'"):
        await choose_channel(store, account.id, "1")
