"""A clock that stands still until it is told."""

START = 1_776_643_200_000_000  # microseconds: 2026-04-20T00:00:00Z
SECOND = 1_000_000


class ManualClock:
    """A `ports.Clock`: microseconds since 1970, UTC."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: float) -> int:
        """Move on (or back); the time it is then."""
        self.now += int(seconds * SECOND)
        return self.now
