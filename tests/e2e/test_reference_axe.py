"""axe-core on every page of the reference, light and wide or dark and narrow: nothing is found.

Each page is looked at one way, its neighbour the other way. `WAYPOST_AXE=all` (`make test-all`): each page both ways.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from tests.reference.test_pages import pages
from tests.support.browser import running_browser
from tests.support.process import ServerProcess

RULES = {"resultTypes": ["violations"], "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}
PARTS = 2  # each begins a server and a browser
LOOKS = (("light", 1440), ("dark", 390))
BOTH = os.environ.get("WAYPOST_AXE") == "all"


@asynccontextmanager
async def reader(scheme: str, width: int) -> AsyncIterator[Page]:
    """A page in a browser that is set so."""
    async with running_browser() as chromium:
        # axe is put into the page, which the policy of the page would refuse.
        context = await chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True,  # type: ignore[arg-type]
        )  # fmt: skip
        yield await context.new_page()


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize(("scheme", "width"), LOOKS)
async def test_axe_finds_nothing(scheme: str, width: int, part: int, migrated_url: str, tmp_path: Path) -> None:
    found = []
    async with ServerProcess(migrated_url, tmp_path / "log") as server, reader(scheme, width) as page:
        mine = sorted(pages())[part::PARTS]
        for url in mine if BOTH else mine[LOOKS.index((scheme, width)) :: len(LOOKS)]:
            await page.goto(server.url + url)
            await page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            report = (await Axe().run(page, options=RULES)).response
            found += [(url, one["id"], one["nodes"][0]["html"][:200]) for one in report["violations"]]
            wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wider <= 0, f"{url} is {wider} px wider than the window"
    assert found == []
