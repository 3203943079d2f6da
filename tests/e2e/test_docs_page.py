"""The reference page in a real browser: find the fail operation, paste a token, send it, see the 204."""

import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Locator, Page, async_playwright, expect

from tests.fault.merchant import fill
from tests.support.database import rows
from tests.support.process import ServerProcess

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE_MS = 30_000


def browser() -> str:
    """The browser of this machine; `make test` has made sure that there is one."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    assert found is not None, "no Chromium: scripts/ensure-browser installs it"
    return found


async def open_the_fail_operation(page: Page, url: str) -> Locator:
    """Find it in the list at the side, and open the form that calls it."""
    await page.goto(f"{url}/docs")
    await page.get_by_role("link", name="Report that processing failed").first.click()
    operation = page.locator("[id$='tag/fulfillment-requests/PATCH/fulfillment-requests/{id}/processing-failed']")
    await operation.get_by_role("button", name="Test Request").first.click()
    return page.get_by_role("dialog")


async def write(page: Page, field: Locator, text: str) -> None:
    """Type over what stands in a field."""
    await field.click()
    await page.keyboard.press("Control+A")
    await page.keyboard.type(text)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_a_reader_fails_a_request(migrated_url: str, tmp_path: Path) -> None:
    token, ids = await fill(migrated_url, 3)
    async with ServerProcess(migrated_url, tmp_path / "server.log") as server, async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=browser(), args=QUIET)
        page = await chromium.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(PATIENCE_MS)
        hosts: set[str | None] = set()
        faults: list[str] = []
        page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
        page.on("pageerror", lambda error: faults.append(str(error)))
        form = await open_the_fail_operation(page, server.url)
        await write(page, form.locator("input.scalar-password-input").first, token)
        await write(page, form.locator("[contenteditable=true][aria-label=' Value']").first, str(ids[1]))
        await form.get_by_role("button", name="Send").first.click()
        await expect(form.get_by_text("204").first).to_be_visible(timeout=PATIENCE_MS)
        await page.screenshot(path=str(tmp_path / "sent.png"))
        await chromium.close()
    assert faults == []
    assert hosts - {None} == {"127.0.0.1"}  # nothing is asked of anybody else
    states = await rows(migrated_url, "SELECT status, failure_reason FROM fulfillment_request_state ORDER BY id")
    assert [state["status"] for state in states] == ["processing", "processing_error", "processing"]
    assert states[1]["failure_reason"] == "Out of stock"
