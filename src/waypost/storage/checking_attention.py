"""Compares the attention list with what needs somebody, and the total of each group with its items."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from waypost.app.judging import Finding
from waypost.domain.attention import ANYBODY, ASSIGNED, REQUEST, SNOOZED, STUCK
from waypost.domain.clock_rules import WATCHED, Condition
from waypost.storage.queries.attention import STUCK_CODE
from waypost.storage.queries.requests import quoted

_ITEM = "subject, subject_id, account_id, source_id, code, since, assignee, snoozed_until"
# Found by the requests and by what was raised and not settled.
_FOUND = f"""SELECT i.subject, i.subject_id, i.account_id, i.source_id, i.code, i.since, f.assignee, f.snoozed_until
FROM (
  SELECT '{REQUEST}' AS subject, s.id AS subject_id, s.account_id, s.source_id, {STUCK_CODE} AS code,
    s.status_since AS since FROM fulfillment_request_state s WHERE s.status IN ({quoted(STUCK)})
  UNION ALL SELECT a.subject, a.subject_id, a.account_id, coalesce(a.source_id, 0), a.code, a.raised_at
  FROM attention a WHERE a.settled_at IS NULL
) i LEFT JOIN fulfillment_request f ON i.subject = '{REQUEST}' AND f.id = i.subject_id"""
_MISSING = f"{_FOUND} EXCEPT SELECT {_ITEM} FROM attention_item"
_STRAY = f"SELECT {_ITEM} FROM attention_item EXCEPT {_FOUND}"
_GROUP = "account_id, assignee, source_id, code, care"
_OF_GROUPS = f"""SELECT account_id, '{ANYBODY}' AS assignee, source_id, code, care FROM attention_item
  UNION ALL SELECT account_id, assignee, source_id, code, care FROM attention_item WHERE assignee IS NOT NULL"""
_TOTALS = f"""SELECT {_GROUP}, sum(said), sum(counted) FROM (
  SELECT {_GROUP}, total AS said, 0 AS counted FROM attention_group
  UNION ALL SELECT {_GROUP}, 0, count(*) FROM ({_OF_GROUPS}) i GROUP BY {_GROUP}
) g GROUP BY {_GROUP} HAVING sum(said) <> sum(counted) OR sum(said) = 0 ORDER BY {_GROUP}"""

_CARE_OF_ITEM = f"""SELECT subject, subject_id, code FROM attention_item
WHERE care NOT IN (0, {SNOOZED}) AND assignee IS NULL OR care NOT IN ({ASSIGNED}, {ASSIGNED + SNOOZED})
  AND assignee IS NOT NULL OR care >= {SNOOZED} AND snoozed_until IS NULL"""

_CASES = " ".join(f"WHEN '{status}' THEN '{code}'" for code, status in WATCHED.items())
_CODE_WATCHED = f"CASE s.status {_CASES} END"
# An alert is open only while its request stands where a rule watches, and says that it was alerted.
_OUTDATED = f"""SELECT a.subject_id, a.code FROM attention a
LEFT JOIN fulfillment_request_state s ON s.id = a.subject_id AND s.alerted AND a.code = {_CODE_WATCHED}
WHERE a.subject = '{REQUEST}' AND a.settled_at IS NULL AND a.code IN ({quoted(tuple(Condition))}) AND s.id IS NULL"""
_NEVER_RAISED = f"""SELECT s.id FROM fulfillment_request_state s LEFT JOIN attention a
  ON a.subject = '{REQUEST}' AND a.subject_id = s.id AND a.code = {_CODE_WATCHED}
WHERE s.alerted AND a.id IS NULL"""
_CARE = """SELECT s.id FROM fulfillment_request_state s JOIN fulfillment_request f ON f.id = s.id
WHERE s.cared <> (CASE WHEN f.assignee IS NULL AND f.snoozed_until IS NULL THEN 1 = 0 ELSE 1 = 1 END)
  OR s.held_until <> (CASE WHEN f.hold_until > 0 THEN f.hold_until ELSE 0 END)
  OR s.snoozed_until <> (CASE WHEN f.snoozed_until > 0 THEN f.snoozed_until ELSE 0 END)"""


async def attention(rows: Callable[[str], AsyncIterator[Sequence[Any]]]) -> AsyncIterator[Finding]:
    """What is missing on the list, listed without a reason or counted wrongly; requests whose marks are wrong."""
    async for row in rows(_MISSING):
        words = f"is missing from the attention list ({row[4]}), or is listed with another time, assignee or snooze."
        yield Finding("attention_item_missing", row[0], row[1], words)
    async for row in rows(_STRAY):
        words = f"should not be on the attention list ({row[4]}), or not with this time, assignee or snooze."
        yield Finding("attention_item_stray", row[0], row[1], words)
    async for row in rows(_CARE_OF_ITEM):
        words = f"is on the attention list ({row[2]}) with a wrong mark: it says whether it is assigned or snoozed."
        yield Finding("attention_care_differs", row[0], row[1], words)
    async for account_id, assignee, source_id, code, _, said, counted in rows(_TOTALS):
        place = f"source {source_id}" if source_id else "no source"
        whose = f" that {assignee} cares for" if assignee else ""
        items = f"{counted} items{whose} on the attention list"
        words = f"has {items} for {code} at {place}, but the list's total says {said}."
        yield Finding("attention_total_differs", "account", account_id, words)
    async for row in rows(_OUTDATED):
        words = f"has an open alert ({row[1]}) although it has left that status, or is not marked as alerted."
        yield Finding("alert_differs", REQUEST, row[0], words)
    async for row in rows(_NEVER_RAISED):
        yield Finding("alert_differs", REQUEST, row[0], "is marked as alerted, but has no alert.")
    async for row in rows(_CARE):
        words = "is marked wrongly: the marks say whether it has an assignee, and until when it is held and snoozed."
        yield Finding("care_differs", REQUEST, row[0], words)
