"""Statements about what needs somebody: its items, and how many each group has."""

from collections.abc import Sequence

from waypost.app.ports.attention import AttentionQuery, Place
from waypost.domain.attention import REQUEST, SOURCE_DOWN, STUCK
from waypost.domain.clock_rules import WATCHED
from waypost.domain.failures import OTHER
from waypost.domain.statuses import Status
from waypost.storage.dialect import Dialect
from waypost.storage.queries import columns
from waypost.storage.queries.requests import Filter, quoted

_KEY = ("account_id", "source_id", "code", "since", "subject_id")
_GROUP = _KEY[:3]
_listed, _group = ", ".join(_KEY), ", ".join(_GROUP)
_IS_KEY = " AND ".join(f"{name} = ${place}" for place, name in enumerate(_KEY, 1))
_ADD = "ON CONFLICT (account_id, source_id, code) DO UPDATE SET total = g.total + excluded.total"

# The code of a request that needs somebody by its status alone: `domain.attention.item_of` in SQL.
STUCK_CODE = (
    f"CASE WHEN s.status = '{Status.PROCESSING_ERROR}' THEN coalesce(s.failure_code, '{OTHER}') ELSE s.status END"
)

# SQLite: one row each.
END_ITEM = f"DELETE FROM attention_item WHERE {_IS_KEY}"
BEGIN_ITEM = f"""INSERT INTO attention_item ({_listed}, subject, assignee, snoozed_until)
SELECT $1, $2, $3, $4, $5, $6, f.assignee, f.snoozed_until
FROM (SELECT 1) LEFT JOIN fulfillment_request f ON $6 = '{REQUEST}' AND f.id = $5 WHERE true ON CONFLICT DO NOTHING"""
ADD_TO_GROUP = f"INSERT INTO attention_group AS g ({_group}, total) VALUES ($1, $2, $3, $4) {_ADD}"
END_GROUP = "DELETE FROM attention_group WHERE account_id = $1 AND source_id = $2 AND code = $3 AND total = 0"

# PostgreSQL: all at once. $1 to $5 what ends, $6 to $11 what begins. Groups are locked in one order.
_TYPES = ("bigint", "bigint", "text", "bigint", "bigint", "text")
_ENDED = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(_TYPES[:5], 1))
_BEGUN = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(_TYPES, 6))
MOVE_ITEMS = f"""WITH ended AS (
  DELETE FROM attention_item i USING unnest({_ENDED}) AS c({_listed})
  WHERE {" AND ".join(f"i.{name} = c.{name}" for name in _KEY)} RETURNING {", ".join(f"i.{name}" for name in _GROUP)}
), begun AS (
  INSERT INTO attention_item ({_listed}, subject, assignee, snoozed_until)
  SELECT c.*, f.assignee, f.snoozed_until FROM unnest({_BEGUN}) AS c({_listed}, subject) LEFT JOIN LATERAL (
    SELECT r.assignee, r.snoozed_until FROM fulfillment_request r WHERE c.subject = '{REQUEST}' AND r.id = c.subject_id
    OFFSET 0) f ON true
  ON CONFLICT DO NOTHING RETURNING {_group}
) INSERT INTO attention_group AS g ({_group}, total)
SELECT {_group}, sum(by) FROM (SELECT *, 1 AS by FROM begun UNION ALL SELECT *, -1 FROM ended) b
GROUP BY {_group} HAVING sum(by) <> 0 ORDER BY {_group} {_ADD}"""
END_GROUPS = f"""DELETE FROM attention_group WHERE total = 0
  AND ({_group}) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[]))"""

# An item of a request says who cares for that and until when it is snoozed.
CARE = f"UPDATE attention_item SET assignee = $6, snoozed_until = $7 WHERE {_IS_KEY}"


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


def begun_by(moves: str, code: str) -> str:
    """CTEs for a statement of PostgreSQL that fails requests: their items, counted in their groups.

    `moves`: FROM clause of `cur` (account_id, owner: its source, id) and `counter` (last_at); `code`: SQL of the code.
    """
    return f"""noted AS (
  INSERT INTO attention_item ({_listed}, subject)
  SELECT cur.account_id, cur.owner, {code}, counter.last_at, cur.id, '{REQUEST}' FROM {moves}
  RETURNING {_group}
), counted AS (
  INSERT INTO attention_group AS g ({_group}, total)
  SELECT {_group}, count(*) FROM noted GROUP BY {_group} ORDER BY {_group} {_ADD}
)"""


# `source_down` is shown only while the hub sends the source something: not if it is paused, archived or set to `poll`.
# The subquery runs for groups of that code only, at most one for each source.
_IS_SENT_TO = f"""(g.code <> '{SOURCE_DOWN}' OR EXISTS (
    SELECT 1 FROM source_delivery d JOIN source o ON o.id = d.source_id
    WHERE d.source_id = g.source_id AND d.kind <> 'poll' AND NOT d.paused AND NOT o.archived))"""


# The group of an item, as expressions that no index has. With the bare columns, SQLite reads the keys of all items to
# have the groups in order, and PostgreSQL to find those of one source. Both shall read the small index of the assigned
# or the snoozed items.
_GROUP_NOT_INDEXED = "i.source_id + 0 AS source_id, i.code || '' AS code"


def _wanted(where: Filter, query: AttentionQuery) -> None:
    """Of items `i`: whose they are, and whether they are snoozed."""
    if query.assignee is not None:
        where.add("i.assignee = ?", query.assignee)
    if query.unassigned:
        where.terms.append("i.assignee IS NULL")
    if not query.snoozed:
        where.add("(i.snoozed_until IS NULL OR i.snoozed_until <= ?)", query.now)


def _of_groups(where: Filter, query: AttentionQuery, table: str) -> None:
    if query.source_id is not None:
        where.add(f"{table}.source_id = ?", query.source_id)
    where.any_of(f"{table}.code", query.codes, "text")
    if query.after is not None:
        where.add(f"{table}.source_id = ? AND {table}.code = ?", query.after.source_id, query.after.code)


def groups(query: AttentionQuery, dialect: Dialect) -> tuple[str, list[object]]:
    """Source, its name, code, how many, and the moment of the oldest. Costs the groups, and what is left out of them.

    What one person cares for is counted from that person's items; all else is the groups' totals, less what is snoozed
    or, where it is to be unassigned, assigned.
    """
    where, left_out = Filter(dialect), ""
    account = query.scope.account_id
    if query.assignee is not None:
        where.add("i.account_id = ?", account)
        _of_groups(where, query, "i")
        _wanted(where, query)
        counted = f"""SELECT source_id, code, count(*) AS total, min(since) AS oldest FROM (
            SELECT {_GROUP_NOT_INDEXED}, i.since FROM attention_item i WHERE {" AND ".join(where.terms)}) l
          GROUP BY source_id, code"""
    else:
        of_item = Filter(dialect)
        of_item.args = where.args
        of_item.terms.append("i.account_id = g.account_id AND i.source_id = g.source_id AND i.code = g.code")
        _wanted(of_item, query)
        where.add("g.account_id = ?", account)
        _of_groups(where, query, "g")
        where.terms.append(_IS_SENT_TO)
        counted = f"""SELECT g.source_id, g.code, g.total - coalesce(z.total, 0) AS total,
            (SELECT i.since FROM attention_item i WHERE {" AND ".join(of_item.terms)}
              ORDER BY i.since, i.subject_id LIMIT 1) AS oldest
          FROM attention_group g LEFT JOIN left_out z ON z.source_id = g.source_id AND z.code = g.code
          WHERE {" AND ".join(where.terms)}"""
        left_out = f"WITH left_out AS ({_left_out(where, query)}) "
    sql = f"""{left_out}SELECT n.source_id, w.name, n.code, n.total, n.oldest FROM ({counted}) n
      LEFT JOIN source w ON w.id = n.source_id WHERE n.total > 0 AND n.oldest IS NOT NULL
      ORDER BY n.oldest, n.source_id, n.code"""
    return sql, where.args


def _left_out(where: Filter, query: AttentionQuery) -> str:
    """How many of each group the query does not want: read from the index of just these."""
    parts = []
    rows = f"SELECT {_GROUP_NOT_INDEXED} FROM attention_item i WHERE"
    if query.unassigned:
        where.args.append(query.scope.account_id)
        parts.append(f"{rows} i.account_id = ${len(where.args)} AND i.assignee IS NOT NULL")
    if not query.snoozed:
        where.args += (query.scope.account_id, query.now)
        again = " AND i.assignee IS NULL" if query.unassigned else ""
        place = len(where.args)
        parts.append(f"{rows} i.account_id = ${place - 1} AND i.snoozed_until > ${place}{again}")
    if not parts:
        return "SELECT 0 AS source_id, '' AS code, 0 AS total"
    return f"SELECT source_id, code, count(*) AS total FROM ({' UNION ALL '.join(parts)}) l GROUP BY source_id, code"


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
    where.terms.append(
        "i.account_id = $1 AND i.source_id = p.source_id AND i.code = p.code"
        " AND (i.since, i.subject_id) > (p.since, p.subject_id)"
    )
    _wanted(where, query)
    page = f"WHERE {' AND '.join(where.terms)} ORDER BY i.since, i.subject_id LIMIT $2"
    if dialect.is_sqlite:
        fields = ", ".join(f"json_extract(value, '$[{place}]') AS {name}" for place, name in enumerate(Place._fields))
        source = f"""(SELECT key AS place, {fields} FROM json_each($3)) p CROSS JOIN attention_item i
  ON i.account_id = $1 AND i.source_id = p.source_id AND i.code = p.code AND (i.since, i.subject_id) IN (
    SELECT i.since, i.subject_id FROM attention_item i {page})"""
    else:
        arrays = "unnest($3::bigint[], $4::text[], $5::bigint[], $6::bigint[]) WITH ORDINALITY"
        source = f"""{arrays} AS p({", ".join(Place._fields)}, place)
CROSS JOIN LATERAL (SELECT i.* FROM attention_item i {page}) i"""
    return f"SELECT {_ITEM_COLUMNS} FROM {source} {_ITEM_JOINS} ORDER BY p.place, i.since, i.subject_id", where.args
