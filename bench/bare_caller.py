"""A bare aiohttp loop: the same calls as a worker makes, and nothing else. Prints calls per second."""

import asyncio
import sys
import time
from collections.abc import Iterator

import aiohttp
import uvloop


async def run(url: str, calls: int, in_flight: int, body: bytes) -> float:
    """Calls per second, so many at once."""
    left: Iterator[int] = iter(range(calls))
    headers = {"Content-Type": "application/json", "Idempotency-Key": "fr-1-1-1"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers) as session:

        async def caller() -> None:
            for _ in left:
                async with session.post(url, data=body) as answer:
                    if answer.status != 201:
                        raise RuntimeError(f"the receiver answered {answer.status}")
                    await answer.read()

        began = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(in_flight)))
        return calls / (time.perf_counter() - began)


if __name__ == "__main__":
    url, calls, in_flight = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    print(uvloop.run(run(url, calls, in_flight, sys.stdin.buffer.read())))
