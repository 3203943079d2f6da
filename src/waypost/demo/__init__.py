"""A believable merchant for an empty database: made through the hub's own use cases, so its histories are real."""

from waypost.demo.merchant import DatabaseInUse, Demo, fill

__all__ = ["DatabaseInUse", "Demo", "fill"]
