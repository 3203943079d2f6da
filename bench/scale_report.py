"""The table of `bench.scale`."""

import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from bench import orders

WANTED = 1.2  # times the processor time, at most


class Figure(NamedTuple):
    """One measurement, per call of server and database: processor time in microseconds, and bytes read from a disk.

    `given_up`: the share of 503.
    """

    per_second: float
    cpu_us: float
    read_bytes: float
    given_up: float


Found = dict[str, dict[int, list[Figure]]]
"""By kind of call, and by the size of the account."""


def _middle(figures: Sequence[Figure], of: Callable[[Figure], float]) -> tuple[float, float, float]:
    values = [of(figure) for figure in figures]
    return statistics.median(values), min(values), max(values)


def show(engine: str, found: Found, small: int, large: int) -> int:
    """Print the table; how many kinds of call missed what is wanted."""
    table = Table(title=f"{engine}: {small:,} against {large:,} requests (medians of the rounds; min – max)", box=None)
    for heading in (
        "what",
        "CPU ms, small",
        "CPU ms, large",
        "times",
        "calls/s, small",
        "calls/s, large",
        "times longer",
        "KiB from disk",
        "",
    ):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    missed = 0
    for kind, by_size in found.items():
        cpu = [_middle(by_size[size], lambda one: one.cpu_us / 1000) for size in (small, large)]
        rate = [_middle(by_size[size], lambda one: one.per_second) for size in (small, large)]
        disk = [statistics.median(one.read_bytes for one in by_size[size]) / 1024 for size in (small, large)]
        given_up = max(one.given_up for one in by_size[large])
        ratio = cpu[1][0] / cpu[0][0]
        met = ratio <= WANTED and not given_up
        missed += not met
        verdict = "met" if met else f"given up: {given_up:.0%}" if given_up else "missed"
        table.add_row(
            kind, *(f"{m:,.3f} ({a:,.3f} – {b:,.3f})" for m, a, b in cpu), f"{ratio:,.2f}",
            *(f"{m:,.0f} ({a:,.0f} – {b:,.0f})" for m, a, b in rate), f"{rate[0][0] / rate[1][0]:,.2f}",
            " / ".join(f"{kib:,.1f}" for kib in disk), verdict,
        )  # fmt: skip
    Console(width=190).print(table)
    Console(width=170).print(f"wanted: CPU ≤ {WANTED} times; {missed} of {len(found)} missed")
    return missed


async def statistics_of(url: str) -> str:
    """Which tables PostgreSQL's autovacuum has analysed and vacuumed by now."""
    sql = """SELECT count(*) AS n, count(last_autoanalyze) AS analyzed, count(last_autovacuum) AS vacuumed,
      count(last_analyze) + count(last_vacuum) AS by_hand FROM pg_stat_user_tables WHERE n_live_tup > 10000"""
    row = (await orders.rows(url, sql))[0]
    return (f"autovacuum, on as it comes, has analyzed {row['analyzed']} and vacuumed {row['vacuumed']} of {row['n']} large tables"
            f" by the end; by hand: {row['by_hand']}")  # fmt: skip
