"""A supplier that takes orders over HTTP, keeps a book of its own, and misbehaves as it is told to.

It never takes an order for known because of its idempotency key: what is sent twice stands in its book twice.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Any

from aiohttp import web

Behaviour = str  # one of BEHAVIOURS
Mood = Callable[[dict[str, Any], int], Behaviour]
"""What it does with an order, by the order and how often it was asked for it (from 1)."""

BEHAVIOURS = (
    "accept",  # 201
    "acknowledge",  # 200 with a confirmation number
    "error inside",  # 200, and the order is refused in the body
    "reject",  # 422
    "later",  # 422, for now
    "busy",  # 429 with Retry-After
    "down",  # 503
    "broken",  # 500; the order is not in the book
    "broken after",  # 500; the order is in the book
    "garbage",  # 200 with no JSON; the order is in the book
    "close",  # reads, and closes: the order is not in the book
    "die",  # takes the order into the book, and dies before it answers
    "hang",  # reads, and does not answer: the order is not in the book
    "slow",  # 201, after a while
)


def well_behaved(order: dict[str, Any], time: int) -> Behaviour:
    """Takes everything."""
    return "accept"


class Supplier:
    """Listens on a free port of the loopback. `book`: order numbers, each as often as it was taken."""

    def __init__(self, mood: Mood = well_behaved, slow_s: float = 0.02, retry_after: str = "1") -> None:
        self.mood = mood
        self.slow_s = slow_s
        self.retry_after = retry_after
        self.book: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.looked_up: Counter[str] = Counter()
        self.keys: dict[str, list[str]] = {}  # idempotency keys by order number, as they came
        self.headers: list[dict[str, str]] = []
        self.bodies: list[dict[str, Any]] = []
        self.behaved: Counter[Behaviour] = Counter()
        self.in_flight = 0
        self.most_in_flight = 0
        self.hung = asyncio.Event()  # somebody hangs
        self._let_go = asyncio.Event()
        self._then: Behaviour = "close"
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Where it takes orders."""
        return f"http://127.0.0.1:{self.port}/orders"

    async def __aenter__(self) -> "Supplier":
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Begin to listen; again on the same port, once it has had one."""
        app = web.Application()
        app.router.add_route("*", "/orders", self._take)
        app.router.add_get("/orders/{number}", self._look_up)
        self._let_go.clear()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        assert site._server is not None
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]

    async def close(self) -> None:
        """Stop listening; connections are refused from now on."""
        self._let_go.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def answer_hanging(self, behaviour: Behaviour) -> None:
        """Answer those that hang, like this."""
        self._then = behaviour
        self._let_go.set()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self._behave(request, json.loads(await request.read()))
        finally:
            self.in_flight -= 1

    async def _behave(self, request: web.Request, order: dict[str, Any]) -> web.StreamResponse:
        number = str(order["number"])
        self.asked[number] += 1
        self.keys.setdefault(number, []).append(request.headers.get("Idempotency-Key", ""))
        self.headers.append(dict(request.headers))
        self.bodies.append(order)
        behaviour = self.mood(order, self.asked[number])
        self.behaved[behaviour] += 1
        if behaviour in ("accept", "acknowledge", "slow", "garbage", "die", "broken after"):
            self.book[number] += 1
        if behaviour == "slow":
            await asyncio.sleep(self.slow_s)
        if behaviour == "hang":
            self.hung.set()
            await self._let_go.wait()
            behaviour = self._then
        if behaviour in ("close", "die"):
            if request.transport is not None:
                request.transport.abort()  # type: ignore[attr-defined]
            return web.Response()
        return self._answer(behaviour, number)

    def _answer(self, behaviour: Behaviour, number: str) -> web.StreamResponse:
        if behaviour == "acknowledge":
            return web.json_response({"confirmed": True, "reference": f"S-{number}"})
        if behaviour == "error inside":
            return web.json_response({"error": {"code": "OOS", "text": f"{number}: none left"}})
        if behaviour == "reject":
            return web.json_response({"error": {"code": "ADDR", "text": "No such street"}}, status=422)
        if behaviour == "later":
            return web.json_response({"error": {"code": "LATER", "text": "Not now"}}, status=422)
        if behaviour == "busy":
            return web.json_response({}, status=429, headers={"Retry-After": self.retry_after})
        if behaviour == "down":
            return web.Response(text="down for maintenance", status=503)
        if behaviour.startswith("broken"):
            return web.Response(text="<h1>oops</h1>", status=500)
        if behaviour == "garbage":
            return web.Response(text="<html>\x00 welcome", status=200)
        return web.json_response({"reference": f"S-{number}"}, status=201)

    async def _look_up(self, request: web.Request) -> web.StreamResponse:
        number = request.match_info["number"]
        self.looked_up[number] += 1
        if number not in self.book:
            return web.json_response({"error": "unknown"}, status=404)
        return web.json_response({"number": number, "reference": f"S-{number}"})


RULES = [
    {"outcome": "acknowledged", "status": ["2xx"], "when": "body.confirmed", "confirmationNumber": "body.reference"},
    {
        "outcome": "rejected",
        "status": ["2xx", 422],
        "when": "body.error",
        "codeFrom": "body.error.code",
        "codes": {"OOS": "out_of_stock", "ADDR": "address_invalid", "LATER": "source_timeout"},
        "message": "body.error.text",
    },
    {"outcome": "delivered", "status": ["2xx"], "confirmationNumber": "body.reference"},
]
"""What its answers mean, as a merchant would set it."""
