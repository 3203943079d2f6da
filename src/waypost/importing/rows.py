"""Rows of a file, one after the other: records of CSV, lines of JSON Lines. A broken one is one bad row.

Rows are numbered as a spreadsheet shows them: the header of a CSV file is row 1; of JSON Lines the first line.
"""

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TextIO

from waypost.importing.files import Unreadable

LINE_AT_MOST = 1024 * 1024  # characters
FIELD_AT_MOST = 131_072  # characters; the parser's own bound: a quote that is never closed ends here
SEPARATORS = (",", ";", "\t")


class Row(NamedTuple):
    """One row: its cells (CSV) or its text (JSON Lines), or what is wrong with it as a whole."""

    number: int
    cells: Sequence[str] = ()
    text: str = ""
    fault: tuple[str, str] | None = None  # code, words


class Lines:
    """Physical lines, with a memory of those that the present record has taken, so that they can be given back."""

    def __init__(self, stream: TextIO) -> None:
        self._read = stream.readline
        self._back: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        given_back = bool(self._back)
        line = self._back.popleft() if given_back else self._read(LINE_AT_MOST)
        if not line:
            raise StopIteration
        self.taken.append(line)
        if len(line) >= LINE_AT_MOST and not line.endswith("\n"):
            if not given_back:
                self._skip()
            raise csv.Error(f"a line has at most {LINE_AT_MOST} characters")
        if "\0" in line:
            raise csv.Error("U+0000 is not text")
        return line

    def _skip(self) -> None:
        """Leave out what is left of a line that is too long."""
        line = "…"
        while line and not line.endswith("\n"):
            line = self._read(LINE_AT_MOST)

    def put(self, line: str) -> None:
        """Read this first."""
        self._back.append(line)

    def keep_first(self) -> None:
        """Give back all but the first line of the present record."""
        self._back.extendleft(reversed(self.taken[1:]))


def separator_of(line: str, known: Sequence[str]) -> str:
    """The separator that makes the most known names of the header."""
    folded = {name.casefold() for name in known}

    def names(separator: str) -> int:
        cells = next(csv.reader([line], delimiter=separator), [])
        return sum(_name(cell).casefold() in folded for cell in cells)

    return max(SEPARATORS, key=names)


def _name(cell: str) -> str:
    return cell.strip().strip("\ufeff")


class CsvRows:
    """The records of a CSV file. `header` is there once it is made; iterating gives what comes after it."""

    def __init__(self, stream: TextIO, known: Sequence[str]) -> None:
        first = stream.readline(LINE_AT_MOST)
        self._lines = Lines(stream)
        if first:
            self._lines.put(first)
        try:
            self._separator = separator_of(first, known)
            cells = next(csv.reader(self._lines, delimiter=self._separator), [])
        except csv.Error as error:
            raise Unreadable(f"The first row, which names the columns, cannot be read: {error}.") from None
        self.header = [_name(cell) for cell in cells]
        while self.header and not self.header[-1]:
            self.header.pop()  # separators at the end of a row name nothing

    def __iter__(self) -> Iterator[Row]:
        number, lines, width = 1, self._lines, len(self.header)
        reader = self._reader()
        while True:
            lines.taken.clear()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                number += 1
                lines.keep_first()  # a quote that is not closed swallows what follows: that gets its own chance
                reader = self._reader()
                yield Row(number, fault=("broken_row", f"It cannot be read: {error}."))
                continue
            number += 1
            if len(cells) == width:
                yield Row(number, cells)
            elif cells and any(cells):
                yield self._misfit(number, cells, width)

    def _reader(self) -> Iterator[list[str]]:
        return csv.reader(self._lines, delimiter=self._separator, strict=True)

    def _misfit(self, number: int, cells: list[str], width: int) -> Row:
        if len(cells) > width and not any(cells[width:]):
            return Row(number, cells[:width])
        self._lines.keep_first()
        return Row(number, fault=("wrong_columns", f"It has {len(cells)} fields, and the header has {width}."))


def json_rows(stream: TextIO) -> Iterator[Row]:
    """The lines of a JSON Lines file; blank ones count and say nothing."""
    number = 0
    while True:
        line = stream.readline(LINE_AT_MOST)
        if not line:
            return
        number += 1
        if len(line) >= LINE_AT_MOST and not line.endswith("\n"):
            while line and not line.endswith("\n"):
                line = stream.readline(LINE_AT_MOST)
            yield Row(number, fault=("too_long", f"A line has at most {LINE_AT_MOST} characters."))
        elif not line.isspace():
            yield Row(number, text=line)
