"""How fast pages of the reference are for a reader: `python -m bench.pages`.

A real server, a real browser with the CPU throttled four times, a cold cache each time. Prints for each page the bytes over the
wire with everything that it needs, and the time of its first content, the median of several loads.
"""

import argparse
import asyncio
import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright

from tests.support.browser import QUIET, browser
from tests.support.process import ServerProcess

PAGES = (
    "", "docs/", "docs/errors", "docs/search?q=failed", "docs/operations/fail_fulfillment_request",
    "docs/operations/edit_fulfillment_request", "docs/operations/create_order", "docs/guides/operations",
)  # fmt: skip
SLOWER = 4


async def load(chromium: Browser, url: str) -> tuple[float, int]:
    """First content in milliseconds, and bytes over the wire."""
    context = await chromium.new_context()
    page = await context.new_page()
    session = await context.new_cdp_session(page)
    received = 0

    def count(event: dict[str, Any]) -> None:
        nonlocal received
        received += int(event["encodedDataLength"])

    session.on("Network.loadingFinished", count)
    await session.send("Network.enable")
    await session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    await page.goto(url, wait_until="networkidle")
    painted: float = await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    await context.close()
    return painted, received


async def measure(rounds: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        server = ServerProcess(f"sqlite:///{folder}/hub.db", Path(folder) / "log", "--demo")
        async with server, async_playwright() as playwright:
            chromium = await playwright.chromium.launch(executable_path=browser(), args=QUIET)
            print(f"{'page':45} {'bytes':>7} {'first content, ms':>18}")
            for path in PAGES:
                found = [await load(chromium, f"{server.url}/{path}") for _ in range(rounds)]
                print(f"/{path:44} {found[0][1]:7} {statistics.median(ms for ms, _ in found):18.0f}")
            await chromium.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="how often each page is loaded")
    asyncio.run(measure(parser.parse_args().rounds))
