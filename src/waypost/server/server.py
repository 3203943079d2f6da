"""The server: it accepts connections, looks after them, and ends."""

import asyncio
import email.utils
import socket
from contextlib import suppress
from functools import partial

from waypost.server.admission import Admission, Application, Surroundings
from waypost.server.connection import Connection
from waypost.server.limits import SENT_AHEAD, Limits

LOOK_S = 0.25  # how exactly limits of time are kept
# The loop takes one new connection of each listening handle in a round. With one handle, the last of 64 clients that
# come together would wait for 63 rounds, in each of which all those before it are answered.
ACCEPTED_AT_ONCE = 16
LAST_LOOKS, LAST_LOOK_S = 10, 0.025  # how often calls are still read when it stops, and the pause in between
LEAST_UNREAD_S = 5.0  # for the kernel, which counts what the network loses, too
ANSWER_S = 1.0  # for applications that were told to answer at once


class Server:
    """Serves an ASGI application on one listening socket."""

    def __init__(self, application: Application, around: Surroundings, limits: Limits) -> None:
        self.limits = limits
        self.admission = Admission(application, around, limits)

    async def serve(self, listening: socket.socket, stop: asyncio.Event, within_s: float) -> None:
        """Serve until `stop` is set; what runs then has `within_s` seconds to end."""
        loop = asyncio.get_running_loop()
        self.admission.address = listening.getsockname()[:2]
        self._look_at_the_clock()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENT_AHEAD)
        # What the kernel has taken of an answer, and nobody reads, is for the kernel to give up.
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            within_ms = round(max(LEAST_UNREAD_S, self.limits.client_s) * 1000)
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, within_ms)
        accept = partial(loop.create_server, lambda: Connection(self.admission), backlog=self.limits.backlog)
        handles = [listening, *(listening.dup() for _ in range(ACCEPTED_AT_ONCE - 1))]
        accepting = [await accept(sock=one) for one in handles]
        looking = asyncio.create_task(self._keep_looking())
        try:
            await stop.wait()
            await self._end(accepting, loop.time() + within_s)
        finally:
            looking.cancel()

    def _look_at_the_clock(self) -> None:
        self.admission.date = f"date: {email.utils.formatdate(usegmt=True)}\r\n".encode()

    def _look_at_all(self, now: float) -> None:
        for connection in list(self.admission.connections):
            try:
                connection.look(now)
            except Exception as error:  # of one connection, and no reason to stop looking
                self.admission.around.log_defect(error)
                with suppress(Exception):
                    connection.cut()

    async def _keep_looking(self) -> None:
        while True:
            self._look_at_the_clock()
            self._look_at_all(asyncio.get_running_loop().time())
            await asyncio.sleep(LOOK_S)
            await asyncio.sleep(0)  # if the process stood still, what came meanwhile is read before it is judged late

    async def _end(self, accepting: list[asyncio.Server], until: float) -> None:
        """Calls go on being answered for a moment: the application ends each connection with its answer.

        Who calls often is told so in time. After that, a connection with nothing under way is closed.
        """
        for _ in range(LAST_LOOKS):  # looks, not seconds: a machine that stands still must read first
            if not self.admission.connections:
                break
            await asyncio.sleep(LAST_LOOK_S)
        for one in accepting:
            one.close()
        self.admission.is_stopping = True
        for connection in list(self.admission.connections):
            connection.close()
        await self._all_gone(until)
        for connection in list(self.admission.connections):
            connection.cancel()
        await self._all_gone(asyncio.get_running_loop().time() + ANSWER_S)
        for connection in list(self.admission.connections):
            connection.cut()

    async def _all_gone(self, until: float) -> None:
        while self.admission.connections and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110 - once
            await asyncio.sleep(0.01)
