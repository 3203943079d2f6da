"""How a transaction can end badly, in the writer's own words; drivers translate their engine's errors."""

DISK_FULL = "The database's disk is full."


class RolledBack(Exception):
    """Known to be rolled back through no fault of its own (serialization, deadlock): may run again, whole."""


class BadRow(Exception):
    """The database refuses a value of this batch: a defect, found by running the batch by halves."""
