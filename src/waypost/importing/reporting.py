"""The report of bad rows: a table as CSV or JSON Lines, exact across crashes.

What a batch adds is written before the batch commits; a batch that runs again writes over it, and a run that is
taken up again drops what stands after the last row that was settled.
"""

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from waypost.importing.items import Bad
from waypost.private_files import open_private

HEADINGS = Bad._fields


class Report:
    """A report file; without a path nothing is written. `settled`: the row after which this run begins."""

    def __init__(self, path: Path | None, settled: int = 0) -> None:
        self._path = path
        self._json = path is not None and path.suffix.lower() in (".jsonl", ".ndjson", ".json")
        kept = [bad for bad in self._read() if bad.row <= settled] if settled else []
        self._file: TextIO | None = None
        if path is not None:
            self._file = open_private(path)
            if not self._json:
                csv.writer(self._file).writerow(HEADINGS)
            self._write(kept)
        self._batch_at = 0
        self.begin()

    def _read(self) -> list[Bad]:
        """What an earlier run has left; a line that it did not finish is none."""
        if self._path is None or not self._path.exists():
            return []
        with self._path.open(encoding="utf-8", newline="") as file:
            rows = [_of_json(line) for line in file] if self._json else list(csv.reader(file))[1:]
        return [Bad(int(row[0]), *row[1:]) for row in rows if len(row) == len(HEADINGS)]

    def begin(self) -> None:
        """A batch begins: `put` writes from here on, however often it is called."""
        if self._file is not None:
            self._batch_at = self._file.tell()

    def put(self, bads: Iterable[Bad]) -> None:
        """What is wrong in the present batch."""
        if self._file is not None:
            self._file.seek(self._batch_at)
            self._file.truncate()
            self._write(bads)

    def _write(self, bads: Iterable[Bad]) -> None:
        if self._file is None:
            return
        if self._json:
            self._file.writelines(json.dumps(bad._asdict(), ensure_ascii=False) + "\n" for bad in bads)
        else:
            csv.writer(self._file).writerows(bads)
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def _of_json(line: str) -> list[str]:
    try:
        found = json.loads(line)
        return [str(found[name]) for name in HEADINGS]
    except (ValueError, KeyError, TypeError):
        return []
