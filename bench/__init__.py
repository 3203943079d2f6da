"""Measured side by side in one run: Waypost, the limits of the machine, and a conventional build of the same calls."""
