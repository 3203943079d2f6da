"""Items that need somebody, written as they are stored: far more groups than any test could make by calls."""

from typing import NamedTuple

from tests.support.filled import run_sql

LONG_AGO = 1_000_000_000_000_000  # microseconds: when the first of them began
FAR = LONG_AGO * 4  # a snooze that lasts


class Filling(NamedTuple):
    """Groups of one source: `x_00001`, `x_00002` and so on. The items of the last one are the oldest."""

    account: int
    source: int  # 0: none
    groups: int
    items: int = 1  # of each group
    snoozed_until: int | None = None
    assignee: str = ""
    request: int | None = None  # what all items are about; else of webhooks

    async def write(self, url: str) -> None:
        """Into the tables of the attention list."""
        care = (1 if self.assignee else 0) + (0 if self.snoozed_until is None else 2)
        until = "NULL" if self.snoozed_until is None else str(self.snoozed_until)
        subject = "'webhook', n * 1000 + m" if self.request is None else f"'fulfillment_request', {self.request}"
        number = "substr('0000' || n, length('0000' || n) - 4)"
        await run_sql(url, f"""WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < {self.groups}),
          h(m) AS (SELECT 1 UNION ALL SELECT m + 1 FROM h WHERE m < {self.items})
          INSERT INTO attention_item (account_id, source_id, code, care, since, subject, subject_id, assignee, snoozed_until)
          SELECT {self.account}, {self.source}, 'x_' || {number}, {care},
            {LONG_AGO} + CAST({self.groups} - n AS bigint) * 1000000 + m, {subject}, nullif('{self.assignee}', ''), {until}
          FROM g CROSS JOIN h""")  # fmt: skip
        for whose in {"", self.assignee}:
            await run_sql(url, f"""INSERT INTO attention_group (account_id, assignee, source_id, code, care, total)
              SELECT account_id, '{whose}', source_id, code, care, count(*) FROM attention_item
              WHERE account_id = {self.account} AND source_id = {self.source} AND care = {care}
              GROUP BY account_id, source_id, code, care""")  # fmt: skip
