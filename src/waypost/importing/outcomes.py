"""What becomes of each order or variant of a file, and what it all comes to."""

from typing import NamedTuple

from waypost.importing.items import Bad


class Outcome(NamedTuple):
    """`created`, `changed`, `unchanged` (it was so already) or `refused`, with the reasons."""

    word: str
    bads: tuple[Bad, ...] = ()


class Summary(NamedTuple):
    """What an import came to. `rows` counts those of this run; refused ones are counted over all runs of the file."""

    kind: str
    rows: int
    created: int
    changed: int
    unchanged: int
    refused: int  # orders or variants of this run
    rows_refused: int
    resumed_after: int  # the row up to which an earlier run had come; 0: from the beginning
    dry_run: bool
