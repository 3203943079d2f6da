"""A worker's claims, as `bench.scale` measures them: a process of its own beside the server."""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

from bench import meter
from bench.merchant import LEASE
from tests.support.keys import VARIABLE
from waypost.app.handover import ClaimAsk, claim
from waypost.storage.opening import open_store

WANTED = 16  # a worker's room for one source


async def run(url: str, source: int, calls: int, seconds: float) -> dict[str, object]:
    """Claim so often (but no longer than `seconds`) for a source with nothing due; raises if something was claimed."""
    keys = os.environ.get(VARIABLE)
    store = await open_store(url, key_file=Path(keys) if keys else None)
    ask = ClaimAsk("bench", ((source, WANTED, False),), LEASE)
    done, began, before = 0, time.perf_counter(), await meter.used(os.getpid(), url)
    while done < calls and time.perf_counter() - began < seconds:
        (found,) = await store.write(lambda tx: claim(tx, [ask], time.time_ns() // 1000))
        if found:
            raise RuntimeError(f"{len(found)} hand-overs of source {source} were due")
        done += 1
    took, after = time.perf_counter() - began, await meter.used(os.getpid(), url)
    await store.close()
    return {
        "calls": done,
        "per_second": done / took,
        "cpu_us": (after.cpu_s - before.cpu_s) / done * 1e6,
        "read_bytes": (after.read_bytes - before.read_bytes) / done,
        "statuses": {"200": done},
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(*json.loads(sys.argv[1])))))
