"""Measure, and show what grows: `python -m tests.growth --engine sqlite --only 'list_orders*'`."""

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.growth.databases import LARGE, POSTGRES, SEEMS_LARGE, SMALL, SQLITE, USUAL, Databases, Mode, partly_analyzed
from tests.growth.judging import judge, outdated
from tests.growth.measuring import Cost
from tests.growth.running import measure
from tests.growth.table import PAGE, Costs, lines
from tests.support.postgres import PostgresServer


class NoCall(Exception):
    """No call has a name that was asked for."""


async def run(databases: Databases, modes: list[Mode], only: str, large: int, verbose: bool) -> Costs:
    """Print what is wrong, mode by mode; everything that was measured. Raises NoCall."""
    costs: Costs = {}
    for mode in modes:
        small = await measure(databases, mode, SMALL, only)
        if not small:
            raise NoCall
        big = await measure(databases, mode, large, only)
        costs[mode] = small, big
        findings = [*judge(mode, small, big, large)]
        for name, before in small.items() if verbose else ():
            _show(mode, name, before, big[name])
        for finding in findings:
            print(finding)
        print(f"{mode.name}, {SMALL:,} and {large:,} requests: {len(findings)} findings, {len(small)} calls", flush=True)
    return costs


async def run_partly(databases: Databases, only: str, large: int) -> list[str]:
    """Print what is wrong while PostgreSQL knows little of its tables, or of some only; and give it."""
    mode = POSTGRES[1]
    small, found = await measure(databases, mode, SMALL, only), []
    for place, planted in enumerate((SEEMS_LARGE, *partly_analyzed())):
        what = f"some tables analysed ({place})" if place else "tables that seem large"
        findings = [*judge(mode, small, await measure(databases, mode, large, only, planted), large)]
        print(*findings, sep="\n", end="\n" * bool(findings))
        print(f"PostgreSQL, {what}, {SMALL:,} and {large:,} requests: {len(findings)} findings",
              flush=True)  # fmt: skip
        found += findings
    return found


def _show(mode: Mode, name: str, before: Cost, after: Cost) -> None:
    print(f"{name}: {before.total:,} -> {after.total:,} {mode.unit}")
    for text in sorted(after.by_statement, key=lambda text: -after.by_statement[text])[:8]:
        print(f"    {before.by_statement.get(text, 0):,} -> {after.by_statement[text]:,}: {' '.join(text.split())}")


def _options(arguments: Sequence[str] | None) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    """The parser, and what it found. Ends the process with 2 if the table would be written from a part."""
    parser = argparse.ArgumentParser(prog="tests.growth", description=__doc__)
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), help="both by default")
    parser.add_argument("--modes", choices=("plain", "analyzed", "all"), default="all",
                        help="of the first two columns of each engine: without or after ANALYZE; all: every column")
    parser.add_argument("--only", default="*", help="calls whose name has this text in it, or matches this glob, as in 'list_orders page=far "
                        f"as account': heading and filter of {PAGE.name}, and the kind of token")
    parser.add_argument("--large", type=int, default=LARGE,
                        help=f"requests of the large account, {LARGE:,} at least: some costs are reached only there")
    parser.add_argument("--verbose", action="store_true", help="every call with its statements")
    parser.add_argument("--write", action="store_true", help=f"write the table to {PAGE.name}")
    options = parser.parse_args(arguments)
    partial = [
        f"--{name}" for name in ("engine", "modes", "only", "large") if getattr(options, name) != parser.get_default(name)
    ]
    if not options.only:
        parser.error("--only '': name calls, or leave it out")
    if options.large < LARGE:
        parser.error(f"--large {options.large:,}: a comparison with {SMALL:,} requests needs {LARGE:,} at least")
    if options.write and partial:
        parser.error(f"--write needs a complete run, or {PAGE.name} shows a part only: leave out {' and '.join(partial)}")
    return parser, options


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it. `arguments`: by default those of the process."""
    parser, options = _options(arguments)
    modes = [mode for mode in (*SQLITE, *POSTGRES) if options.engine in (None, mode.engine)]
    if options.modes != "all":
        modes = [mode for mode in modes if mode.analyzed == (options.modes == "analyzed") and mode in USUAL]
    only = options.only if any(mark in options.only for mark in "*?[") else f"*{options.only}*"
    with tempfile.TemporaryDirectory(prefix="waypost-growth-") as folder, PostgresServer() as server:
        databases = Databases(Path(folder), server)
        try:
            costs = asyncio.run(run(databases, modes, only, options.large, options.verbose))
        except NoCall:
            parser.error(f"No call matches {options.only!r}")
        partly = POSTGRES[1] in modes and options.modes == "all"
        wrong = asyncio.run(run_partly(databases, only, options.large)) if partly else []
    wrong += [line for mode, (small, big) in costs.items() for line in judge(mode, small, big, options.large)]
    if len(modes) == len((*SQLITE, *POSTGRES)) and only == "*":
        wrong += outdated(costs)
        print(*outdated(costs), sep="\n")
    if options.write:
        PAGE.write_text("\n".join(lines(costs)) + "\n")
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
