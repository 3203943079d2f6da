"""An nginx of a test's own before the hub, ended by its own id."""

import asyncio
import getpass
import json
import os
import re
import shutil
import signal
import time
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from tests.support.contract import ROOT
from tests.support.process import free_port

START_WITHIN_S = 10.0
END_WITHIN_S = 5.0
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_CONFIG = """
daemon off;
worker_processes 1;
{user}
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ worker_connections 2048; }}
http {{
  {temporary}
  log_format json escape=json '{{"id":"$http_x_request_id","method":"$request_method","target":"$request_uri",'
    '"status":"$status","from":"$remote_addr","hub_status":"$upstream_status","hub_sent":"$upstream_bytes_sent",'
    '"hub_connection":"$upstream_http_connection"}}';
  access_log {folder}/access.log json;
  keepalive_requests 100000;
  {documented}
  server {{
    listen 127.0.0.1:{lax_port};
    server_name waypost.test;
    ignore_invalid_headers off;
    underscores_in_headers on;
    proxy_request_buffering off;
    proxy_buffering off;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    location / {{ proxy_pass http://waypost; }}
  }}
}}
"""


def _documented(port: int, hub_port: int, kept: int, kept_ms: int) -> str:
    """The example of docs/operations.md with that of a sub-path, `/hub/`, and with the test's own ports and times."""
    found = re.findall(r"```nginx\n(.*?)```", (ROOT / "docs" / "operations.md").read_text(), re.DOTALL)
    assert len(found) == 2
    whole, under_a_path = found
    lines = [line for line in whole.splitlines() if not line.strip().startswith("ssl_")]
    example = "\n".join(lines)
    changes = {
        "127.0.0.1:8080": f"127.0.0.1:{hub_port}", "keepalive 16;": f"keepalive {kept}; keepalive_requests 100000;",
        "keepalive_timeout 20s;": f"keepalive_timeout {kept_ms}ms;", "listen 443 ssl;": f"listen 127.0.0.1:{port};",
        "hub.example.com": "waypost.test", "  location / {": f"{under_a_path}  location / {{",
    }  # fmt: skip
    for written, wanted in changes.items():
        assert example.count(written) == 1, written
        example = example.replace(written, wanted)
    return example


class Passed(NamedTuple):
    """A request as nginx logged it. `reached_hub`: at least a part of it was sent to the hub."""

    id: str
    method: str
    target: str
    status: int
    hub_status: str
    hub_closes: bool
    reached_hub: bool


class Nginx:
    """nginx on 127.0.0.1, with keep-alive to the hub.

    `port` is as docs/operations.md sets nginx up, without TLS. `lax_port` passes bodies on as they come, and header names that nginx would
    drop. `kept`, `kept_ms`: how many idle connections to the hub it keeps, and how long.
    """

    def __init__(self, hub_port: int, folder: Path, kept: int = 16, kept_ms: int = 60_000) -> None:
        self.port, self.lax_port = free_port(), free_port()
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        folder.mkdir(parents=True)
        user = f"user {getpass.getuser()};" if os.getuid() == 0 else ""  # else it would take one that cannot read here
        temporary = "\n  ".join(f"{name}_temp_path {folder}/{name};" for name in _TEMPORARY)
        config = _CONFIG.format(
            user=user, folder=folder, temporary=temporary, lax_port=self.lax_port,
            documented=_documented(self.port, hub_port, kept, kept_ms),
        )  # fmt: skip
        (folder / "nginx.conf").write_text(config)

    async def __aenter__(self) -> "Nginx":
        program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        assert program is not None, "no nginx: scripts/ensure-nginx installs it"
        folder = self._folder
        command = [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
        with (folder / "out").open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(*command, stdout=out, stderr=out)
        deadline = time.monotonic() + START_WITHIN_S
        while True:
            told = (folder / "out").read_text() + self.errors()
            assert self._process.returncode is None, told
            assert time.monotonic() < deadline, told
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.lax_port)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """End it, after what it is doing (SIGQUIT): so its access log is complete."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGQUIT)
        try:
            await asyncio.wait_for(self._process.wait(), END_WITHIN_S)
        except TimeoutError:
            self._process.terminate()  # the master ends its worker, too
            await self._process.wait()
            raise

    def errors(self) -> str:
        """Its error log: what is worse than a client's mistake."""
        log = self._folder / "error.log"
        return log.read_text() if log.exists() else ""

    def log(self) -> list[Passed]:
        """Its access log; complete when it has ended."""
        return [_passed(json.loads(line)) for line in (self._folder / "access.log").read_text().splitlines()]


def _passed(line: dict[str, Any]) -> Passed:
    return Passed(
        line["id"], line["method"], line["target"], int(line["status"]), line["hub_status"],
        line["hub_connection"] == "close", line["hub_sent"] not in ("", "-", "0"),
    )  # fmt: skip
