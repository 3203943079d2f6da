"""SIGTERM while a source does not answer: what is cut off is settled, what was only claimed is let go."""

import asyncio
import json
import os
import signal
from collections import Counter
from ipaddress import ip_network
from pathlib import Path

import httpx

from tests.delivery.conftest import house as house
from tests.delivery.test_weather import PATIENT, adds_up, turns
from tests.fault.merchant import fill
from tests.support.database import rows
from tests.support.handing import House
from tests.support.process import ServerProcess
from tests.support.supplier import Supplier
from waypost.domain.statuses import Status

AT_ONCE = 8
LOOPBACK = str(ip_network("127.0.0.0/8"))


async def test_what_is_cut_off_is_settled(house: House, migrated_url: str, tmp_path: Path) -> None:
    async with Supplier(turns("hang")) as supplier:
        ids = await house.merchant.requests(*[Status.PROCESSING] * (3 * AT_ONCE))
        await house.push(supplier, PATIENT._replace(concurrency=AT_ONCE), timeoutS=60)
        server = ServerProcess(migrated_url, tmp_path / "log", "--allow-targets", LOOPBACK)
        await server.start()

        async def hangs() -> bool:
            return supplier.in_flight == AT_ONCE

        await house.until(hangs)
        assert await server.stop() == 0
        left = await rows(migrated_url, "SELECT state, outcome, lease_until, message FROM handover_attempt")
        counts = Counter((row["state"], row["outcome"]) for row in left)
        assert counts["settled", "unknown"] == AT_ONCE
        assert counts["sending", None] == 0
        assert all(row["lease_until"] <= house.hub.clock() for row in left if row["state"] == "claimed")
        reasons = {row["message"] for row in left if row["outcome"] == "unknown"}
        assert reasons == {"The worker was stopped before the source answered."}
        # The next one sends what has not left, and nothing that has.
        supplier.mood = turns("accept")
        await server.start()
        doubtful = [id_ for id_ in ids if (await house.state(id_)).failure_code == "outcome_unknown"]
        await house.until_statuses([id_ for id_ in ids if id_ not in doubtful], "processed")
        assert await server.stop() == 0
        assert len(doubtful) == AT_ONCE
        assert set(supplier.asked.values()) == {1}
    await adds_up(house)


async def test_a_terminal_that_is_closed_ends_it_politely_too(tmp_path: Path) -> None:
    server = ServerProcess(f"sqlite:///{tmp_path}/hub.db", tmp_path / "log")
    server.run_by("env", "--default-signal=HUP")  # whoever runs this test may ignore it
    await server.start()
    assert await server.stop(signal.SIGHUP) == 0
    assert '"message":"stopped"' in (tmp_path / "log").read_text().splitlines()[-1]


async def test_what_ignores_the_end_of_its_terminal_goes_on(tmp_path: Path) -> None:
    server = ServerProcess(f"sqlite:///{tmp_path}/hub.db", tmp_path / "log")
    server.run_by("nohup")
    await server.start()
    os.kill(server.pid, signal.SIGHUP)
    async with httpx.AsyncClient(base_url=server.url) as client:
        for _ in range(5):
            assert (await client.get("/healthz")).status_code == 200
            await asyncio.sleep(0.1)  # longer than it answers after a signal that ends it
    assert await server.stop() == 0


async def test_who_tries_a_source_out_hears_of_the_stop(migrated_url: str, tmp_path: Path) -> None:
    token, _ = await fill(migrated_url, 1)
    async with Supplier(turns("hang")) as supplier:
        server = ServerProcess(migrated_url, tmp_path / "log", "--allow-targets", LOOPBACK, "--no-worker")
        await server.start()
        async with httpx.AsyncClient(base_url=server.url, headers={"X-API-TOKEN": token}, timeout=30) as client:
            source = (await client.get("/sources")).json()[0]["id"]
            settings = {"url": supplier.url, "timeoutS": 60}
            put = await client.put(f"/source/{source}/delivery", json={"kind": "http", "settings": settings})
            assert put.status_code == 200, put.text
            call = asyncio.create_task(client.post(f"/source/{source}/delivery/test", json={"send": True}))
            await supplier.hung.wait()
            assert await server.stop() == 0
            reply = await call
    assert (reply.status_code, reply.headers["content-type"]) == (503, "application/problem+json")
    assert reply.json()["applied"] == "unknown"
    assert reply.json()["detail"].startswith("The server is stopping")
    assert '"message":"told to stop: what runs is finished"' in (tmp_path / "log").read_text()
    assert '"message":"stopped"' in (tmp_path / "log").read_text().splitlines()[-1]
    line = next(json.loads(line) for line in (tmp_path / "log").read_text().splitlines() if '"method":"POST"' in line)
    assert line["status"] == 503
