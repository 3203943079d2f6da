"""Every example of the reference runs as printed, against a real server, and gets the reply that its page shows."""

import asyncio
import contextlib
import io
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.support.browser import running_browser
from tests.support.contract import CONTRACT
from tests.support.generator import document, recording, samples
from tests.support.toys import Served

SERVED = sorted(set(CONTRACT.operations) - CONTRACT.not_yet - CONTRACT.aliases)
TAGS = sorted({CONTRACT.operations[name][2]["tags"][0] for name in SERVED})
REPLIES: dict[str, Any] = json.loads(recording.REPLIES.read_text())
EXAMPLES = recording.examples(document.Document(CONTRACT.document))


def of(tag: str) -> list[str]:
    """The operations of a tag that are served."""
    return [name for name in SERVED if CONTRACT.operations[name][2]["tags"][0] == tag]


def test_every_operation_has_an_example_and_a_reply() -> None:
    assert sorted(EXAMPLES) == SERVED
    assert sorted(REPLIES) == SERVED


@pytest.mark.parametrize("name", SERVED)
def test_what_is_shown_succeeds_and_fits_the_contract(name: str) -> None:
    _, _, operation = CONTRACT.operations[name]
    reply = REPLIES[name]
    assert 200 <= reply["status"] < 400, reply
    declared = CONTRACT.resolve(operation["responses"][str(reply["status"])])
    schema = declared.get("content", {}).get("application/json", {}).get("schema")
    if schema and not isinstance(reply["body"], str):
        CONTRACT.validator(schema).validate(reply["body"])
    for code, problem in reply["refusals"].items():
        CONTRACT.validator({"$ref": "#/components/schemas/Problem"}).validate(problem)
        assert problem["code"] == code
    assert set(reply["events"]) <= set(operation.get("x-events", ()))  # an example shows one way; there may be others


@pytest.mark.parametrize("tag", TAGS)
async def test_replies_are_what_the_hub_replies(tag: str, documented: document.Document, recorder: recording.Recorder) -> None:
    for name in of(tag):
        found = await recorder.record(documented, EXAMPLES, name)
        assert found == REPLIES[name], f"{name}: run scripts/record"


async def test_examples_that_need_nothing_before_them_work_on_the_demo(documented: document.Document, tmp_path: Path) -> None:
    """That is, on the 200 orders of `make serve`: the first 40 are those of the recorder."""
    demo = recording.Recorder(tmp_path, 200)
    await demo.prepare()
    refused = {}
    for name, example in EXAMPLES.items():
        if not example.after:
            async with demo.hub(EXAMPLES, name, None) as app:
                reply = await demo.send(app, example, {})
            if reply.status_code >= 400:
                refused[name] = reply.text
    assert refused == {}


@contextlib.asynccontextmanager
async def served(recorder: recording.Recorder, name: str) -> AsyncIterator[str]:
    """A real server on a fresh merchant, on which the examples before this one have been run; its URL."""
    async with recorder.hub(EXAMPLES, name, None) as app, Served(app) as server:
        yield server.url


def at(url: str, text: str) -> str:
    """The example as a page on this server shows it."""
    return samples.plain(text).replace(document.HOST, url)


@pytest.mark.parametrize("tag", TAGS)
async def test_every_curl_example_runs(tag: str, documented: document.Document, recorder: recording.Recorder) -> None:
    for name in of(tag):
        async with served(recorder, name) as url:
            text = at(url, samples.curl(documented.operations[name], EXAMPLES[name]))
            env = {**os.environ, "WAYPOST_TOKEN": recorder.token(EXAMPLES[name].token)}
            command = [shutil.which("bash") or "bash", "-c", f"set -e\n{text.replace('curl -i', 'curl -sS -i', 1)}"]
            done = await asyncio.to_thread(subprocess.run, command, env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{name}: {done.stderr}\n{text}"
        head, _, body = done.stdout.partition("\n\n")
        assert head.split()[1] == str(REPLIES[name]["status"]), f"{name}: {done.stdout[:600]}\n{text}"
        same(name, body)


def same(name: str, body: str) -> None:
    """Whether a reply has the shape of the one that is shown: the same names, the same kinds of values."""
    shown = REPLIES[name]["body"]
    if not isinstance(shown, str):
        assert shape(json.loads(body) if body.strip() else None) == shape(shown), f"{name}: {body[:600]}"


def shape(value: Any) -> Any:
    """Names and kinds of a JSON value."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    return [shape(one) for one in value] if isinstance(value, list) else type(value).__name__


@pytest.mark.parametrize("tag", TAGS)
async def test_every_python_example_runs(
    tag: str, documented: document.Document, recorder: recording.Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in of(tag):
        monkeypatch.setenv("WAYPOST_TOKEN", recorder.token(EXAMPLES[name].token))
        async with served(recorder, name) as url:
            text = at(url, samples.python(documented.operations[name], EXAMPLES[name]))
            printed = io.StringIO()

            def run(text: str = text, printed: io.StringIO = printed) -> None:
                with contextlib.redirect_stdout(printed):
                    exec(compile(text, name, "exec"), {})  # noqa: B023 - it is the example that is tested

            await asyncio.to_thread(run)
        # An example prints what it got; of a refusal it would print the status and what is allowed.
        assert "['" not in printed.getvalue() or REPLIES[name]["body"] is not None, f"{name}: {printed.getvalue()}"
        assert ("print" not in text.replace("print(refused", "")) or printed.getvalue().strip(), name


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for all of them."""
    async with running_browser() as running:
        yield running


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("tag", TAGS)
async def test_every_javascript_example_runs(
    tag: str, documented: document.Document, recorder: recording.Recorder, chromium: Browser
) -> None:
    async with await chromium.new_page() as page:
        for name in of(tag):
            async with served(recorder, name) as url:
                await page.goto(f"{url}/healthz")  # the same origin: a page of the hub's own
                text = at(url, samples.javascript(documented.operations[name], EXAMPLES[name]))
                found = await page.evaluate(
                    f"""async (token) => {{
                      const lines = [];
                      const process = {{env: {{WAYPOST_TOKEN: token}}}};
                      const console = {{log: (...args) => lines.push(args)}};
                      {text}
                      return lines;
                    }}""",
                    recorder.token(EXAMPLES[name].token),
                )
            (status, body), = found
            if 300 <= REPLIES[name]["status"] < 400:  # fetch follows a redirect
                assert status == 200
                continue
            assert status == REPLIES[name]["status"], f"{name}: {body}\n{text}"
            same(name, body)
