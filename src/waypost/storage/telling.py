"""Telling, after a commit, whose events it wrote: so that those who wait for them need not look again and again."""

from collections.abc import Iterable

from waypost.app.ports.events import Heard


class Teller:
    """The part of a store that is listened to."""

    def __init__(self) -> None:
        self._listeners: list[Heard] = []

    def listen(self, heard: Heard) -> None:
        """See `ports.Store`."""
        self._listeners.append(heard)

    def _tell(self, account_ids: Iterable[int]) -> None:
        if account_ids:
            for heard in self._listeners:
                heard(account_ids)
