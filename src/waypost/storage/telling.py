"""Telling, after a commit, whose events it wrote: so that those who wait for them need not look again and again."""

import logging
from collections.abc import Callable, Iterable

from waypost.app.ports.events import Heard

_log = logging.getLogger("waypost.database")


class Teller:
    """The part of a store that is listened to."""

    def __init__(self) -> None:
        self._listeners: list[Heard] = []

    def listen(self, heard: Heard) -> Callable[[], None]:
        """See `ports.Store`."""
        self._listeners.append(heard)
        return lambda: self._listeners.remove(heard)

    def _tell(self, account_ids: Iterable[int]) -> None:
        """The change is stored: a listener that fails must not make its caller think that it is not."""
        if account_ids:
            for heard in tuple(self._listeners):
                try:
                    heard(account_ids)
                except Exception:
                    _log.exception("a listener failed after a commit")
