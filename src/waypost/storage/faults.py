"""How a transaction can end badly, in the writer's own words; drivers translate their engine's errors."""

from waypost.domain.refusals import Unavailable

DISK_FULL = "The database's disk is full."


class RolledBack(Exception):
    """Known to be rolled back through no fault of its own (serialization, deadlock): may run again, whole."""


class BadRow(Exception):
    """The database refuses a value of this batch: a defect, found by running the batch by halves."""


class LockHeld(Unavailable):
    """Somebody outside holds a lock that this batch needs. Nothing was done: it may run again, whole or in parts."""

    def __init__(self) -> None:
        message = "The database did not make the change in time: another process may hold a lock."
        super().__init__(message, retry_after_s=1)
