"""One import, from the first row to the last: batches, each with its mark in the same transaction.

After a crash the same file, told by its digest, goes on after the last batch that was committed.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from waypost.app.actor import Scope
from waypost.app.ports import Clock, Tx
from waypost.app.ports.imports import ImportRun
from waypost.app.writer import Writer
from waypost.domain.refusals import Conflict, Defect
from waypost.importing import files
from waypost.importing.columns import Column, Table, matched
from waypost.importing.items import Bad, Item
from waypost.importing.outcomes import Outcome, Summary
from waypost.importing.reporting import Report
from waypost.importing.rows import CsvRows, Row, json_rows

ROWS_AT_MOST = 5000  # of a batch, however few orders they are
Progress = Callable[[int, int], None]  # bytes read, bytes in all
Tell = Callable[[Bad], None]


class Kind(Protocol):
    """What the files of one kind are made of."""

    @property
    def kind(self) -> str:
        """Its name on the command line."""
        ...

    @property
    def table(self) -> Table:
        """The columns of its files."""
        ...

    @property
    def batch(self) -> int:
        """How many items one transaction stores."""
        ...

    def of_lines(self, rows: Iterable[Row]) -> Iterator[Item]:
        """The items of a file of JSON lines."""
        ...

    def of_records(self, rows: Iterable[Row], columns: Sequence[Column]) -> Iterator[Item]:
        """The items of a CSV file with these columns."""
        ...

    async def store(self, tx: Tx, items: Sequence[Item], now: int, dry_run: bool) -> list[Outcome]:
        """Store these; what became of each. `now` is in microseconds; `dry_run` stores nothing."""
        ...


class Asked(NamedTuple):
    """What is to be imported, and how."""

    path: Path
    scope: Scope  # where what the file does not say belongs
    form: str | None = None
    encoding: str = "utf-8"
    dry_run: bool = False
    report: Path | None = None


class Doors(NamedTuple):
    """What an import needs of the hub, and whom it tells what."""

    writer: Writer
    clock: Clock
    progress: Progress
    tell: Tell


MakeKind = Callable[[str], Kind]  # from the name of the run, for the events


async def import_file(asked: Asked, make: MakeKind, doors: Doors) -> Summary:
    """Import a file; raises `Unreadable` when it cannot be read at all, before anything is stored."""
    scanned = files.scan(asked.path, asked.encoding)
    kind = make(f"import-{scanned.digest[:8]}")
    form = files.form_of(asked.path, asked.form)
    with files.open_text(asked.path, asked.encoding) as text:
        if form == "jsonl":
            items = kind.of_lines(json_rows(text.stream))
        else:
            rows = CsvRows(text.stream, [column.name for column in kind.table.columns])
            items = kind.of_records(rows, matched(rows.header, kind.table))
        run = None if asked.dry_run else await _begin(asked, kind, form, scanned, doors)
        report = Report(asked.report, run.rows_done if run else 0)
        try:
            importer = _Importer(kind, run, report, doors)
            return await importer.run(items, lambda: doors.progress(text.at, scanned.size))
        finally:
            report.close()


async def _begin(asked: Asked, kind: Kind, form: str, scanned: files.Scanned, doors: Doors) -> ImportRun:
    """The run of this very content, read in this very way."""
    way = (form, asked.encoding.lower(), asked.scope.source_id, asked.scope.channel_id)
    digest = f"{scanned.digest}:{':'.join('' if part is None else str(part) for part in way)}"

    async def begin(tx: Tx, jobs: Sequence[int]) -> list[ImportRun]:
        return [await tx.begin_import(account, kind.kind, digest, doors.clock()) for account in jobs]

    return await doors.writer.submit(begin, asked.scope.account_id)


class _Importer:
    """Batches on their way."""

    def __init__(self, kind: Kind, run: ImportRun | None, report: Report, doors: Doors) -> None:
        self._kind = kind
        self._run = run
        self._begun_after = run.rows_done if run else 0
        self._report = report
        self._doors = doors
        self._words: Counter[str] = Counter()
        self._rows = 0
        self._rows_refused = run.rows_refused if run else 0

    async def run(self, items: Iterator[Item], progress: Callable[[], None]) -> Summary:
        """Everything that has not been settled before."""
        batch: list[Item] = []
        rows = 0
        for item in items:
            if item.last <= self._begun_after:
                continue
            batch.append(item)
            rows += item.rows
            if len(batch) >= self._kind.batch or rows >= ROWS_AT_MOST:
                await self._settle(batch)
                progress()
                batch, rows = [], 0
        await self._settle(batch, ends=True)
        progress()
        words = self._words
        return Summary(
            self._kind.kind, self._rows, words["created"], words["changed"], words["unchanged"], words["refused"],
            self._rows_refused, self._begun_after, self._run is None,
        )  # fmt: skip

    async def _settle(self, batch: Sequence[Item], ends: bool = False) -> None:
        """One batch; by halves, when the database refuses a value of it."""
        try:
            outcomes = await self._commit(batch, ends)
        except Defect:
            if len(batch) == 1:
                words = "The database refuses a value of it."
                lost = Item(
                    batch[0].first, batch[0].last, batch[0].rows, None, (Bad(batch[0].first, "", "internal", words),)
                )
                await self._settle([lost], ends)
                return
            middle = len(batch) // 2
            await self._settle(batch[:middle])
            await self._settle(batch[middle:], ends)
            return
        for item, outcome in zip(batch, outcomes, strict=True):
            self._words[outcome.word] += 1
            self._rows += item.rows
            if outcome.word == "refused":
                self._rows_refused += item.rows
                for bad in outcome.bads:
                    self._doors.tell(bad)

    async def _commit(self, batch: Sequence[Item], ends: bool) -> list[Outcome]:
        self._report.begin()
        run = self._run
        moved: list[ImportRun] = []

        async def work(tx: Tx, jobs: Sequence[Sequence[Item]]) -> list[list[Outcome]]:
            now = self._doors.clock()
            outcomes = await self._outcomes(tx, jobs[0], now)
            self._report.put(bad for outcome in outcomes for bad in outcome.bads)
            if run is not None:
                refused = sum(item.rows for item, one in zip(jobs[0], outcomes, strict=True) if one.word == "refused")
                done = jobs[0][-1].last if jobs[0] else run.rows_done
                moved[:] = [
                    run._replace(rows_done=done, rows_refused=run.rows_refused + refused, updated_at=now,
                                 finished_at=now if ends else None)
                ]  # fmt: skip
                if not await tx.advance_import(run, moved[0]):
                    raise Conflict("Another process is importing this file.")
            return [outcomes]

        results = await self._doors.writer.submit_alone(work, [batch])
        self._run = moved[0] if moved else run
        return results[0]

    async def _outcomes(self, tx: Tx, batch: Sequence[Item], now: int) -> list[Outcome]:
        good = [item for item in batch if item.draft is not None]
        stored = iter(await self._kind.store(tx, good, now, self._run is None) if good else [])
        return [Outcome("refused", item.bads) if item.draft is None else next(stored) for item in batch]
