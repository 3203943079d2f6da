"""The bench as a table a person can read: figures, then the issue's targets and whether they were met."""

from typing import NamedTuple

from rich.console import Console
from rich.table import Table

Figures = dict[str, dict[str, list[float]]]


class Target(NamedTuple):
    """A ratio to reach: `above` over `below`, of `key`; `most` turns the comparison round."""

    words: str
    above: str
    below: str
    wanted: float
    key: str = "per_second"
    below_key: str = "per_second"
    most: bool = False


_OUTGOING = (
    Target("10,000 hand-overs, 64 at once, to a source that answers in 20 ms, against a bare aiohttp loop", "hand-over 64", "bare orders 64", 0.6),
    Target("webhooks to 10 endpoints, one at a time each, against a bare aiohttp loop of 10", "webhooks 10", "bare messages 10", 0.5),
    Target("events that one reader of the feed sees, against the failures that 16 callers write", "fail 16, followed", "fail 16, followed", 0.95, "read_per_second"),
    Target("failures while one reader follows, against nobody", "fail 16, followed", "waypost fail 16", 0),
)  # fmt: skip
TARGETS: dict[str, tuple[Target, ...]] = {
    "sqlite": (
        Target("fail, 16 connections, against the conventional build", "waypost fail 16", "conventional fail 16", 20),
        Target("fail, 16 connections, against the raw loop in batches of 64", "waypost fail 16", "raw 64", 0.4),
        Target("fail with an Idempotency-Key, 16 connections, against without", "waypost fail_key 16", "waypost fail 16", 0),
        Target("fail, 16 connections, p99 against p50", "waypost fail 16", "waypost fail 16", 8, "p99_ms", "p50_ms", True),
        Target("get, 16 connections, against the bare function", "waypost get 16", "bare get 16", 0.4),
        Target("page of 50, 16 connections, against the conventional build", "waypost page 16", "conventional page 16", 15),
        Target("one raw commit against one fail (how many times longer)", "raw 1", "waypost fail 1", 1.6, most=True),
        Target("order of 3 lines with generation, 16 connections, against the raw loop of its rows", "waypost order 16", "raw order 64", 0.1),
        Target("orders of 3 lines imported from one CSV, against the raw loop of their rows", "waypost import", "raw import 64", 0.3),
        *_OUTGOING,
    ),
    "postgresql": (
        Target("fail, 16 connections, against the conventional build", "waypost fail 16", "conventional fail 16", 15),
        Target("fail, 16 connections, against pgbench with 16 clients", "waypost fail 16", "raw 16", 0.5),
        Target("fail with an Idempotency-Key, 16 connections, against without", "waypost fail_key 16", "waypost fail 16", 0),
        Target("fail, 16 connections, p99 against p50", "waypost fail 16", "waypost fail 16", 8, "p99_ms", "p50_ms", True),
        Target("get, 16 connections, against the bare function", "waypost get 16", "bare get 16", 0.4),
        Target("page of 50, 16 connections, against the conventional build", "waypost page 16", "conventional page 16", 15),
        Target("one pgbench transaction against one fail (how many times longer)", "raw 1", "waypost fail 1", 3, most=True),
        Target("order of 3 lines with generation, 16 connections, against the raw loop of its rows", "waypost order 16", "raw order 64", 0.1),
        Target("orders of 3 lines imported from one CSV, against the raw loop of their rows", "waypost import", "raw import 64", 0.3),
        *_OUTGOING,
    ),
}  # fmt: skip


def show(engine: str, figures: Figures, facts: dict[str, float]) -> None:
    """Print it."""
    console = Console(width=120)
    table = Table(title=f"{engine}: calls per second (median, min – max), latency in ms (medians)", box=None)
    for heading in ("what", "per second", "min – max", "p50", "p99"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for name, figure in figures.items():
        middle, low, high = figure["per_second"]
        latency = [f"{figure[key][0]:.2f}" if key in figure else "" for key in ("p50_ms", "p99_ms")]
        table.add_row(name, f"{middle:,.0f}", f"{low:,.0f} – {high:,.0f}", *latency)
    console.print(table)
    targets = Table(title=f"{engine}: targets", box=None)
    for heading in ("ratio of medians", "is", "wanted", ""):
        targets.add_column(heading, justify="left" if heading == "ratio of medians" else "right")
    for target in TARGETS[engine]:
        ratio = figures[target.above][target.key][0] / figures[target.below][target.below_key][0]
        met = ratio <= target.wanted if target.most else ratio >= target.wanted
        sign = "≤" if target.most else "≥"
        wanted = f"{sign} {target.wanted:g}" if target.wanted else "told"
        targets.add_row(target.words, f"{ratio:.2f}", wanted, "" if not target.wanted else "met" if met else "missed")
    console.print(targets)
    for name, value in facts.items():
        console.print(f"{name.replace('_', ' ')}: {value:.2f}")
