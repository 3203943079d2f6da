"""Hubs of another process: listens on a UNIX socket; each connection has a hub of its own on the database it names.

A line is a JSON object. `{"open": url, "key_file": path}` begins the hub; `{"call": …, "token": …, "headers": …}` is answered with
`{"entered": true}` when the call asks its database for a transaction, and with the reply.
"""

import asyncio
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from tests.idempotency.calls import Sample
from tests.idempotency.hubs import Running, packed, running


class Conversation:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def _tell(self, told: dict[str, Any]) -> None:
        self._writer.write(json.dumps(told).encode() + b"\n")
        await self._writer.drain()

    async def run(self) -> None:
        """Until the other side ends it."""
        try:
            await self._converse()
        except Exception:
            await self._tell({"fault": traceback.format_exc()})
        finally:
            self._writer.close()

    async def _converse(self) -> None:
        asked = json.loads(await self._reader.readline())
        async with running(asked["open"], asked["key_file"] and Path(asked["key_file"])) as hub:
            await self._tell({"opened": asked["open"]})
            while line := await self._reader.readline():
                await self._answer(hub, json.loads(line))

    async def _answer(self, hub: Running, asked: dict[str, Any]) -> None:
        hub.store.entered.clear()
        entering = asyncio.create_task(self._tell_of_entering(hub))
        try:
            reply = await hub.call(Sample(**asked["call"]), asked["token"], asked["headers"])
        except Exception:
            await self._tell({"fault": traceback.format_exc()})
        else:
            await self._tell(packed(reply))
        finally:
            entering.cancel()

    async def _tell_of_entering(self, hub: Running) -> None:
        await hub.store.entered.wait()
        await self._tell({"entered": True})


async def serve(socket: str) -> None:
    """Serve until this process is ended, or the one that began it is gone."""
    parent = os.getppid()
    async with await asyncio.start_unix_server(lambda *ends: Conversation(*ends).run(), socket, limit=2**24):
        print("listening", flush=True)
        while os.getppid() == parent:
            await asyncio.sleep(1)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
