"""URLs as the client will use them: one reading, which is judged and called.

Two programs that read one URL differently are how a check is passed by: `１27.0.0.1` is a name to one of them and an
address to the other. So a host must be written in the one way in which the client writes it, or as a genuine
internationalised name.
"""

import ipaddress
import json
import re
import unicodedata

from yarl import URL

PORT_AT_MOST = 65535
SHOWN_AT_MOST = 100  # characters of a host or a port that a message quotes
NAME_AT_MOST = 253  # characters of a host (RFC 1035)

# What some programs remove from a URL, and what some take for a slash. Surrogates are no characters.
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\\]")
_PARTS = re.compile(r"(?:https?)://([^/?#]*)", re.IGNORECASE | re.ASCII)  # ASCII: else ſ would be an s
_PLACE = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([^\[\]]*))?")
_PORT = re.compile(r"[0-9]{0,5}")
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
    if place is None or _is_six(parts[1]):
        raise _bad_host(parts[1], _HOSTS)
    host, port = place[1], place[2] or ""
    if not host:
        raise BadUrl("must be an http or https URL with a host")
    if not _PORT.fullmatch(port) or int(port or 0) > PORT_AT_MOST:
        raise bad_port(port)
    try:
        url = URL(text)
        used = url.port
    except ValueError:
        raise _bad_host(host, _HOSTS) from None
    _judge_host(host, url.raw_host or "")
    if used != int(port or url.port or 0):
        raise bad_port(port)
    if url.raw_fragment:
        raise BadUrl("must not have a fragment")
    return url


def bad_port(port: str) -> BadUrl:
    """Which ports may be called, and which is written."""
    return BadUrl(f"must use port 80, 443 or one from 1024 to {PORT_AT_MOST}, not {_quoted(port)}")


_HOSTS = (
    'it must be a name of letters, digits, "-" and "_" with single dots between, an IPv4 address, or an IPv6 address'
    " in brackets"
)


def _bad_host(host: str, says: str) -> BadUrl:
    return BadUrl(f"has the host {_quoted(host)}: {says}")


def _quoted(text: str) -> str:
    """As it is written; what cannot be seen is named."""
    shown = json.dumps(text[:SHOWN_AT_MOST], ensure_ascii=False)
    return "".join(one if one.isprintable() else f"<U+{ord(one):04X}>" for one in shown)


def _judge_host(given: str, used: str) -> None:
    """Refuse a host that the client reads as something else than what is written. Raises `BadUrl`."""
    if given.startswith("["):
        _judge_six(given, used)
        return
    written, read = given.split("."), used.split(".")
    if len(written) != len(read) or not all(map(_is_read_as_written, written, read)):
        says = "some of its characters stand for others; write plain digits, dots and letters (ü is fine)"
        raise _bad_host(given, says)
    if len(used) > NAME_AT_MOST:
        raise _bad_host(given, f"a name has at most {NAME_AT_MOST} characters")
    if _NAME.fullmatch(used) is None:
        raise _bad_host(given, _HOSTS)
    last = read[-1] or read[-2]
    if _NUMBER.fullmatch(last) and not _is_four(used):
        says = "write an IPv4 address as four decimal numbers without a dot at the end, such as 192.0.2.1"
        raise _bad_host(given, says)


def _judge_six(given: str, used: str) -> None:
    """An IPv6 address in brackets, without a zone. Raises `BadUrl`."""
    address, zone, name = given[1:-1].partition("%")
    if zone:
        raise _bad_host(given, f"it must not have a zone ({_quoted(zone + name)[1:-1]})")
    if not _is_six(address) or not _is_six(used) or ipaddress.IPv6Address(address) != ipaddress.IPv6Address(used):
        raise _bad_host(given, "an address in brackets must be an IPv6 address, such as [2001:db8::1]")


def _is_six(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


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
