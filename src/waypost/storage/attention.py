"""What needs somebody, in SQL: raised, settled, counted, and read."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from waypost.app.ports import Changes
from waypost.app.ports.attention import (
    GROUPS_AT_MOST,
    Attention,
    AttentionGroup,
    AttentionGroups,
    AttentionItem,
    AttentionQuery,
    Place,
)
from waypost.domain.attention import ANYBODY, LATE, REQUEST, Item, item_of
from waypost.domain.clock_rules import Condition
from waypost.domain.fulfillment import State
from waypost.storage.queries import attention as sql
from waypost.storage.queries import columns
from waypost.storage.speaking import Reader, Statements

FEW_GROUPS = 100  # are walked rather than looked up by their codes
ITEM_BYTES = 500  # roughly
_OF_ITEM = len(AttentionItem._fields) - 1  # columns before the state


class AttentionReading(Reader):
    """See `ports.attention`."""

    async def attention_groups(self, query: AttentionQuery) -> AttentionGroups:
        """See `ports.attention`."""
        are_many = False
        if query.codes and query.source_id is None and query.after is None:
            statement, bound = sql.has_more_groups(query, FEW_GROUPS)
            are_many = bool((await self.slow(statement, *bound))[0][0])
        statement, args = sql.groups(query, GROUPS_AT_MOST + 1, self.dialect, are_many)
        found = [AttentionGroup._make(row) for row in await self.slow(statement, *args)]
        shown = sorted(found[:GROUPS_AT_MOST], key=lambda group: (group.oldest, group.source_id, group.code))
        if len(found) <= GROUPS_AT_MOST:
            return AttentionGroups(sum(group.total for group in shown), shown, has_more=False)
        statement, args = sql.total(query, self.dialect, are_many)
        return AttentionGroups((await self.slow(statement, *args))[0][0], shown, has_more=True)

    async def attention_items(self, query: AttentionQuery, places: Sequence[Place], limit: int) -> list[AttentionItem]:
        """See `ports.attention`."""
        if not places or not limit:
            return []
        statement, args = sql.items(query, places, limit, self.dialect)
        return await self.large.collected(map(_item, await self.slow(statement, *args)), lambda _: ITEM_BYTES)

    async def accounts_with_outdated_snoozes(self, now: int) -> list[int]:
        """See `ports.attention`."""
        return [row[0] for row in await self.slow(sql.ACCOUNTS_WITH_OUTDATED_SNOOZES, now)]


class AttentionWriting(Statements):
    """See `ports.attention`."""

    async def raise_attention(self, raised: Sequence[Attention]) -> int:
        """See `ports.attention`."""
        names, spots = columns.listed(Attention), columns.places(Attention)
        insert = f"INSERT INTO attention ({names}) VALUES ({spots}) ON CONFLICT DO NOTHING"
        begun = []
        for one in raised:
            alert = sql.ALERT.get(one.code)
            if (alert is None or await self.execute(alert, one.subject_id)) and await self.execute(insert, *one):
                key = one.account_id, one.source_id or 0, one.code, one.raised_at, one.subject_id
                begun.append(Item(*key, one.subject))
        await self.note_items((), begun)
        return len(begun)

    async def settle_attention(
        self, account_id: int, subject: str, subject_id: int, codes: Sequence[str], at: int
    ) -> list[int]:
        """See `ports.attention`."""
        d = self.dialect
        which = f"account_id = $2 AND subject = $3 AND subject_id = $4 AND {d.any_of('code', 5, 'text')}"
        return await self._settle(which, at, account_id, subject, subject_id, d.array(codes))

    async def _settle_of_requests(self, request_ids: Sequence[int], codes: Iterable[str], at: int) -> None:
        d = self.dialect
        which = f"subject = '{REQUEST}' AND {d.any_of('subject_id', 2)} AND {d.any_of('code', 3, 'text')}"
        await self._settle(which, at, d.array(request_ids), d.array([str(code) for code in codes]))

    async def _settle(self, which: str, *args: object) -> list[int]:
        """Settle at $1 what is open; the ids."""
        update = f"UPDATE attention SET settled_at = $1 WHERE {which} AND settled_at IS NULL {sql.SETTLED}"
        rows = await self.fetch(update, *args)
        await self.note_items([Item(*row[:-1]) for row in rows], ())
        return [row[-1] for row in rows]

    async def note_attention(self, changes: Changes) -> None:
        """What begins and ends to need somebody by a batch whose rows are written."""
        if changes.decided:
            await self._settle_of_requests(changes.decided, LATE, changes.at)
        if changes.moved_on:
            await self._settle_of_requests(changes.moved_on, Condition, changes.at)
        both = [(item_of(was), item_of(now)) for was, now in changes.states]
        new = [item_of(request.state) for request in changes.requests]
        ended = [was for was, now in both if was is not None and was != now]
        begun = [now for was, now in both if now is not None and was != now]
        await self.note_items(ended, [*begun, *(one for one in new if one is not None)])
        if changes.particulars:
            edited = sorted(one.id for one in changes.particulars)
            await self._list_again(sql.items_of(self.dialect), self.dialect.array(edited))

    async def list_snoozes(self, account_id: int, now: int, limit: int) -> int:
        """See `ports.attention`."""
        return await self._list_again(sql.OUTDATED_SNOOZES, now, account_id, limit, now=now)

    async def _list_again(self, which: str, *args: object, now: int = 0) -> int:
        """These items of requests, as somebody cares for those; how many."""
        items = [Item(*row) for row in await self.fetch(which, *args)]
        await self.note_items(items, ())
        await self.note_items((), items, now)
        return len(items)

    async def note_bare_failures(self, begun: Sequence[Item]) -> None:
        """On SQLite: of requests that nobody cares for or has snoozed. On PostgreSQL, see `sql.begun_by`."""
        await self.execute_many(sql.BEGIN_BARE, begun)
        for (account_id, source_id, code), count in Counter(item[:3] for item in begun).items():
            await self.execute(sql.ADD_TO_GROUP, account_id, ANYBODY, source_id, code, 0, count)

    async def note_items(self, ended: Sequence[Item], begun: Sequence[Item], now: int = 0) -> None:
        """Keep what begins and ends to need somebody, and how many each group has.

        With `now`, what is snoozed no more at that moment is listed so. Without, whatever has a snooze is listed as
        snoozed: a reader looks at its moment by the clock, which may not be the one of the change.

        The account's counter is locked, but for items about webhooks, whose groups nothing else counts in.
        """
        if not ended and not begun:
            return
        if not self.dialect.is_sqlite:
            await self._move_items(ended, begun, now)
            return
        totals = Counter[tuple[object, ...]]()
        totals.subtract([one for item in ended for one in _groups(await self.fetch(sql.END_ITEM, *item[:5]))])
        totals.update([one for item in begun for one in _groups(await self.fetch(sql.BEGIN_ITEM, *item, now))])
        for group, by in totals.items():
            if by:
                await self.execute(sql.ADD_TO_GROUP, *group, by)
            if by < 0:
                await self.execute(sql.END_GROUP, *group)

    async def _move_items(self, ended: Sequence[Item], begun: Sequence[Item], now: int) -> None:
        """On PostgreSQL: one trip, and one more where something ends."""
        keys = [list(column) for column in zip(*(item[:5] for item in ended), strict=True)] or [[]] * 5
        new = [list(column) for column in zip(*begun, strict=True)] or [[]] * 6
        counted = await self.fetch(sql.MOVE_ITEMS, *keys, *new, now)
        empty = [row[:-1] for row in counted if not row[-1]]
        if empty:
            await self.execute(sql.END_GROUPS, *(list(column) for column in zip(*empty, strict=True)))


def _item(row: Sequence[Any]) -> AttentionItem:
    return AttentionItem._make((*row[:_OF_ITEM], None if row[_OF_ITEM] is None else State._make(row[_OF_ITEM:])))


def _groups(found: Sequence[Sequence[Any]]) -> list[tuple[object, ...]]:
    """The groups in which these rows of `RETURNING` count: that of everybody's items, and that of who cares for it."""
    return [
        (account_id, whose, source_id, code, care)
        for account_id, source_id, code, care, assignee in found
        for whose in {ANYBODY, assignee or ANYBODY}
    ]
