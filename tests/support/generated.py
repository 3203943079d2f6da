"""What a supplier may answer and what a merchant may set, as strategies; and a supplier that answers so.

The supplier is honest, by rules that all sources share: a refusal is a 4xx, a 503, or `refused` in the body, and what
was refused is not in its book. All else about its answers is generated: bytes that no server should send.
"""

import asyncio
import json
import random
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

T = TypeVar("T")

LATE_S = 1.3  # later than a hub waits that waits a second
NAMES = ("order", "receipt", "items", "x", "reference", "error", "code", "text")
ABSENT = (404, 410)


def drawn(strategy: st.SearchStrategy[T], count: int) -> list[T]:
    """So many values of a strategy, the same in every run.

    Hypothesis begins with what is simple, and goes on with variants of what it has: out of some more, these are drawn.
    """
    found: list[T] = []

    @settings(
        max_examples=max(40, count * 2), derandomize=True, database=None, phases=[Phase.generate], deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy)
    def draw(value: T) -> None:
        found.append(value)

    draw()
    return random.Random(count).sample(found, count)


# JSON as text: also numbers and texts that Python would not write.
_NUMBERS = st.sampled_from(["0", "-1", "7.5", "1e999", "-1e999", str(10**400), "1e-999", "9223372036854775808", "NaN"])
_TEXTS = st.one_of(
    st.text(max_size=12).map(json.dumps),
    st.sampled_from([
        '""', '"OOS"', '"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\udfff\\ud800"', f'"{"long " * 2000}"', '"nan"',
        '"1e999"', '"<script>"', '"\\u202e"',
    ]),
)  # fmt: skip
_LEAVES = st.one_of(st.sampled_from(["null", "true", "false"]), _NUMBERS, _TEXTS)


def _object(members: dict[str, str]) -> str:
    return "{" + ",".join(f'"{name}":{value}' for name, value in members.items()) + "}"


JSON = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda items: f"[{','.join(items)}]"),
        st.dictionaries(st.sampled_from(NAMES), inner, max_size=5).map(_object),
    ),
    max_leaves=12,
)
_BODIES = st.one_of(
    st.just("{}"),
    st.dictionaries(st.sampled_from(NAMES), JSON, min_size=2, max_size=6).map(_object),
    st.fixed_dictionaries({}, optional={
        "order": st.sampled_from(["{}", '{"a":1}', "null"]), "receipt": st.sampled_from(["{}", "null", "7"]),
        "items": st.sampled_from(['[{"x":1},{"x":"a"}]', '[1,"a"]', "[1e999]", "[]", "{}"]), "x": _NUMBERS,
        "reference": _TEXTS, "code": _TEXTS, "text": _TEXTS,
    }).map(_object),
    JSON,
    st.sampled_from(["", "{", '{"order": ', "[" * 3000, "<html>\0 welcome", "null", '{"order": 1} {"order": 2}']),
)
_RETRY_AFTER = [
    "0", "1", "00001", "-1", "1.5", "1e3", "soon", "", "\u00b2", "99999999999999999999", "0, 1",
    "Wed, 21 Oct 2015 07:28:00 GMT", "Fri, 31 Dec 99999999999999999999 23:59:59 GMT", "Fri, 99 Foo 2030 99:99:99 GMT",
]  # fmt: skip
_HEADERS = st.lists(
    st.one_of(
        st.tuples(st.just("Retry-After"), st.sampled_from(_RETRY_AFTER)),
        st.tuples(st.just("Date"), st.sampled_from(["Wed, 21 Oct 2015 07:28:00 GMT", "never", ""])),
        st.tuples(st.just("Content-Type"), st.sampled_from(["application/json", "text/html; charset=nope", ";", ""])),
        st.tuples(st.just("Location"), st.sampled_from(["/orders", "http://127.0.0.1:1/", "::"])),
        st.tuples(st.sampled_from(["X-Any", "x-any", "Set-Cookie"]), st.sampled_from(["a=b", "\u00e9", "identity"])),
    ),
    max_size=4,
)  # fmt: skip
# With these an answer can often not be read at all.
_WORSE: list[tuple[str, str] | None] = [
    ("Content-Encoding", "gzip"), ("Content-Encoding", "nope"), ("X-Any", "long " * 3000), ("No colon", "x"),
    ("Bad name ", "x"), ("Nul", "\0"), ("Content-Length", "7"), ("Transfer-Encoding", "chunked"),
]  # fmt: skip
_STATUSES = st.one_of(
    st.sampled_from([200, 201, 202, 204]), st.sampled_from([200, 201, 202, 206]),
    st.sampled_from([400, 401, 403, 404, 409, 410, 422, 429, 503]), st.integers(200, 599),
    st.sampled_from([100, 103, 199, 304, 408, 500, 502, 504, 600, 999, 0, 1000]),
)  # fmt: skip


class Answer(NamedTuple):
    """One answer. `framing`: how the end of its body is told; `coin`: whether it takes what it does not speak of."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    framing: str
    refused: bool
    late: bool
    coin: bool

    @property
    def takes(self) -> bool:
        """Whether the order stands in the book once this was answered."""
        if self.status // 100 == 4 or self.status == 503 or self.refused:
            return False
        return self.status // 100 == 2 or self.coin

    @property
    def closes(self) -> bool:
        """Whether the connection ends with it."""
        return self.framing not in ("length", "chunked") or not 200 <= self.status <= 599

    def wire(self) -> bytes:
        """As it is sent."""
        if self.framing == "nothing":
            return b""
        lines = [f"HTTP/1.1 {self.status} Whatever", *(f"{name}: {value}" for name, value in self.headers)]
        body = self.body
        if self.framing == "chunked":
            lines.append("Transfer-Encoding: chunked")
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        elif self.framing != "until closed":
            more = {"cut off": 10, "too long": -1}.get(self.framing, 0)
            lines.append(f"Content-Length: {max(0, len(body) + more)}")
        head = "\r\n".join(lines).encode("latin-1", "replace")
        return head[: len(head) // 2] if self.framing == "half a head" else head + b"\r\n\r\n" + body


def _answer(
    status: int, headers: Sequence[tuple[str, str]], worse: tuple[str, str] | None, text: str, encoding: str, framing: str, refused: bool,
    late: bool, coin: bool,
) -> Answer:  # fmt: skip
    refused = refused and text.startswith("{") and text.endswith("}") and not text.startswith('{"order": 1}')
    if refused:
        text = '{"refused":true' + ("," if len(text) > 2 else "") + text[1:]
    body = text.encode("utf-8", "replace") if encoding != "utf-16" else text.encode("utf-16", "replace")
    if encoding == "broken":
        body += b"\xff\xfe\x00"
    return Answer(status, (*headers, *([] if worse is None else [worse])), body, framing, refused, late, coin)


ANSWERS = st.builds(
    _answer, _STATUSES, _HEADERS, st.sampled_from([*[None] * 60, *_WORSE]), _BODIES, st.sampled_from([*["utf-8"] * 8, "utf-16", "broken"]),
    st.sampled_from([*["length"] * 9, *["chunked"] * 3, "until closed", "cut off", "too long", "half a head", "nothing"]),
    st.booleans(), st.sampled_from([*[False] * 30, True]), st.booleans(),
)  # fmt: skip

# Expressions, among them those that the library cannot compute.
POISON = (
    "merge(body.order, body.receipt)", "contains('x', `1`)", "max_by(body.items, &x)", "min_by(body.items, &@)",
    "ceil(body.x)", "floor(body.x)", "abs(body.x)", "sum(body.items)", "floor(to_number('nan'))", "body.items[::0]",
    "sort(body.items)", "join(',', body.items)", "map(&merge(@, body.order), body.items)", "avg(body.items)",
    "ceil(to_number(body.text))", "body.items[?x > `1`] | [0]",
)  # fmt: skip


def expressions(leaves: Sequence[str]) -> st.SearchStrategy[str]:
    """Expressions over these."""
    literals = ("'x'", "''", "`null`", "`1`", "`[]`", "`{}`", "`[1, \"a\"]`", "`1e400`", "@")
    return st.recursive(
        st.sampled_from([*leaves, *literals]),
        lambda inner: st.one_of(
            st.tuples(st.sampled_from(["merge", "contains", "starts_with", "ends_with", "join", "not_null"]), inner, inner)
            .map(lambda p: f"{p[0]}({p[1]}, {p[2]})"),
            st.tuples(st.sampled_from(["max_by", "min_by", "sort_by"]), inner, inner)
            .map(lambda p: f"{p[0]}({p[1]}, &{p[2]})"),
            st.tuples(inner, inner).map(lambda p: f"map(&{p[0]}, {p[1]})"),
            st.tuples(st.sampled_from(["ceil", "floor", "abs", "sum", "avg", "max", "min", "length", "keys", "values",
                                       "reverse", "sort", "to_string", "to_number", "to_array", "type"]), inner)
            .map(lambda p: f"{p[0]}({p[1]})"),
            st.tuples(inner, st.sampled_from(["[0]", "[-1]", "[*].x", "[]", ".*", "[::2]", "[::-1]", "[::0]", ".x"]))
            .map(lambda p: f"({p[0]}){p[1]}"),
            st.tuples(inner, st.sampled_from(["&&", "||", "==", "<", ">=", "|"]), inner)
            .map(lambda p: f"({p[0]}) {p[1]} ({p[2]})"),
            st.tuples(inner, inner).map(lambda p: f"{{a: {p[0]}, b: {p[1]}}}"),
            inner.map(lambda one: f"!({one})"),
        ),
        max_leaves=5,
    )  # fmt: skip


_SEEN = ("body", "status", "headers", "text", *(f"body.{name}" for name in NAMES))
_READ = st.one_of(st.sampled_from(POISON), st.sampled_from(POISON), expressions(_SEEN))
_TOLD = expressions(("number", "note", "items", "customFields", "totalCost", "orderReference", "shippingAddress.name"))
_CODES = st.sampled_from([None, "out_of_stock", "source_timeout", "x_own_code"])


def _rule(absent: Sequence[Any], outcome: str, on_refusal: bool, status: Sequence[Any], when: str | None,
          texts: Sequence[str | None], code: str | None, retryable: bool | None) -> dict[str, Any]:  # fmt: skip
    """An honest rule: what it takes for a refusal is one. `absent`: the statuses that are refusals."""
    rule: dict[str, Any] = {"outcome": outcome, "code": code, "retryable": retryable, "codeFrom": texts[0],
                            "message": texts[1], "confirmationNumber": texts[2], "status": list(status)}  # fmt: skip
    rule["when"] = when
    if outcome in ("rejected", "deferred"):
        if on_refusal:
            rule |= {"status": ["2xx", "5xx"], "when": f"body.refused && ({when or '`true`'})"}
        else:
            rule["status"] = list(absent)
    elif outcome in ("delivered", "acknowledged"):
        rule |= {"status": ["2xx"], "when": f"!body.refused && ({when or '`true`'})"}
    if outcome != "rejected":
        rule |= {"code": None, "retryable": None}
    return {name: value for name, value in rule.items() if value is not None}


def _rules(absent: Sequence[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    maybe = st.one_of(st.none(), _READ, _READ)
    own = st.builds(
        _rule, st.just(absent), st.sampled_from(["delivered", "acknowledged", "rejected", "deferred", "unknown"]),
        st.booleans(), st.lists(st.sampled_from([200, 404, 503, "3xx", "4xx", "5xx"]), min_size=1, max_size=3), maybe,
        st.tuples(maybe, maybe, maybe), _CODES, st.sampled_from([None, True, False]),
    )  # fmt: skip
    refusal = {"outcome": "rejected", "status": ["2xx", "5xx"], "when": "body.refused", "codeFrom": "body.code",
               "codes": {"OOS": "out_of_stock"}, "message": "body.text"}  # fmt: skip
    return st.lists(own, min_size=1, max_size=4).map(lambda rules: [*rules, refusal])


def _settings(body: str, rules: list[Any], look_up: list[Any]) -> dict[str, Any]:
    return {"body": body, "rules": rules, "timeoutS": 1, "connectTimeoutS": 1,
            "lookUp": {"afterS": [0.2, 1.0], "rules": look_up}}  # fmt: skip


SETTINGS = st.builds(
    _settings,
    st.one_of(
        st.sampled_from(["@", "@", "@", "merge({number: number}, note && {note: note})"]),
        st.just("@"),
        st.tuples(st.sampled_from(["{number: number, extra: %s}", "merge({extra: %s}, {number: number})"]), _TOLD)
        .map(lambda p: p[0] % p[1]),
    ),
    _rules([*range(400, 430), 503]),
    _rules(ABSENT),
)


class GeneratedSupplier:
    """Listens on a free port of the loopback; what it answers depends on the order and how often it came only.

    `book`: order numbers, each as often as it was taken; `keys`: the idempotency keys that came with each.
    """

    def __init__(self, answers: Sequence[Answer]) -> None:
        self._answers = answers
        self.book: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.looked_up: Counter[str] = Counter()
        self.keys: dict[str, set[str]] = {}
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """Where it takes orders."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/orders"

    async def __aenter__(self) -> "GeneratedSupplier":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
                body = await reader.readexactly(int(headers.get("Content-Length", 0)))
                answer = self._look_up(head) if head.startswith("GET") else self._take(body, headers)
                if answer.late:
                    await asyncio.sleep(LATE_S)
                writer.write(answer.wire())
                await writer.drain()
                if answer.closes:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the hub has gone
        finally:
            self._open.discard(writer)
            writer.close()

    def _take(self, body: bytes, headers: dict[str, str]) -> Answer:
        number = str(json.loads(body)["number"])
        self.asked[number] += 1
        self.keys.setdefault(number, set()).add(headers["Idempotency-Key"])
        answer = self._chosen(f"{number} {self.asked[number]}", lambda answer: True)
        self.book[number] += answer.takes
        return answer

    def _look_up(self, head: str) -> Answer:
        number = head.split(" ")[1].rsplit("/", 1)[1]
        self.looked_up[number] += 1
        known = self.book[number] > 0

        def is_honest(answer: Answer) -> bool:
            if known:
                return answer.status not in ABSENT and not answer.refused
            return answer.status // 100 != 2

        return self._chosen(f"look up {number} {self.looked_up[number]}", is_honest)

    def _chosen(self, of: str, fits: Callable[[Answer], bool]) -> Answer:
        """The same at every run."""
        first = zlib.crc32(of.encode())
        count = len(self._answers)
        return next(one for place in range(count) if fits(one := self._answers[(first + place) % count]))
