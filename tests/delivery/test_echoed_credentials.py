"""A source that repeats the hub's credentials, in any spelling: nobody reads them, and they are kept nowhere."""

import asyncio
import base64
import json
from typing import Any

import pytest
from aiohttp import web

from tests.delivery.conftest import LOOPBACK
from tests.events.conftest import Sending
from tests.events.conftest import receiver as receiver
from tests.events.conftest import sending as sending
from tests.events.conftest import shifted as shifted
from tests.support.database import rows
from tests.support.echoes import ECHOES, found
from tests.support.handing import LIVELY
from tests.support.receiver import Received, Receiver
from waypost.delivery.sources.http import redaction as redacting
from waypost.delivery.sources.http.answers import CompiledRule, read_answer, read_look_up
from waypost.delivery.sources.http.kind import Http, HttpSource
from waypost.delivery.sources.http.redaction import (
    ESCAPES_AT_MOST,
    HIDDEN,
    KEPT_AT_MOST,
    LAYERS_AT_MOST,
    NOT_KEPT,
    NOT_SEARCHED,
    Redaction,
)
from waypost.delivery.sources.http.settings import Rule
from waypost.delivery.worker import Worker
from waypost.domain.handover import Outcome
from waypost.outgoing.calling import Answer, Caller

SECRET = 'zebra/fish"of+47~11&<east>\\wind'
AUTHS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "bearer": ({"type": "bearer"}, {"token": SECRET}),
    "basic": ({"type": "basic", "username": "hüb"}, {"password": SECRET}),
    "header": ({"type": "header", "name": "X-Key"}, {"value": SECRET}),
}
RULE = {
    "outcome": "rejected", "status": [422], "when": "body.said", "codeFrom": "body.said",
    "message": "join(' ', [body.said, 'and', headers.\"x-said\" || text])",
}  # fmt: skip
FR = "/fulfillment-requests"


def of(name: str) -> Redaction:
    """What a source with these credentials hides."""
    return opened(*AUTHS[name])._redaction()


def opened(auth: dict[str, Any] | None, secrets: dict[str, str], **settings: Any) -> HttpSource:
    """A source with these settings, as they are stored and read again."""
    kind = Http(Caller(LOOPBACK))
    given = {"url": "http://127.0.0.1:9999/", **({"auth": auth} if auth else {}), **settings}
    checked = kind.check(given, secrets, {})
    return kind.open(checked.settings, checked.secrets)


def sent_by(name: str) -> str:
    """The value of the header that says who the hub is."""
    (value,) = opened(*AUTHS[name])._auth(secret=True).values()
    return value


@pytest.mark.parametrize("auth", AUTHS)
@pytest.mark.parametrize("echo", ECHOES)
def test_no_spelling_is_kept(auth: str, echo: str) -> None:
    redaction = of(auth)
    for secret in (SECRET, sent_by(auth), sent_by(auth).partition(" ")[2] or SECRET, f"hüb:{SECRET}"):
        kept = redaction.text(f"You are {ECHOES[echo](secret)}, I think.")
        assert found(kept, secret) == set(), kept
        assert kept == NOT_KEPT or HIDDEN in kept
    if echo == "plain":
        assert redaction.text(f"You are {SECRET}, I think.") == f"You are {HIDDEN}, I think."


@pytest.mark.parametrize("echo", ECHOES)
def test_what_an_expression_takes_out_is_searched(echo: str) -> None:
    """Reason, code and confirmation number; what the rule decides stays the same."""
    spelled, redaction = ECHOES[echo](SECRET), of("bearer")
    answer = Answer(422, {"X-Said": spelled}, json.dumps({"said": spelled, "why": "No such street"}).encode(), True)
    for expression in ("body.said", "text", 'headers."x-said"', "to_string(body)"):
        refused = Rule("rejected", when="body.said", code_from=expression, message=expression)
        result = read_answer(answer, [CompiledRule(refused)], redaction)
        assert result.outcome is Outcome.REJECTED
        assert found(repr(result), SECRET) == set()
        taken = Rule("delivered", confirmation_number=expression)
        for read in (read_answer, read_look_up):
            result = read(answer, [CompiledRule(taken)], redaction)
            assert (result.outcome, result.reference) == (Outcome.DELIVERED, None)
            assert found(repr(result), SECRET) == set()
    clean = read_answer(answer, [CompiledRule(Rule("rejected", message="body.why"))], redaction)
    assert clean.message == "No such street", "what holds no secret is told"


@pytest.mark.parametrize("status", [401, 404, 422, 503])
def test_a_secret_that_the_quotation_would_cut_is_removed_before(status: int) -> None:
    answer = Answer(status, {}, b"x" * 285 + b" " + SECRET.encode(), True)
    for read in (read_answer, read_look_up):
        assert "zebra" not in repr(read(answer, [], of("bearer")))
    spelled = Answer(status, {}, b"x" * 285 + b" " + ECHOES["percent of all, lower"](SECRET).encode(), True)
    result = read_answer(spelled, [], of("bearer"))
    assert result.message == f"The source answered {status}: {NOT_KEPT}"
    assert result.response == NOT_KEPT


def test_signing_secrets_and_plain_headers_are_credentials_too() -> None:
    key = base64.b64encode(b"a key of thirty-two bytes, about").decode()
    signed = opened(None, {"signingSecret": f"whsec_{key}"}, signature={"scheme": "standard-webhooks"})
    for text in (f"whsec_{key}", key, key.rstrip("="), key.encode().hex()):
        assert signed._redaction().text(f"signed with {text}") in (f"signed with {HIDDEN}", NOT_KEPT)
    plain = opened(None, {}, headers={"X-Api-Key": SECRET, "Accept-Language": "norwegian"})
    assert plain._redaction().text(f"{SECRET}: norwegian") == f"{HIDDEN}: norwegian"


@pytest.mark.parametrize(
    ("secret", "text", "kept"),
    [
        ("abc", "abc is short", "abc is short"), ("1", "1,000 pieces: 1", "1,000 pieces: 1"),
        ("s3cr", "it is s3cr", "it is ***"), ("s3cr", "it is s\\u0033cr", NOT_KEPT), ("s3cr", "s-3-cr", "s-3-cr"),
        ("s3cr", "czNjcg==", "***=="), ("s3cr", "73336372", "***"), ("1234", "12 of 34", "12 of 34"),
        ("list", "a listing", "a ***ing"), ("password", "The pass is not a word", "The pass is not a word"),
        ("----////", "----//// and ----", "*** and ----"), ("----////", "----%2F%2F%2F%2F", NOT_KEPT),
    ],
)  # fmt: skip
def test_a_short_secret_destroys_no_answer(secret: str, text: str, kept: str) -> None:
    assert Redaction([secret]).text(text) == kept


def test_an_answer_without_a_secret_is_kept_as_it_is() -> None:
    text = '{"a": "50 % off \\u00e9 &amp; more \\/ C:\\\\x", "b": "dXNlcjpwYXNz", "c": "%41"}'
    assert of("basic").text(text) == text
    assert Redaction(()).text("%41" * 20_000) == "%41" * 20_000


@pytest.mark.parametrize("spelled", ["{}", "{}{}", "\\u00{}", "%{}"])
def test_of_a_long_answer_the_beginning_is_kept_and_no_part_of_a_secret(spelled: str) -> None:
    """Wherever the cut falls: a secret that goes on behind it cannot be found."""
    secret = "s3cret-of-the-hub"
    hexes = "".join(f"\\u00{ord(one):02x}" if "u" in spelled else f"%{ord(one):02x}" for one in secret)
    written = secret if spelled == "{}" else secret * 2 if spelled == "{}{}" else hexes
    for before in range(KEPT_AT_MOST - len(written) - 1, KEPT_AT_MOST + 2, 7):
        kept = Redaction([secret]).text("." * before + written + "." * 100)
        assert kept == NOT_KEPT or kept.strip(".") in ("", "***", "******")
        assert kept == NOT_KEPT or KEPT_AT_MOST - 1000 < len(kept) <= KEPT_AT_MOST
    assert Redaction([secret]).text("." * KEPT_AT_MOST) == "." * KEPT_AT_MOST


def test_the_search_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it may cost in the event loop: one step for each escape, and escapes around escapes end."""
    redaction, meant = of("basic"), redacting._meant
    for unit in ("\\", "%41", "&a", "&amp;", "%2525252525", "\\u0041"):
        assert redaction.text(unit * (ESCAPES_AT_MOST + 1)) == NOT_SEARCHED
    assert redaction.text("\\" * 100) == NOT_KEPT, "escapes that never come to an end"
    removed = []
    monkeypatch.setattr(redacting, "_meant", lambda escape: removed.append(escape) or meant(escape))
    redaction.text("&amp;" * ESCAPES_AT_MOST + "word, " * 170_000)
    assert ESCAPES_AT_MOST < len(removed) <= LAYERS_AT_MOST * ESCAPES_AT_MOST


@pytest.mark.parametrize("auth", AUTHS)
async def test_a_look_up_keeps_none_either(auth: str) -> None:
    async with Receiver() as supplier:
        credentials, secrets = AUTHS[auth]
        rule = {**RULE, "outcome": "unknown"}
        for rules in ([], [rule]):
            supplier.behave = echoing = Echoing("x-key" if auth == "header" else "authorization", bool(rules))
            source = opened(credentials, secrets, lookUp={"url": supplier.url, "rules": rules})
            for echo in ECHOES:
                result = await source.look_up({})
                assert (result.outcome, result.status) == (Outcome.UNKNOWN, 422)
                for secret in (SECRET, echoing.credentials, echoing.credentials.partition(" ")[2] or SECRET):
                    assert found(repr(result), secret) | found(result.message or "", secret) == set(), echo
                assert NOT_KEPT in repr(result) or HIDDEN in repr(result)
            await source._caller.close()


class Echoing:
    """A source that refuses each order, and repeats the credentials in one spelling after the other."""

    def __init__(self, header: str, as_json: bool) -> None:
        self._header = header
        self._as_json = as_json
        self.calls = 0
        self.credentials = ""

    async def __call__(self, request: web.Request, received: Received) -> web.StreamResponse:
        self.credentials = received.headers[self._header]
        spell = list(ECHOES.values())[self.calls % len(ECHOES)]
        self.calls += 1
        spelled = f"{spell(self.credentials)} {spell(self.credentials.partition(' ')[2] or SECRET)} {spell(SECRET)}"
        text = json.dumps({"said": spelled}, ensure_ascii=False) if self._as_json else spelled
        headers = {"X-Said": spelled} if spelled.isascii() and "\n" not in spelled else {}
        return web.Response(status=422, text=text, headers=headers)


async def handed_over(sending: Sending, count: int, hooks: list[int]) -> list[int]:
    """As many requests, refused by their source, and the webhooks of that sent."""
    world, stop = sending.world, asyncio.Event()
    ids = [await world.request() for _ in range(count)]
    worker = Worker(world.hub.reads, sending.writer, world.hub.clock, world.hub.kinds, LIVELY)
    task = asyncio.create_task(worker.run(stop))

    async def done() -> bool:
        (row,) = await rows(sending.database_url, "SELECT count(*) AS n FROM handover_attempt WHERE response IS NOT NULL")
        return bool(row["n"] == count)

    try:
        await sending.until(done, 60)
        async with sending.running():
            for hook in hooks:
                await sending.settled(hook)
    finally:
        stop.set()
        await task
    return ids


@pytest.mark.parametrize("as_json", [False, True], ids=["status", "rule"])
@pytest.mark.parametrize("auth", AUTHS)
async def test_nobody_reads_them(sending: Sending, receiver: Receiver, auth: str, as_json: bool) -> None:
    """Attempts, reasons, timelines, feeds and webhooks of every token; the trial of a delivery; the database."""
    world, ours = sending.world, sending.world.ours
    credentials, secrets = AUTHS[auth]
    echoing = Echoing("x-key" if auth == "header" else "authorization", as_json)
    hooks = [
        (await sending.configure(receiver.url, "*", **bound))["id"]
        for bound in ({}, {"sourceId": ours.sources[0]}, {"channelId": ours.channels[0]})
    ]
    read: list[bytes] = []

    async def get(target: str, token: str) -> None:
        reply = await world.client(token).get(target)
        assert reply.status == 200, (target, token, reply.body)
        read.append(reply.body)

    async with Receiver() as supplier:
        supplier.behave = echoing
        settings = {"url": supplier.url, "auth": credentials, **({"rules": [RULE]} if as_json else {})}
        body = {"kind": "http", "settings": settings, "secrets": secrets, "policy": {"attempts": 1}}
        reply = await world.client().call("PUT", f"/source/{ours.sources[0]}/delivery", json=body)
        assert reply.status == 200, reply.body
        for _ in ECHOES:
            reply = await world.client().post(f"/source/{ours.sources[0]}/delivery/test", json={"send": True})
            assert (reply.status, reply.json()["result"]["outcome"]) == (200, "rejected"), reply.body
            read.append(reply.body)
        ids = await handed_over(sending, len(ECHOES), hooks)
        assert echoing.calls == 2 * len(ECHOES)
        for kind in world.hub.kinds.values():
            await kind.close()
    for token in ("acc", "src", "chn"):
        await get("/events?limit=500", token)
        for id_ in ids:
            await get(f"{FR}/{id_}", token)
            await get(f"{FR}/{id_}/events", token)
    for id_ in ids:
        await get(f"{FR}/{id_}/attempts", "acc")
    await get("/attention", "acc")
    attempts = await rows(sending.database_url, "SELECT * FROM handover_attempt")
    stored = repr([attempts, *[await rows(sending.database_url, f"SELECT * FROM {table}")
                               for table in ("event", "fulfillment_request", "attention")]])  # fmt: skip
    texts = [json.dumps(json.loads(one), ensure_ascii=False) for one in (*read, *(one.body for one in receiver.received))]
    everything = "\n".join((*texts, *(text.decode() for text in read), stored, stored.replace("\\\\", "\\")))
    for secret in (SECRET, echoing.credentials, echoing.credentials.partition(" ")[2] or SECRET):
        assert found(everything, secret) == set()
    # It was not for want of answers: each was told of, and each place has been searched.
    assert len(attempts) == len(ECHOES)
    assert all(HIDDEN in one["response"] or one["response"] == NOT_KEPT for one in attempts)
    assert sum(b"The source answered 422" in one or NOT_KEPT.encode() in one or b"***" in one for one in read) > 4 * len(ECHOES)
    assert len(receiver.received) > len(ECHOES)
