"""Measure, and show what grows: `python -m tests.growth --engine sqlite --only 'list_orders*'`."""

import argparse
import asyncio
import fnmatch
import tempfile
from pathlib import Path

from tests.growth.databases import LARGE, POSTGRES, SMALL, SQLITE, Databases, Mode
from tests.growth.judging import grows
from tests.growth.measuring import Cost
from tests.growth.running import measure
from tests.support.postgres import PostgresServer


async def run(databases: Databases, modes: list[Mode], only: str, large: int, verbose: bool) -> int:
    """Print what grows; how many."""
    bad = 0
    for mode in modes:
        small, big = await measure(databases, mode, SMALL, only), await measure(databases, mode, large, only)
        growing = 0
        for name, before in small.items():
            after = big[name]
            if before.problem or after.problem:
                print(f"PROBLEM  {name}: {before.problem or after.problem}")
            elif before.returned != after.returned:
                print(f"RETURNS  {name}: {before.returned} and {after.returned}")
            elif verbose or grows(mode, before, after):
                growing += grows(mode, before, after)
                _show(mode, name, before, after, verbose)
        print(f"{mode.name}: {growing} of {len(small)} grow")
        bad += growing
    return bad


def _show(mode: Mode, name: str, before: Cost, after: Cost, verbose: bool) -> None:
    print(f"{'GROWS' if grows(mode, before, after) else 'holds'}  {name}: {before.total:,} -> {after.total:,} {mode.unit}")
    most = sorted(after.by_statement, key=lambda text: after.by_statement[text] - before.by_statement.get(text, 0))
    for text in reversed(most[-8:] if verbose else most[-1:]):
        print(f"       {before.by_statement.get(text, 0):,} -> {after.by_statement[text]:,}: {' '.join(text.split())[:1500]}")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="tests.growth", description=__doc__)
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), help="both by default")
    parser.add_argument("--modes", choices=("plain", "analyzed", "all"), default="all")
    parser.add_argument("--only", default="*", help="calls whose name matches this")
    parser.add_argument("--large", type=int, default=LARGE)
    parser.add_argument("--verbose", action="store_true", help="what does not grow, too, and every statement")
    options = parser.parse_args()
    modes = [mode for mode in (*SQLITE, *POSTGRES) if options.engine in (None, mode.engine)]
    if options.modes != "all":
        modes = [mode for mode in modes if mode.analyzed == (options.modes == "analyzed") and not mode.generic]
    only = options.only if any(mark in options.only for mark in "*?[") else f"*{options.only}*"
    assert fnmatch.translate(only)
    with tempfile.TemporaryDirectory(prefix="waypost-growth-") as folder, PostgresServer() as server:
        databases = Databases(Path(folder), server)
        raise SystemExit(1 if asyncio.run(run(databases, modes, only, options.large, options.verbose)) else 0)


if __name__ == "__main__":
    main()
