"""Statements about what needs somebody: its items, and how many each group has."""

from collections.abc import Iterator, Sequence

from waypost.app.ports.attention import AttentionQuery, Place
from waypost.domain.attention import ANYBODY, ASSIGNED, REQUEST, SNOOZED, SOURCE_DOWN, STUCK
from waypost.domain.clock_rules import WATCHED
from waypost.domain.failures import OTHER
from waypost.domain.statuses import Status
from waypost.storage.dialect import Dialect, is_there
from waypost.storage.queries import columns
from waypost.storage.queries.requests import Filter, quoted
from waypost.storage.queries.shortest import Statement
from waypost.storage.queries.walks import has_more

_SPOT = ("account_id", "source_id", "code")
_KEY = (*_SPOT, "since", "subject_id")
_COUNTED = (*_SPOT, "care", "assignee")
_GROUP = ("account_id", "assignee", "source_id", "code", "care")
_listed, _spot, _counted, _group = (", ".join(names) for names in (_KEY, _SPOT, _COUNTED, _GROUP))
_IS_KEY = " AND ".join(f"{name} = ${place}" for place, name in enumerate(_KEY, 1))
_EVERY_CARE = f"care IN (0, {ASSIGNED}, {SNOOZED}, {ASSIGNED + SNOOZED})"  # so that the rest of the key is looked up
_ADD = f"ON CONFLICT ({_group}) DO UPDATE SET total = g.total + excluded.total"

# The code of a request that needs somebody by its status alone: `domain.attention.item_of` in SQL.
STUCK_CODE = (
    f"CASE WHEN s.status = '{Status.PROCESSING_ERROR}' THEN coalesce(s.failure_code, '{OTHER}') ELSE s.status END"
)



def _care(at: str) -> str:
    """Assignee, snooze and `care` of an item of the request `f`; of any other item there is no `f`.

    What is snoozed until after the moment `at` is listed as snoozed.
    """
    return f"""f.assignee, f.snoozed_until, CASE WHEN f.assignee IS NULL THEN 0 ELSE {ASSIGNED} END
  + CASE WHEN f.snoozed_until > {at} THEN {SNOOZED} ELSE 0 END"""


# SQLite: one row each. $7 of what begins: the moment.
END_ITEM = f"DELETE FROM attention_item WHERE {_IS_KEY} AND {_EVERY_CARE} RETURNING {_counted}"
BEGIN_ITEM = f"""INSERT INTO attention_item ({_listed}, subject, assignee, snoozed_until, care)
SELECT $1, $2, $3, $4, $5, $6, {_care("$7")}
FROM (SELECT 1) LEFT JOIN fulfillment_request f ON $6 = '{REQUEST}' AND f.id = $5 WHERE true
ON CONFLICT DO NOTHING RETURNING {_counted}"""
BEGIN_BARE = f"INSERT INTO attention_item ({_listed}, subject, care) VALUES ($1, $2, $3, $4, $5, $6, 0)"
ADD_TO_GROUP = f"INSERT INTO attention_group AS g ({_group}, total) VALUES ($1, $2, $3, $4, $5, $6) {_ADD}"
END_GROUP = f"""DELETE FROM attention_group WHERE total = 0
  AND {" AND ".join(f"{name} = ${place}" for place, name in enumerate(_GROUP, 1))}"""

# PostgreSQL: all at once. $1 to $5 what ends, $6 to $11 what begins, $12 the moment. Groups are locked in one order.
# What ends is looked up one by one: joined, all items may be walked, by their care alone.
_TYPES = ("bigint", "bigint", "text", "bigint", "bigint", "text")
_ENDED = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(_TYPES[:5], 1))
_BEGUN = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(_TYPES, 6))
MOVE_ITEMS = f"""WITH ended AS (
  DELETE FROM attention_item i WHERE i.ctid = ANY(ARRAY(
    SELECT x.place FROM unnest({_ENDED}) AS c({_listed}) CROSS JOIN LATERAL (
      SELECT o.ctid AS place FROM attention_item o
      WHERE {" AND ".join(f"o.{name} = c.{name}" for name in _KEY)} AND o.{_EVERY_CARE} OFFSET 0) x))
  RETURNING {", ".join(f"i.{name}" for name in _COUNTED)}
), begun AS (
  INSERT INTO attention_item ({_listed}, subject, assignee, snoozed_until, care)
  SELECT c.*, {_care("$12::bigint")} FROM unnest({_BEGUN}) AS c({_listed}, subject) LEFT JOIN LATERAL (
    SELECT r.assignee, r.snoozed_until FROM fulfillment_request r WHERE c.subject = '{REQUEST}' AND r.id = c.subject_id
    OFFSET 0) f ON true
  ON CONFLICT DO NOTHING RETURNING {_counted}
) INSERT INTO attention_group AS g ({_group}, total)
SELECT account_id, whose, source_id, code, care, sum(by)
FROM (SELECT *, 1 AS by FROM begun UNION ALL SELECT *, -1 FROM ended) b
CROSS JOIN LATERAL (VALUES ('{ANYBODY}'), (b.assignee)) w(whose) WHERE whose IS NOT NULL
GROUP BY 1, 2, 3, 4, 5 HAVING sum(by) <> 0 ORDER BY 1, 2, 3, 4, 5 {_ADD}
RETURNING {", ".join(f"g.{name}" for name in _GROUP)}, g.total"""
END_GROUPS = f"""DELETE FROM attention_group WHERE total = 0
  AND ({_group}) IN (SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::bigint[]))"""

# Items that are listed as snoozed, and whose snooze has ended by $1; and the other way round: the clock was ahead when
# they were listed anew, or when somebody snoozed them. By an index of what is snoozed: each `care` is a range of it.
_OUTDATED = {SNOOZED: "<=", ASSIGNED + SNOOZED: "<=", 0: ">", ASSIGNED: ">"}
_WRONG = tuple(
    f"""FROM attention_item i WHERE i.account_id = {{account}} AND i.care = {care} AND i.snoozed_until {is_wrong} $1
  ORDER BY i.account_id, i.care, i.snoozed_until LIMIT"""
    for care, is_wrong in _OUTDATED.items()
)
_HAS_WRONG = " OR ".join(f"(SELECT 1 {rows.format(account='a.id')} 1) IS NOT NULL" for rows in _WRONG)
ACCOUNTS_WITH_OUTDATED_SNOOZES = f"SELECT a.id FROM account a WHERE {_HAS_WRONG} ORDER BY a.id"
_KEYS = ", ".join(f"i.{name}" for name in _KEY)
_WRONG_KEYS = " UNION ALL ".join(f"SELECT * FROM (SELECT {_KEYS} {rows.format(account='$2')} $3) p" for rows in _WRONG)
OUTDATED_SNOOZES = f"{_WRONG_KEYS} LIMIT $3"
"""The keys of items of account $2 that are listed wrongly at $1, $3 at most."""


def items_of(dialect: Dialect) -> str:
    """The keys of the items of the requests in $1, found by what they are about."""
    return f"""SELECT s.account_id, s.source_id, {STUCK_CODE}, s.status_since, s.id
  FROM fulfillment_request_state s WHERE {dialect.any_of("s.id", 1)} AND s.status IN ({quoted(STUCK)})
  UNION ALL SELECT a.account_id, coalesce(a.source_id, 0), a.code, a.raised_at, a.subject_id
  FROM attention a WHERE a.subject = '{REQUEST}' AND {dialect.any_of("a.subject_id", 1)} AND a.settled_at IS NULL"""


# What a clock rule raises, it raises once while the request stands where it watches.
ALERT = {
    str(code): f"""UPDATE fulfillment_request_state SET alerted = (1 = 1)
  WHERE id = $1 AND status = '{status}' AND NOT alerted"""
    for code, status in WATCHED.items()
}
SETTLED = "RETURNING account_id, coalesce(source_id, 0), code, raised_at, subject_id, subject, id"


def begun_by(moves: str, code: str, is_one: bool = False) -> str:
    """CTEs for a statement of PostgreSQL that fails requests: their items, counted in their groups.

    `moves`: FROM clause of `cur` (account_id, owner: its source, id) and `counter` (last_at); `code`: SQL of the code.
    `is_one`: at most one request fails. To group it costs 3 % of the call.
    """
    grouped = "1 FROM noted" if is_one else f"count(*) FROM noted GROUP BY {_spot} ORDER BY {_spot}"
    return f"""noted AS (
  INSERT INTO attention_item ({_listed}, subject, care)
  SELECT cur.account_id, cur.owner, {code}, counter.last_at, cur.id, '{REQUEST}', 0 FROM {moves}
  RETURNING {_spot}
), counted AS (
  INSERT INTO attention_group AS g ({_group}, total)
  SELECT account_id, '{ANYBODY}', source_id, code, 0, {grouped} {_ADD}
)"""


# `source_down` is shown only while the hub sends the source something: not if it is paused, archived or set to `poll`.
# The subquery runs for groups of that code only, at most one for each source.
_SENT_TO = """FROM source_delivery d JOIN source o ON o.id = d.source_id
    WHERE d.source_id = g.source_id AND d.kind <> 'poll' AND NOT d.paused AND NOT o.archived"""
_IS_SENT_TO = f"(g.code <> '{SOURCE_DOWN}' OR {is_there(_SENT_TO)})"


def _cares(query: AttentionQuery, where: Filter) -> Iterator[tuple[int, str]]:
    """The values of an item's `care` that the query asks for, each a range of the key, with what else to ask there.

    What is snoozed by its `care` is asked whether that has ended: `app.upkeep.list_snoozes` has not come by yet.
    """
    of_whom = (ASSIGNED,) if query.assignee is not None else (0,) if query.unassigned else (0, ASSIGNED)
    for care in of_whom:
        yield care, ""
    ended = "" if query.snoozed else f" AND i.snoozed_until <= {where.place(query.now)}"
    for care in of_whom:
        yield care + SNOOZED, ended


def _age(ended: str) -> str:
    """The order of items, the oldest first. What has ended is few: it is found by that, and sorted."""
    return "i.since + 0, i.subject_id" if ended else "i.since, i.subject_id"


def _of_assignee(assignee: str, ended: str) -> str:
    """What has ended is few, whoever cares for it: the index by assignee would find all that is snoozed."""
    return f" AND i.assignee || '' = {assignee}" if ended else f" AND i.assignee = {assignee}"


class _Groups:
    """Rows `g` of `attention_group`, as a query asks for them: one for each source, code and `care`."""

    def __init__(self, query: AttentionQuery, dialect: Dialect, are_many: bool) -> None:
        where = Filter(dialect)
        self.args = where.args
        whose = f"g.account_id = {where.place(query.scope.account_id)} AND g.assignee = "
        whose += where.place(query.assignee or ANYBODY)
        cares = ", ".join(str(care) for care, _ in _cares(query, Filter(dialect)))
        items = """FROM attention_item i WHERE i.account_id = g.account_id AND i.source_id = g.source_id
        AND i.code = g.code AND i.care = g.care"""
        ended = f"{items} AND i.snoozed_until <= {where.place(query.now)}" if not query.snoozed else ""
        if query.assignee is not None:
            items += _of_assignee("g.assignee", "")
            ended += _of_assignee("g.assignee", ended)
        self.total = "g.total"
        self.oldest = f"(SELECT i.since {items} ORDER BY {_age('')} LIMIT 1)"
        self.has_items = "1 = 1"
        if not query.snoozed:
            oldest = f"(SELECT i.since {ended} ORDER BY {_age(ended)} LIMIT 1)"
            self.total = f"CASE WHEN g.care < {SNOOZED} THEN g.total ELSE (SELECT count(*) {ended}) END"
            self.oldest = f"CASE WHEN g.care < {SNOOZED} THEN {self.oldest} ELSE {oldest} END"
            self.has_items = f"(g.care < {SNOOZED} OR {oldest} IS NOT NULL)"
        self.rows = _found(query, where, f"{whose} AND g.care IN ({cares}) AND {_IS_SENT_TO}", are_many)


# One after the other: the next source behind the one before that has a group.
_SOURCES = """WITH RECURSIVE held(id) AS (
  SELECT min(h.source_id) FROM attention_group h WHERE h.account_id = {account} AND h.assignee = {whose}
  UNION ALL SELECT (SELECT min(h.source_id) FROM attention_group h
    WHERE h.account_id = {account} AND h.assignee = {whose} AND h.source_id > held.id)
  FROM held WHERE held.id IS NOT NULL
) SELECT id FROM held WHERE id IS NOT NULL"""


def _found(query: AttentionQuery, where: Filter, which: str, are_many: bool) -> str:
    """FROM and WHERE of groups, by source and code.

    Without codes, the key is walked. With codes it is walked, too, unless there `are_many` groups: then each code is
    looked up at each source that has any.
    """
    source_id, codes = query.source_id, sorted(query.codes)
    if query.after is not None:
        source_id, codes = query.after.source_id, [query.after.code]
    if not codes:
        at_source = "" if source_id is None else f" AND g.source_id = {where.place(source_id)}"
        return f"FROM attention_group g WHERE {which}{at_source}"
    if source_id is None and not are_many:
        return f"FROM attention_group g WHERE {which} AND {where.among('g.code', tuple(codes), 'text')}"
    if source_id is None:
        whose = where.place(query.assignee or ANYBODY)
        sources = _SOURCES.format(account=where.place(query.scope.account_id), whose=whose)
    else:
        sources = f"SELECT CAST({where.place(source_id)} AS bigint) AS id"
    texts = where.dialect.texts("c", "code", where.place(where.dialect.array(codes)))
    group = f"{which} AND g.source_id = o.id AND g.code = c.code"
    return where.dialect.looked_up(f"({sources}) o CROSS JOIN {texts}", "1 = 1", "attention_group g", group)


def has_more_groups(query: AttentionQuery, most: int) -> Statement:
    """Whether there are more for whom is asked, whatever else is asked of them."""
    groups = "FROM attention_group g WHERE g.account_id = $1 AND g.assignee = $2"
    return f"SELECT {has_more([groups], '$3')}", (query.scope.account_id, query.assignee or ANYBODY, most)


def groups(query: AttentionQuery, limit: int, dialect: Dialect, are_many: bool) -> tuple[str, list[object]]:
    """Source, its name, code, how many, and the moment of the oldest: `limit` groups at most, by source and code.

    Only the oldest of these are looked up: the walk ends with the last of them.
    """
    group = _Groups(query, dialect, are_many)
    sql = f"""SELECT n.source_id, w.name, n.code, n.total, n.oldest FROM (
        SELECT g.source_id, g.code, CAST(sum({group.total}) AS bigint) AS total, min({group.oldest}) AS oldest
        {group.rows} AND {group.has_items} GROUP BY g.source_id, g.code ORDER BY g.source_id, g.code LIMIT {limit}) n
      LEFT JOIN source w ON w.id = n.source_id WHERE n.oldest IS NOT NULL ORDER BY n.source_id, n.code"""
    return sql, group.args


def total(query: AttentionQuery, dialect: Dialect, are_many: bool) -> tuple[str, list[object]]:
    """How many items all groups have. Costs a walk of the groups, and a look-up for each whose items are snoozed."""
    group = _Groups(query, dialect, are_many)
    return f"SELECT CAST(coalesce(sum({group.total}), 0) AS bigint) {group.rows}", group.args


# What a reply shows of an item `i`: its columns, and the joins that they need.
_ITEM_COLUMNS = f"""i.source_id, i.code, i.subject, i.subject_id, i.since, coalesce(a.message, s.failure_reason),
  f.number, i.assignee, {columns.STATE}"""
_ITEM_JOINS = f"""LEFT JOIN fulfillment_request_state s ON i.subject = '{REQUEST}' AND s.id = i.subject_id
LEFT JOIN fulfillment_request f ON f.id = s.id
LEFT JOIN attention a ON a.subject = i.subject AND a.subject_id = i.subject_id AND a.code = i.code
  AND a.settled_at IS NULL"""


def items(query: AttentionQuery, places: Sequence[Place], limit: int, dialect: Dialect) -> tuple[str, list[object]]:
    """The next items from each place, `limit` at most. Costs what it returns.

    SQLite has no LATERAL; it looks each key of a page up by itself.
    """
    where = Filter(dialect)
    columns_of = [list(column) for column in zip(*places, strict=True)]
    given = [dialect.array(places)] if dialect.is_sqlite else columns_of
    where.args = [query.scope.account_id, limit, *given]
    assignee = None if query.assignee is None else where.place(query.assignee)
    picked = "i.care, i.since, i.subject_id" if dialect.is_sqlite else "i.*"
    merged = "m ORDER BY since, subject_id LIMIT $2"
    pages = " UNION ALL ".join(
        f"""SELECT * FROM (SELECT {picked} FROM attention_item i
    WHERE i.account_id = $1{_of_assignee(assignee, ended) if assignee else ""}
      AND i.source_id = p.source_id AND i.code = p.code AND i.care = {care}{ended}
      AND ({_age(ended)}) > (p.since, p.subject_id) ORDER BY {_age(ended)} LIMIT $2) i"""
        for care, ended in _cares(query, where)
    )
    if dialect.is_sqlite:
        fields = ", ".join(f"json_extract(value, '$[{place}]') AS {name}" for place, name in enumerate(Place._fields))
        source = f"""(SELECT key AS place, {fields} FROM json_each($3)) p CROSS JOIN attention_item i
  ON i.account_id = $1 AND i.source_id = p.source_id AND i.code = p.code AND (i.care, i.since, i.subject_id) IN (
    SELECT * FROM ({pages}) {merged})"""
    else:
        arrays = "unnest($3::bigint[], $4::text[], $5::bigint[], $6::bigint[]) WITH ORDINALITY"
        source = f"""{arrays} AS p({", ".join(Place._fields)}, place)
CROSS JOIN LATERAL (SELECT * FROM ({pages}) {merged}) i"""
    return f"SELECT {_ITEM_COLUMNS} FROM {source} {_ITEM_JOINS} ORDER BY p.place, i.since, i.subject_id", where.args
