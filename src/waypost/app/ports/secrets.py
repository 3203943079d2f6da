"""A secret in the hands of the application: plain text that does not show itself in a log or an error."""


class Secret(str):
    """Text whose `repr` is hidden, so that the record that holds it can be logged. `str(…)` gives it as plain text."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"
