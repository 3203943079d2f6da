"""What may grow, and how much."""

from tests.growth.databases import Mode
from tests.growth.measuring import Cost

TIMES = 1.5
STEPS, BUFFERS = 500, 16  # more than that many times as much


def bound(mode: Mode, small: Cost) -> float:
    """What the same call may cost on the large database."""
    return TIMES * small.total + (STEPS if mode.engine == "sqlite" else BUFFERS)


def grows(mode: Mode, small: Cost, large: Cost) -> bool:
    """Whether it costs more than it may."""
    return large.total > bound(mode, small)
