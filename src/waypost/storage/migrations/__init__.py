"""The revisions of the schema, oldest first; each has its file in `versions`; a test holds them together.

Read at every start, so it imports nothing heavy: SQLAlchemy and Alembic are loaded by `run`, when it has to.
"""

from pathlib import Path
from typing import NamedTuple


class Plan(NamedTuple):
    """The revisions a program knows, in order, and the folders that hold their files."""

    revisions: tuple[str, ...]
    folders: tuple[Path, ...]

    @property
    def head(self) -> str:
        """The revision that the program works with."""
        return self.revisions[-1]


_REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012", "0013",
              "0014", "0015", "0016", "0017")  # fmt: skip
PLAN = Plan(_REVISIONS, (Path(__file__).parent / "versions",))
HEAD = PLAN.head
SEALED_SINCE = "0009"  # the revision that encrypts secrets
