"""The table as a reviewed file: one line for each operation that takes a key, one column for each case."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tests.idempotency.calls import calls
from tests.idempotency.cases import Cells

EXPECTED = Path(__file__).with_name("expected.txt")
HEAD_ENDS = "# ----"
COLUMNS = ("first", "dry", "refused", "again", "other", "later", "rotated", "family", "restart", "busy", "batch", "processes")
_GAP = "  "


def rendered(lines: Mapping[str, Cells]) -> Iterator[str]:
    """The lines of the file, below its head."""
    table = [("operation", *COLUMNS), *((name, *(cells[column] for column in COLUMNS)) for name, cells in lines.items())]
    widths = [max(len(row[place]) for row in table) for place in range(len(COLUMNS) + 1)]
    for row in table:
        yield _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def expected() -> dict[str, Cells]:
    """The reviewed table, by operation."""
    lines = EXPECTED.read_text().splitlines()
    head, *rows = lines[lines.index(HEAD_ENDS) + 1 :] or [_GAP.join(("operation", *COLUMNS))]
    starts = [head.index(column) for column in ("operation", *COLUMNS)]
    found = {}
    for row in rows:
        name, *cells = [row[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]
        found[name] = dict(zip(COLUMNS, cells, strict=True))
    return found


def with_head(lines: Iterable[str]) -> str:
    """The file: its head as it is, and these lines."""
    head = EXPECTED.read_text().splitlines()
    return "\n".join([*head[: head.index(HEAD_ENDS) + 1], *lines]) + "\n"


def in_order(found: Mapping[str, Cells]) -> dict[str, Cells]:
    """The lines in the order of the document."""
    return {name: found[name] for name in calls() if name in found}
