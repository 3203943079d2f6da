"""Whole jobs of a reader at the reference, in a real browser against a real hub: find, read, try, do, see, and be refused."""

import asyncio
import os
import secrets
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Route, expect

from tests.support.browser import running_browser
from tests.support.database import rows
from tests.support.keys import key_file_for
from tests.support.process import ServerProcess
from waypost.demo import Demo, fill
from waypost.storage.opening import open_store

PATIENCE_MS = 20_000
WIDTHS = (1440, 390)
FAIL = "docs/operations/fail_fulfillment_request"


class Reader(NamedTuple):
    """A reader with a browser, and the merchant whose tokens are known."""

    page: Page
    url: str
    demo: Demo
    database: str

    @property
    def tester(self) -> Locator:
        """The tester of the page."""
        return self.page.locator(".tester")

    @property
    def note(self) -> Locator:
        """What the tester says of the reply."""
        return self.tester.locator("[data-part=note]")

    @property
    def offer(self) -> Locator:
        """The ids of the reader's own that the tester offers."""
        return self.tester.locator("#try-offer")

    async def paste(self, token: str) -> None:
        """Give the tester a token."""
        await self.tester.get_by_label("Token", exact=True).fill(token)
        await self.tester.get_by_role("button", name="Use this token").click()

    async def states(self) -> dict[int, str]:
        """Requests with their status, from the database."""
        found = await rows(self.database, "SELECT id, status FROM fulfillment_request_state ORDER BY id")
        return {row["id"]: row["status"] for row in found}


Open = Callable[..., AbstractAsyncContextManager[Reader]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for all readers; each has cookies, storage and cache of his own."""
    async with running_browser() as running:
        yield running


@pytest.fixture
async def reader(migrated_url: str, tmp_path: Path, chromium: Browser) -> Open:
    """Opens a hub with the demo merchant, and a browser; fails for an error on a page, and for a call to another host."""
    store = await open_store(migrated_url, key_file=key_file_for(migrated_url))
    demo = await fill(store, 40, 1, time.time_ns() // 1000, secrets.token_bytes)
    await store.close()

    @asynccontextmanager
    async def opened(width: int, *options: str, default_rates: bool = True, java_script: bool = True) -> AsyncIterator[Reader]:
        hosts: set[str | None] = set()
        faults: list[str] = []
        leaks: list[str] = []
        server = ServerProcess(migrated_url, tmp_path / "server.log", *options, default_rates=default_rates)
        async with (
            server,
            await chromium.new_context(
                viewport={"width": width, "height": 844}, java_script_enabled=java_script, has_touch=width < 500
            ) as context,
        ):
            page = await context.new_page()
            page.set_default_timeout(PATIENCE_MS)
            page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
            page.on("request", lambda request: leaks.append(request.url) if "wp_" in request.url else None)
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", lambda line: faults.append(line.text) if "Content Security Policy" in line.text else None)
            yield Reader(page, server.url, demo, migrated_url)
            if java_script:
                assert await page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
        assert faults == []
        assert leaks == []  # a token in a URL
        assert hosts <= {"127.0.0.1", "localhost"}
        log = (tmp_path / "server.log").read_text()
        assert [one for one in (demo.account_token, *(t.token for t in demo.source_tokens)) if one in log] == []

    return opened


pytestmark = [pytest.mark.parametrize("engine", ["sqlite"], indirect=True), pytest.mark.asyncio(loop_scope="module")]


async def in_view(part: Locator) -> bool:
    """Whether at least its beginning can be seen without scrolling."""
    seen: bool = await part.evaluate("one => { const box = one.getBoundingClientRect(); return box.top >= 0 && box.top < innerHeight - 40; }")
    return seen


@pytest.mark.parametrize("width", WIDTHS)
async def test_find_read_try_and_fail_a_request(reader: Open, width: int) -> None:
    async with reader(width) as it:
        page = it.page
        await page.goto(f"{it.url}/docs/")
        await page.get_by_label("Search calls, fields, codes, settings and guides").fill("processing-failed")
        await page.get_by_role("main").get_by_role("button", name="Search").click()
        await page.get_by_role("main").get_by_role("link", name="Fail Fulfillment Request").first.click()
        await expect(page).to_have_url(f"{it.url}/{FAIL}")

        await expect(page.get_by_role("heading", level=1)).to_have_text("Fail Fulfillment Request")
        await expect(page.locator(".lead")).to_contain_text("Use this when")
        await expect(page.locator(".move")).to_contain_text("Processing Error")
        await expect(page.locator("pre.curl")).to_contain_text(f"{it.url}/fulfillment-requests/2/processing-failed")

        await expect(it.tester).to_contain_text("waypost token create")
        await it.paste(it.demo.account_token)
        offer = it.offer
        await expect(offer.locator("option").first).to_contain_text("Process")
        offered = [int(await one.get_attribute("value") or 0) for one in await offer.locator("option").all()]
        before = await it.states()
        assert offered[-1] == 0
        assert set(offered[:-1]) == {id_ for id_, status in before.items() if status in ("processing", "processed")}
        wanted = offered[1]
        await offer.select_option(str(wanted))

        await it.tester.get_by_role("button", name="Send dry run").click()
        await expect(it.note).to_contain_text("would move from")
        await expect(it.note).to_contain_text("Nothing changed")
        assert await in_view(it.note)
        assert await it.states() == before

        await it.tester.get_by_role("button", name="Send for real").click()
        await expect(it.note).to_contain_text("moved from")
        await expect(it.note).to_contain_text("204")
        assert await in_view(it.note)
        assert await it.states() == {**before, wanted: "processing_error"}
        await expect(it.tester.locator("[data-part=raw]")).to_contain_text("x-auth-pool-used")

        await it.tester.get_by_role("button", name="See its timeline").click()
        await expect(it.tester.locator(".time .bad").last).to_contain_text("Out of stock")
        await expect(it.tester.locator(".time .bad").last).to_contain_text("fulfillment_request.failed")

        await it.tester.get_by_role("button", name="Send again").click()
        await expect(it.note).to_contain_text("400")
        await expect(it.note).to_contain_text("Processing Error")
        allowed = it.note.locator("a.tag")
        assert await allowed.all_text_contents() == ["process", "acknowledge", "adjust", "cancel", "void", "ship"]
        await allowed.first.click()
        await expect(page).to_have_url(f"{it.url}/docs/operations/process_fulfillment_request?id={wanted}")
        await expect(it.offer).to_have_value(str(wanted))  # the token is still there, and so is the id


async def test_with_the_keyboard_alone(reader: Open) -> None:
    async with reader(1440) as it:
        page = it.page
        await page.goto(f"{it.url}/docs/errors")
        await page.keyboard.press("/")
        await page.keyboard.type("fail fulfillment request")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("main").get_by_role("link").first).to_have_text("Fail Fulfillment Request")
        await page.get_by_role("main").get_by_role("searchbox").focus()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(f"{it.url}/{FAIL}")
        await page.keyboard.press("Tab")
        await expect(page.locator(".skip")).to_be_focused()
        await page.keyboard.press("Enter")
        for _ in range(20):
            if await page.evaluate("document.activeElement.id") == "try-token":
                break
            await page.keyboard.press("Tab")
        await page.keyboard.type(it.demo.account_token)
        await page.keyboard.press("Enter")
        await expect(it.offer).to_be_focused()
        await expect(it.offer.locator("option").first).to_contain_text("Process")
        before = await it.states()
        await page.keyboard.press("Control+Enter")
        await expect(it.note).to_contain_text("would move")
        await expect(it.note).to_be_focused()
        assert await it.states() == before
        for _ in range(10):
            if await page.evaluate("document.activeElement.textContent") == "Send for real":
                break
            await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(it.note).to_contain_text("moved from")
        after = await it.states()
        assert sum(before[id_] != after[id_] for id_ in before) == 1


async def test_a_source_is_offered_its_own(reader: Open) -> None:
    async with reader(1440) as it:
        await it.page.goto(f"{it.url}/{FAIL}")
        source = it.demo.source_tokens[0]
        await it.paste(source.token)
        offer = it.offer
        await expect(offer.locator("option").first).to_contain_text("Process")
        offered = {int(await one.get_attribute("value") or 0) for one in await offer.locator("option").all()} - {0}
        of_source = {row["id"] for row in await rows(it.database, f"SELECT id FROM fulfillment_request_state WHERE source_id = {source.id}")}
        assert offered
        assert offered <= of_source
        foreign = next(id_ for id_, status in (await it.states()).items() if status == "processing" and id_ not in of_source)
        await offer.select_option(label="Another id …")
        await it.tester.get_by_label("fulfillmentRequestId").fill(str(foreign))
        await it.tester.get_by_role("button", name="Send for real").click()
        await expect(it.note).to_contain_text("404")
        await expect(it.note).to_contain_text("your token belongs to")
        assert (await it.states())[foreign] == "processing"


@pytest.mark.parametrize("width", WIDTHS)
async def test_a_wrong_token_a_wrong_id_and_wrong_input(reader: Open, width: int) -> None:
    async with reader(width) as it:
        await it.page.goto(f"{it.url}/{FAIL}")
        await it.tester.get_by_role("button", name="Use this token").click()
        await expect(it.tester).to_contain_text("Paste a token first")
        await it.paste("wp_of_nobody")
        await expect(it.tester).to_contain_text("unknown, expired or revoked")
        await it.paste(it.demo.account_token)
        await it.offer.select_option(label="Another id …")
        await it.tester.get_by_label("fulfillmentRequestId").fill("999999")
        await it.tester.get_by_role("button", name="Send for real").click()
        await expect(it.note).to_contain_text("404")
        await expect(it.note).to_contain_text("There is no such fulfillment request")
        assert await in_view(it.note)
        await it.tester.get_by_role("button", name="Change").click()
        await it.tester.get_by_label("fulfillmentRequestId").fill("2")
        await it.tester.get_by_label("error", exact=False).first.fill(" ")
        await it.tester.get_by_role("button", name="Send for real").click()
        await expect(it.note).to_contain_text("error")
        await it.tester.get_by_role("button", name="Change").click()
        await expect(it.tester.locator("[aria-invalid]")).to_have_attribute("id", "try-error")


async def test_above_the_rate_it_says_how_long_to_wait(reader: Open) -> None:
    async with reader(1440, "--burst", "2", "--rate-limit", "1/s") as it:
        await it.page.goto(f"{it.url}/{FAIL}")
        await it.paste(it.demo.account_token)
        await expect(it.offer.locator("option").first).to_contain_text("Process")
        await it.tester.get_by_role("button", name="Send dry run").click()
        await expect(it.note).to_contain_text("would move")
        for _ in range(6):  # the pool regains one a second meanwhile
            if "429" in (await it.note.inner_text()):
                break
            await it.tester.get_by_role("button", name="Send again").click()
            await it.page.wait_for_timeout(150)
        await expect(it.note).to_contain_text("429")
        await expect(it.note).to_contain_text("Retry-After")
        await expect(it.tester.get_by_role("button", name="Send again", exact=True)).to_be_enabled()
        await it.tester.get_by_role("button", name="Send again", exact=True).click()
        await expect(it.note).to_contain_text("200")


async def test_the_curl_that_is_shown_is_what_is_sent(reader: Open) -> None:
    """Pasted into a shell it does the same, whatever the reader has typed."""
    reason = "a {b,c} [1-3] 'it''s' \"no\" $HOME `x` \\ é"
    async with reader(1440) as it:
        await it.page.goto(f"{it.url}/{FAIL}")
        await it.paste(it.demo.account_token)
        await expect(it.offer.locator("option").first).to_contain_text("·")
        chosen = await it.offer.input_value()
        await it.tester.locator("#try-error").fill(reason)
        await it.tester.get_by_text("Dry run: changes nothing").click()
        await it.tester.get_by_text("Exactly what is sent, as curl").click()
        command = await it.tester.locator("[data-part=curl]").inner_text()
        assert it.demo.account_token not in command
        done = await asyncio.to_thread(
            subprocess.run, ["bash", "-c", f"set -e\n{command.replace('curl -i', 'curl -sS -i', 1)}"],
            env={**os.environ, "WAYPOST_TOKEN": it.demo.account_token}, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.stdout.split()[1] == "204", done
        stored = await rows(it.database, f"SELECT failure_reason FROM fulfillment_request_state WHERE id = {chosen}")
        assert stored[0]["failure_reason"] == reason
        key = next(line.split(": ")[1].rstrip("' \\") for line in command.splitlines() if "Idempotency-Key" in line)
        await it.tester.get_by_role("button", name="Send for real").click()  # the same call: its reply is kept under its key
        await expect(it.note).to_contain_text("204")
        await expect(it.note).to_contain_text("stored reply")
        assert len(key) > 20


async def test_examples_name_the_address_of_the_page(reader: Open) -> None:
    async with reader(1440) as it:
        other = it.url.replace("127.0.0.1", "localhost")
        await it.page.goto(f"{other}/{FAIL}")
        await expect(it.page.locator("pre.curl")).to_contain_text(f"{other}/fulfillment-requests/2/processing-failed")
        await expect(it.page.locator(".url code")).to_contain_text(f"{other}/fulfillment-requests")
        await it.page.goto(f"{it.url}/docs/guides/settings")
        await expect(it.page.get_by_role("main")).to_contain_text("http://127.0.0.1:8080")  # a default is not an example


async def test_nothing_is_changed_under_a_call_and_buttons_say_what_they_do(reader: Open) -> None:
    async with reader(1440) as it:
        async def slow(route: Route) -> None:
            await asyncio.sleep(1)
            await route.continue_()

        await it.page.route("**/processing-failed?**", slow)
        await it.page.goto(f"{it.url}/{FAIL}")
        await it.paste(it.demo.account_token)
        await expect(it.offer.locator("option").first).to_contain_text("·")
        await it.tester.get_by_role("button", name="Send dry run").click()
        await expect(it.tester.get_by_role("button", name="Forget")).to_be_disabled()
        await it.tester.get_by_text("Dry run: changes nothing").click()
        await expect(it.note).to_contain_text("would move")
        await it.tester.get_by_role("button", name="Change").click()
        await expect(it.tester.locator("[data-send=default]")).to_have_text("Send for real")
        await expect(it.tester.get_by_role("button", name="Forget")).to_be_enabled()


async def test_a_hub_that_never_answers_is_not_waited_for_without_an_end(reader: Open) -> None:
    async with reader(1440) as it:
        # A minute takes 0.6 s here.
        await it.page.add_init_script("""AbortSignal.timeout = (ms) => {
          const end = new AbortController();
          setTimeout(() => end.abort(), ms / 100);
          return end.signal;
        };""")
        await it.page.goto(f"{it.url}/{FAIL}")
        await it.paste(it.demo.account_token)
        await expect(it.offer.locator("option").first).to_contain_text("·")
        await it.page.route("**/processing-failed?**", lambda route: None)
        await it.tester.get_by_role("button", name="Send for real").click()
        await expect(it.note).to_contain_text("No reply")
        await expect(it.note).to_contain_text("not known whether")
        await expect(it.tester.get_by_role("button", name="Change")).to_be_enabled()


async def test_a_shipment_is_for_a_request_of_ones_own(reader: Open) -> None:
    """The request stands in the body: the tester puts the chosen one there, with a line of it."""
    async with reader(1440) as it:
        source = it.demo.source_tokens[1]
        await it.page.goto(f"{it.url}/docs/operations/create_shipment")
        await it.paste(source.token)
        await expect(it.offer.locator("option").nth(1)).to_contain_text("·")
        chosen = await it.offer.locator("option").nth(1).get_attribute("value")
        await it.offer.select_option(chosen)
        body = await it.tester.locator("#try-body").input_value()
        assert f'"fulfillmentRequestId": {chosen}' in body
        await it.tester.get_by_role("button", name="Send dry run").click()
        await expect(it.note).to_contain_text("200")
        await it.tester.get_by_role("button", name="Send for real").click()
        await expect(it.tester.locator("[data-part=line]")).to_contain_text("sent for real")
        await expect(it.note).to_contain_text("200")
        shipped = await rows(it.database, f"SELECT count(*) AS n FROM shipment WHERE request_id = {chosen}")
        assert shipped[0]["n"] == 1


async def test_only_what_is_allowed_is_offered(reader: Open) -> None:
    """A request that has shipped stands in a status from which others are canceled, and cannot be."""
    async with reader(1440) as it:
        await it.page.goto(f"{it.url}/docs/operations/cancel_fulfillment_request")
        await it.paste(it.demo.account_token)
        await expect(it.offer.locator("option").first).to_contain_text("·")
        offered = {int(await one.get_attribute("value") or 0) for one in await it.offer.locator("option").all()} - {0}
        shipped = {row["id"] for row in await rows(it.database, "SELECT request_id AS id FROM shipment")}
        assert offered
        assert offered.isdisjoint(shipped)


async def test_an_id_that_is_typed_stays(reader: Open) -> None:
    async with reader(1440) as it:
        await it.page.goto(f"{it.url}/{FAIL}?id=777")
        await it.paste(it.demo.account_token)
        await expect(it.offer.locator("option").first).to_contain_text("·")
        await expect(it.tester.get_by_label("fulfillmentRequestId")).to_have_value("777")
        await it.tester.get_by_role("button", name="Send for real").click()
        await expect(it.note).to_contain_text("404")
        await it.tester.get_by_role("button", name="Change").click()
        await expect(it.tester.get_by_label("fulfillmentRequestId")).to_be_visible()


FOUND = {
    "fail": "Fail Fulfillment Request", "processing-failed": "Fail Fulfillment Request", "failFulfillmentRequest": "Fail Fulfillment Request",
    "/fulfillment-requests/2/processing-failed": "Fail Fulfillment Request", "decline": "Fail Fulfillment Request",
    "out of stock": "Fail Fulfillment Request", "send a shipment": "Create Shipment", "how do I ship": "Create Shipment",
    "hear of changes": "Get Events", "create webhook": "Create Webhook Configuration", "release": "Release Fulfillment Request",
    "rate limit": "too_many_requests", "403": "wrong_token_type", "not_allowed_from_status": "not_allowed_from_status", "out_of_stock": "out_of_stock",
    "blank": "blank", "--rate-limit": "--rate-limit", "trackingUrl": "trackingUrl", "If-Match": "If-Match", "secondaryAcknowledgedAt": "secondaryAcknowledgedAt",
    "fulfillment_request.failed": "fulfillment_request.failed", "behind a proxy": "Behind a proxy", "Acknowledged": "Acknowledged",
}  # fmt: skip
AMONG = 6  # the first results


async def test_the_search_finds_what_people_type(reader: Open) -> None:
    async with reader(1440) as it:
        await it.page.goto(f"{it.url}/docs/search")
        box = it.page.get_by_role("main").get_by_role("searchbox")
        missing = []
        for words, wanted in FOUND.items():
            await box.fill(words)
            await expect(it.page.locator("[data-part=count]")).to_contain_text(f"“{words}”")
            shown = await it.page.locator("[data-part=results] a").all_text_contents()
            if wanted not in shown[:AMONG]:
                missing.append((words, shown[:AMONG]))
        assert missing == []


async def test_a_page_reads_without_scripts(reader: Open) -> None:
    async with reader(390, java_script=False) as it:
        page = it.page
        await page.goto(f"{it.url}/{FAIL}")
        await expect(page.get_by_text("The tester needs JavaScript")).to_be_visible()
        await expect(page.locator("pre.curl")).to_be_visible()
        await page.get_by_text("Python", exact=True).click()
        await expect(page.locator("pre.py")).to_be_visible()
        await expect(page.locator("pre.curl")).to_be_hidden()
        await page.locator("summary").filter(has_text="The status or the input does not allow it").click()
        await expect(page.locator("[data-code=not_allowed_from_status]")).to_be_visible()
        await page.get_by_role("link", name="Menu").click()
        await page.locator(".side").get_by_role("link", name="Errors and their remedies").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Errors and their remedies")


async def test_a_change_without_a_dry_run_and_a_call_without_a_token(reader: Open) -> None:
    async with reader(1440) as it:
        await it.page.goto(f"{it.url}/docs/operations/get_health")
        await it.tester.get_by_role("button", name="Send", exact=True).click()
        await expect(it.note).to_contain_text("200")
        await expect(it.tester.locator("[data-part=raw]")).to_contain_text('"status": "ok"')
        await it.page.goto(f"{it.url}/docs/operations/create_order")
        await it.paste(it.demo.account_token)
        await it.tester.get_by_role("button", name="Send for real").click()
        await expect(it.note).to_contain_text("201")
