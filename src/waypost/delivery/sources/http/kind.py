"""The kind `http`: one call hands a request over, its answer says what became of it, another call may look it up."""

import base64
import json
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from waypost.app.ports.kinds import CannotWrite, Checked, Document, Letter, Result
from waypost.app.ports.secrets import Secret
from waypost.delivery.evaluation import STEPS_AT_MOST, Budget, measure
from waypost.delivery.expressions import BadExpression, UrlTemplate, expression
from waypost.delivery.sources.http import settings as given
from waypost.delivery.sources.http.answers import CompiledRule, read_answer, read_look_up
from waypost.delivery.sources.http.redaction import HIDDEN, Redaction
from waypost.delivery.sources.http.settings import HttpSettings
from waypost.domain.handover import Outcome
from waypost.outgoing.calling import Caller, NoAnswer, NotSent
from waypost.outgoing.signing import STANDARD_PREFIX, plain_signature, standard_headers, standard_key
from waypost.wire.shapes import explain

BODY_AT_MOST = 1024 * 1024  # bytes, of what is sent
VALUES_AT_MOST = 100_000  # names and values in it: each takes time, however short it is
SHOWN_AT_MOST = 64 * 1024  # characters of it that are kept
ANSWER_AT_MOST = 1024 * 1024  # bytes that are read
# Names of headers whose values say who the hub is, also where they are set as plain headers.
_CREDENTIALS = re.compile(r"auth|cookie|key|token|secret", re.IGNORECASE)
_TOO_LARGE = f"The request has more than {BODY_AT_MOST} bytes; at most {BODY_AT_MOST} are sent."
_TOO_MANY = f"The request has more than {VALUES_AT_MOST:,} names and values; at most {VALUES_AT_MOST:,} are sent."

_SECRETS_LOST = (
    "The secrets of this source cannot be decrypted: the key file lacks their key. Restore the key, or set them again."
)

_encode = msgspec.json.Encoder().encode

_log = logging.getLogger("waypost.delivery")


class Http:
    """See `app.ports.kinds.Kind`."""

    name = "http"
    pushes = True

    def __init__(self, caller: Caller, seconds: Callable[[], float] = time.time) -> None:
        self._caller = caller
        self._seconds = seconds

    def check(self, settings: Mapping[str, Any], secrets: Mapping[str, str], kept: Mapping[str, str]) -> Checked:
        """Raises `wire.faults.BadInput`."""
        read, every = given.read(settings, secrets, kept, self._caller.targets)
        return Checked(_encode(read).decode(), Secret(_encode(every).decode()))

    def open(self, settings: str, secrets: Secret | None) -> "HttpSource":
        """A source. Raises `CannotWrite`."""
        if secrets is None:
            raise CannotWrite(_SECRETS_LOST, "other")
        try:
            read = msgspec.json.decode(settings, type=HttpSettings)
            known = msgspec.json.decode(str(secrets), type=dict[str, str])
            return HttpSource(read, known, self._caller, self._seconds)
        except BadExpression as error:
            raise CannotWrite(f"The settings of this source cannot be used: {error}.", "other") from error
        except msgspec.ValidationError as error:
            faults = explain(msgspec.json.decode(settings), HttpSettings)
            why = faults[0].message if faults else "this release reads them in another form."
            told = f"The settings of this source cannot be used: {why} Set its delivery again."
            raise CannotWrite(told, "other") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._caller.close()


class _Call(NamedTuple):
    """A call that is ready to be made; what is secret is added when it is sent."""

    url: str
    body: bytes
    key: str


class HttpSource:
    """One source; see `app.ports.kinds.Recipient`."""

    def __init__(
        self, settings: HttpSettings, secrets: Mapping[str, str], caller: Caller, seconds: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._secrets = secrets
        self._caller = caller
        self._seconds = seconds
        self._url = UrlTemplate(settings.url)
        self._body = expression(settings.body)
        self._rules = _compiled("/settings/rules", settings.rules)
        look_up = settings.look_up
        self._look_up_url = UrlTemplate(look_up.url) if look_up else None
        self._look_up_rules = _compiled("/settings/lookUp/rules", look_up.rules) if look_up else []
        self.look_up_after_s: tuple[float, ...] = tuple(look_up.after_s) if look_up else ()
        # Settings of an older release may hold what is refused today.
        self._unsendable = next((f"{at} {says}" for at, says in given.unsendable(settings)), None)

    def write(self, document: Document) -> Letter:
        """Raises `CannotWrite`."""
        if self._unsendable is not None:
            raise CannotWrite(f"The settings of this source cannot be used: {self._unsendable}.", "other")
        at = "/settings/url"
        try:
            budget = Budget()  # for all that is written of one request
            url = self._url.filled(document, budget)
            at = "/settings/body"
            value = self._body.strict(document, budget)
            # Before it is encoded: a few lists that hold each other twice may be gigabytes of JSON.
            values, characters = measure(value, VALUES_AT_MOST, BODY_AT_MOST)
            if characters > BODY_AT_MOST:
                raise CannotWrite(_TOO_LARGE, "other")
            if values > VALUES_AT_MOST:
                raise CannotWrite(_TOO_MANY, "other")
            body = _written(value)
        except BadExpression as error:
            raise CannotWrite(f"The request cannot be written for this source: {at}: {error}.") from error
        if len(body) > BODY_AT_MOST:
            raise CannotWrite(_TOO_LARGE, "other")
        key = str(document["idempotencyKey"])
        shown = {
            "method": self._settings.method,
            "url": url,
            "headers": self._headers(key, body, secret=False),
            "body": body.decode()[:SHOWN_AT_MOST],
        }
        return Letter(_encode(shown).decode(), _Call(url, body, key), STEPS_AT_MOST - budget.left)

    def _headers(self, key: str, body: bytes, secret: bool) -> dict[str, str]:
        """All headers; without `secret`, what must not be known is blotted out."""
        settings = self._settings
        own = {
            name: value if secret or not _CREDENTIALS.search(name) else HIDDEN
            for name, value in settings.headers.items()
        }
        headers = {**own, "Content-Type": "application/json", settings.idempotency_header: key, **self._auth(secret)}
        signature = settings.signature
        if signature is None:
            return headers
        if not secret:
            name = "webhook-signature" if signature.scheme == "standard-webhooks" else signature.header
            return {**headers, name: HIDDEN}
        signing = self._secrets[given.SIGNING]
        if signature.scheme == "standard-webhooks":
            return headers | standard_headers(standard_key(signing), key, int(self._seconds()), body)
        signed = plain_signature(signing, signature.algorithm, signature.encoding, body)
        return {**headers, signature.header: signature.prefix + signed}

    def _auth(self, secret: bool) -> dict[str, str]:
        auth = self._settings.auth
        if auth is None:
            return {}
        own = self._secrets[given.SECRET_OF[auth.type]] if secret else HIDDEN
        if auth.type == "header":
            return {auth.name or "": own}
        if auth.type == "basic" and secret:
            own = base64.b64encode(f"{auth.username}:{own}".encode()).decode()
        return {"Authorization": f"{auth.type.capitalize()} {own}"}

    async def send(self, letter: Letter) -> Result:
        """One call; whatever goes wrong is a result."""
        call: _Call = letter.content
        settings = self._settings
        began = time.perf_counter()
        try:
            headers = self._headers(call.key, call.body, secret=True)
        except Exception:
            _log.exception("the headers of a call cannot be made")
            words = "The authentication or signature of this source cannot be made from its settings: nothing was sent."
            return Result(Outcome.REJECTED, "other", words)
        try:
            answer = await self._caller.call(
                settings.method, call.url, headers, call.body, settings.timeout_s, settings.connect_timeout_s,
                ANSWER_AT_MOST,
            )  # fmt: skip
            result = read_answer(answer, self._rules, self._redaction())
        except NotSent as error:
            result = Result(Outcome.DEFERRED, "source_unreachable", error.message, True)
            if error.permanent:
                result = Result(Outcome.REJECTED, "other", error.message)
        except NoAnswer as error:
            result = Result(Outcome.UNKNOWN, "outcome_unknown", error.message)
        except Exception:
            _log.exception("the answer to a call cannot be read")
            result = Result(Outcome.UNKNOWN, "outcome_unknown", "It was sent, and the answer cannot be read.")
        return result._replace(duration_us=int((time.perf_counter() - began) * 1_000_000))

    def _redaction(self) -> Redaction:
        """What no answer that is kept may repeat: all that the hub says who it is by, as a whole and in its parts."""
        settings, own = self._settings, list(self._secrets.values())
        sent = [*self._auth(secret=True).values()]
        sent += [value for name, value in settings.headers.items() if _CREDENTIALS.search(name)]
        if settings.auth is not None and settings.auth.type == "basic":
            own.append(f"{settings.auth.username}:{self._secrets[given.SECRET_OF['basic']]}")
        if settings.signature is not None:
            own.append(self._secrets[given.SIGNING].removeprefix(STANDARD_PREFIX))
        return Redaction([*own, *sent, *(value.partition(" ")[2].strip() for value in sent)])

    async def look_up(self, document: Document) -> Result:
        """Ask for it; whatever goes wrong leaves it unknown."""
        if self._look_up_url is None:
            raise AssertionError("this source offers no look-up")
        settings = self._settings
        try:
            url = self._look_up_url.filled(document)
            headers = {**settings.headers, **self._auth(secret=True), "Accept": "application/json"}
            answer = await self._caller.call(
                "GET", url, headers, None, settings.timeout_s, settings.connect_timeout_s, ANSWER_AT_MOST
            )
            return read_look_up(answer, self._look_up_rules, self._redaction())
        except (BadExpression, NotSent, NoAnswer) as error:
            return Result(Outcome.UNKNOWN, "outcome_unknown", f"It could not be looked up: {error}")
        except Exception:
            _log.exception("the answer to a look-up cannot be read")
            return Result(Outcome.UNKNOWN, "outcome_unknown", "It could not be looked up: the answer cannot be read.")


def _compiled(at: str, rules: Sequence[given.Rule]) -> list[CompiledRule]:
    return [CompiledRule(rule, f"{at}/{place}") for place, rule in enumerate(rules)]


def _written(value: Any) -> bytes:
    """The value as JSON; raises `BadExpression` where JSON has no word for a part of it."""
    try:
        json.dumps(value, allow_nan=False)  # msgspec would write null for NaN and for infinity
        return _encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        words = "the body holds what JSON cannot: a number that is not finite, broken Unicode, or no value at all"
        raise BadExpression(words) from error
