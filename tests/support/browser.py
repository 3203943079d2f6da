"""The browser of this machine; `make test` has made sure that there is one."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# A free port may be one that the browser keeps for others, and would not go to.
_KEPT_PORTS = (
    1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
)  # fmt: skip
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    f"--explicitly-allowed-ports={','.join(map(str, _KEPT_PORTS))}",
]  # fmt: skip


def browser() -> str:
    """Its path."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    assert found is not None, "no Chromium: scripts/ensure-browser installs it"
    return found


@asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    """The browser, until the end of the block. It takes more than a second of a processor to start: share it."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=browser(), args=QUIET)
        yield chromium
        await chromium.close()
