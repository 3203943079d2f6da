"""One mutant: what a user would suffer, the change of the source, and the tests that must fail because of it."""

from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]


class NotApplicable(Exception):
    """The old text is not there exactly once, or the new one is no Python."""


class Mutant(NamedTuple):
    """`old` stands exactly once in `file` (below src/waypost) and becomes `new`. Each of `tests` must fail then.

    A test is a node id of pytest; one without parameters stands for all of its parameters, and each of them must fail.
    """

    name: str
    harm: str  # what would go wrong for a user, in one sentence
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    @property
    def path(self) -> str:
        """The file, from the root of the repository."""
        return f"src/waypost/{self.file}"

    def applied_to(self, text: str) -> str:
        """The source with the breakage; raises `NotApplicable`."""
        count = text.count(self.old)
        if count != 1:
            raise NotApplicable(f"{self.name}: the old text stands {count} times in {self.path}, not once.")
        broken = text.replace(self.old, self.new)
        if broken == text:
            raise NotApplicable(f"{self.name}: it changes nothing.")
        try:
            compile(broken, self.path, "exec")
        except SyntaxError as error:
            raise NotApplicable(f"{self.name}: the new text is no Python: {error}.") from error
        return broken
