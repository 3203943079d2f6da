"""Keeps the hub's credentials out of what is kept of an answer: a source may repeat what it was called with.

What an answer says is kept, and read by people and tokens that must not know the credentials. So each text is searched
in every spelling in which programs write it: as it is, escaped as JSON, percent-encoded, as HTML entities, in base64
and hexadecimal, in other case, and with characters between. A secret that stands there plainly is replaced; a text
that holds it in another spelling is not kept at all, as its parts cannot be told from the rest.
"""

import base64
import html
import re
from collections.abc import Iterable, Iterator

HIDDEN = "***"
NOT_KEPT = "The source's answer repeats the hub's credentials; it is not kept."
NOT_SEARCHED = (
    "The source's answer has too many escaped characters to be searched for the hub's credentials; it is not kept."
)
SHORTEST_SECRET = 4  # characters: a shorter one may be a word, or a number, that an answer holds anyway
SHORTEST_BARE = 8  # letters and digits: with nothing else compared, fewer would be found by chance
KEPT_AT_MOST = 64 * 1024  # characters: more are neither searched nor kept
SPELLED_AT_MOST = 12  # characters that spell one of a secret: `\\\\u0061`, or `\\u{000061}`
LAYERS_AT_MOST = 5  # of escapes around escapes
ESCAPES_AT_MOST = 5_000  # that one text may hold: the event loop removes them, which takes some microseconds each

# One escape. Secrets are ASCII: of other characters it is enough that they go.
_ESCAPE = re.compile(
    r"""
    (?:\\u|%u)([0-9a-f]{4}) | \\u\{([0-9a-f]{1,6})\} | (?:\\x|%)([0-9a-f]{2})
    | (&[\#a-z0-9]{1,31};?) | \\([^a-z0-9])
    """,
    re.IGNORECASE | re.VERBOSE,
)
_WHITE_SPACE = re.compile(r"\\[nrtbfv]")  # or a backslash, and a letter of the secret: both are tried
_NO_LETTER_OR_DIGIT = bytes(code for code in range(128) if not chr(code).isalnum())


class Redaction:
    """`secrets`: what must not be kept, each as it is; shorter ones than `SHORTEST_SECRET` are left out."""

    def __init__(self, secrets: Iterable[str]) -> None:
        exact: set[str] = set()
        bare: set[bytes] = set()
        for secret in secrets:
            if len(secret) < SHORTEST_SECRET:
                continue
            whole = [secret, base64.b64encode(secret.encode()).decode().rstrip("="), secret.encode().hex()]
            exact.update(one.lower() for one in whole)
            bare.update(_bare(one) for one in (*whole, _unescaped(secret), *_inside_base64(secret.encode())))
        self._exact = sorted(exact, key=len, reverse=True)  # the longest first: none leaves a part of another
        self._longest = SPELLED_AT_MOST * max(map(len, exact), default=0)
        self._bare = [one for one in bare if len(one) >= SHORTEST_BARE]
        self._plain = re.compile("|".join(map(re.escape, self._exact)), re.IGNORECASE)

    def text(self, text: str) -> str:
        """The text without the secrets, `NOT_KEPT` or `NOT_SEARCHED`; of a long one the beginning.

        Where a text is cut off, what may be left of a secret that goes on behind the cut is left out, too.
        """
        is_cut = len(text) > KEPT_AT_MOST
        text = text[:KEPT_AT_MOST]
        if not self._exact:
            return text
        if sum(map(text.count, "\\%&")) > ESCAPES_AT_MOST:
            return NOT_SEARCHED
        lower = text.lower()
        if any(one in lower for one in self._exact):
            text = self._plain.sub(HIDDEN, text)
        if self._holds(text):
            return NOT_KEPT
        return text[: max(0, len(text) - self._longest)] if is_cut else text

    def _holds(self, text: str) -> bool:
        """Whether a secret is in the text in any spelling; also where the escapes never come to an end."""
        reading = text
        for _ in range(LAYERS_AT_MOST):
            lower, bare = reading.lower(), _bare(reading)
            joined = _bare(_WHITE_SPACE.sub("", reading)) if "\\" in reading else bare
            if any(one in lower for one in self._exact) or any(one in bare or one in joined for one in self._bare):
                return True
            before, reading = reading, _unescaped(reading)
            if reading == before:
                return False
        return True


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_meant, text) if "\\" in text or "%" in text or "&" in text else text


def _meant(escape: re.Match[str]) -> str:
    code = escape[1] or escape[2] or escape[3]
    if code:
        return chr(int(code, 16)) if int(code, 16) < 128 else ""
    return html.unescape(escape[4]) if escape[4] else escape[5]


def _bare(text: str) -> bytes:
    """Its ASCII letters and digits, in lower case."""
    return text.encode("ascii", "ignore").lower().translate(None, _NO_LETTER_OR_DIGIT)


def _inside_base64(secret: bytes) -> Iterator[str]:
    """What base64 of any text that holds the secret holds: it depends on the place, and its ends on the neighbours."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + secret).decode().rstrip("=")
        first = (8 * before + 5) // 6  # characters that hold bits of what stands before
        yield encoded[first : 8 * (before + len(secret)) // 6]
