"""Calls that leave the hub for addresses that others have given: checked after resolution, and pinned."""
