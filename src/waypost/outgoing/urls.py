"""URLs as the client will use them: one reading, which is judged and called.

Two programs that read one URL differently are how a check is passed by: `１27.0.0.1` is a name to one of them and an
address to the other. So a host must be written in the one way in which the client writes it, or as a genuine
internationalised name.
"""

import ipaddress
import re
import unicodedata

from yarl import URL

NAME_AT_MOST = 253  # characters of a host (RFC 1035)

# What some programs remove from a URL, and what some take for a slash. Surrogates are no characters.
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\\]")
_PARTS = re.compile(r"(?:https?)://([^/?#]*)", re.IGNORECASE | re.ASCII)  # ASCII: else ſ would be an s
_PLACE = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]{0,5}))?")
_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # as the last label, it makes the whole name an address for some programs


class BadUrl(ValueError):
    """A URL that is never called; the message follows what names it."""


def client_url(text: str) -> URL:
    """The URL as the client will call it; its `raw_host` is the host that it will connect to. Raises `BadUrl`."""
    if _UNFIT.search(text):
        raise BadUrl("must not hold control characters or backslashes")
    parts = _PARTS.match(text)
    if parts is None or not parts[1]:
        raise BadUrl("must be an http or https URL with a host")
    if "@" in parts[1]:
        raise BadUrl("must not hold a user name or a password")
    place = _PLACE.fullmatch(parts[1])
    if place is None:
        raise BadUrl("is not a URL: its host and port cannot be read")
    try:
        url = URL(text)
        port = url.port
    except ValueError:
        raise BadUrl("is not a URL: its host or port is not valid") from None
    _judge_host(place[1], url.raw_host or "")
    if port != int(place[2] or url.port or 0):
        raise BadUrl("is not a URL: its port cannot be read")
    if url.raw_fragment:
        raise BadUrl("must not have a fragment")
    return url


def _judge_host(given: str, used: str) -> None:
    """Refuse a host that the client reads as something else than what is written. Raises `BadUrl`."""
    if not given:
        raise BadUrl("must be an http or https URL with a host")
    if given.startswith("["):
        _judge_six(given[1:-1], used)
        return
    written, read = given.split("."), used.split(".")
    if len(written) != len(read) or not all(map(_is_read_as_written, written, read)):
        raise BadUrl("has a host that holds characters that stand for others: write it in plain ASCII")
    if len(used) > NAME_AT_MOST or _NAME.fullmatch(used) is None:
        raise BadUrl("has a host that is neither a name nor an address")
    last = read[-1] or read[-2]
    if _NUMBER.fullmatch(last) and not _is_four(used):
        raise BadUrl("has a host that is a number: write an IPv4 address as four decimal numbers, such as 192.0.2.1")


def _judge_six(given: str, used: str) -> None:
    """An IPv6 address without a zone. Raises `BadUrl`."""
    try:
        if "%" in given or ipaddress.IPv6Address(given) != ipaddress.IPv6Address(used):
            raise ValueError
    except ValueError:
        raise BadUrl("has a host that is no IPv6 address without a zone") from None


def _is_read_as_written(label: str, used: str) -> bool:
    """Whether the client takes a label of the host as it is written, or encodes it as an internationalised one."""
    if label.isascii():
        return label.lower() == used
    folded = unicodedata.normalize("NFC", label).lower()
    is_itself = unicodedata.normalize("NFKC", folded) == folded
    return used.startswith("xn--") and is_itself and not label.isdigit()


def _is_four(host: str) -> bool:
    try:
        return str(ipaddress.IPv4Address(host)) == host
    except ValueError:
        return False
