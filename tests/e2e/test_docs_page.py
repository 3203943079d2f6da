"""The reference page in a real browser: find the fail operation, paste a token, send it, see the 204."""

import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, async_playwright

from tests.fault.merchant import fill
from tests.support.process import ServerProcess

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def browser() -> str:
    """The browser of this machine; `make test` has made sure that there is one."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    assert found is not None, "no Chromium: scripts/ensure-browser installs it"
    return found


async def send_failure(page: Page, url: str, token: str, id_: int) -> None:
    """What a reader does."""
    await page.goto(f"{url}/docs#tag/fulfillment-requests/PATCH/fulfillment-requests/{{id}}/processing-failed")
    operation = page.locator("[id='tag/fulfillment-requests/PATCH/fulfillment-requests/{id}/processing-failed']").last
    await operation.get_by_role("button", name="Test Request").first.click()
    client = page.get_by_role("dialog")
    await client.wait_for()
    await fill_in(page, client, token, id_)
    await client.get_by_role("button", name="Send").first.click()


async def fill_in(page: Page, client, token: str, id_: int) -> None:  # type: ignore[no-untyped-def]
    """Token, id and reason."""


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_a_reader_fails_a_request(database_url: str, tmp_path: Path) -> None:
    token, ids = await fill(database_url, 3)
    async with ServerProcess(database_url, tmp_path / "server.log") as server, async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=browser(), args=QUIET)
        page = await chromium.new_page(viewport={"width": 1400, "height": 1000})
        hosts: set[str | None] = set()
        page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
        await send_failure(page, server.url, token, ids[0])
