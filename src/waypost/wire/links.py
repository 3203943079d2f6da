"""URLs that people will click: somebody else's browser opens them, so they may be nothing but web addresses."""

import ipaddress
import json
import re
import unicodedata

from waypost.wire.faults import Fault

SHOWN_AT_MOST = 100  # characters of a value that a message quotes
NAME_AT_MOST = 253  # characters of a host, and
LABEL_AT_MOST = 63  # of what stands between its dots (RFC 1035)

# ASCII, so that no other letter counts as one of the scheme's. An @ before the path would let a link show one host and
# open another.
_LINK = re.compile(
    r"https?://(\[[^\[\]]*\]|[^/?#\\@:\[\]]+)(?::([^/?#\\@]*))?(?:[/?#].*)?", re.IGNORECASE | re.ASCII | re.DOTALL
)
# No URL holds these as they are (RFC 3986), and on a page they may end the link's attribute; the apostrophe may, too.
_UNFIT = re.compile(r"""[\s<>"'`{}|^\\]""")
_PORT = re.compile(r"[0-9]{1,5}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)  # as the last label, browsers read the host as an address


def judge_link(url: str | None, pointer: str, faults: list[Fault]) -> None:
    """Remember a fault of a link that is no http or https URL; absent or empty is fine."""
    says = _fault(url) if url else None
    if url and says:
        faults.append(Fault("pointer", pointer, "bad_url", f"{pointer} {says}, not {json.dumps(url[:SHOWN_AT_MOST])}."))


def _fault(url: str) -> str | None:
    """What is wrong with it, in words that follow its place."""
    link = _LINK.fullmatch(url)
    if link is None or not url.isprintable():
        return "must be an http or https URL with a host"
    if _UNFIT.search(url):
        return "must have blanks, backslashes and the characters < > \" ' ` { } | ^ percent-encoded"
    if not _is_host(link[1]):
        return "must have a host that is a name, an IPv4 address or an IPv6 address in brackets"
    port = link[2]
    if port is not None and not (_PORT.fullmatch(port) and 1 <= int(port) <= 65535):
        return "must have a port from 1 to 65535"
    return None


def _is_host(host: str) -> bool:
    """Whether it is a name, also an internationalised one, or an address as browsers show it."""
    if host.startswith("["):
        return "%" not in host and _is_address(ipaddress.IPv6Address, host[1:-1])
    labels = host.removesuffix(".").split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _is_address(ipaddress.IPv4Address, host)
    return len(host) <= NAME_AT_MOST and all(map(_is_label, labels))


def _is_address(form: type[ipaddress.IPv4Address | ipaddress.IPv6Address], text: str) -> bool:
    try:
        form(text)
    except ValueError:
        return False
    return True


def _is_label(label: str) -> bool:
    """Letters and digits of any script with their marks, `_`, and hyphens but at the ends; none stands for others."""
    folded = unicodedata.normalize("NFC", label).lower()
    return (
        0 < len(label) <= LABEL_AT_MOST
        and not (label.startswith("-") or label.endswith("-"))
        and all(one in "-_" or one.isalnum() or unicodedata.category(one).startswith("M") for one in folded)
        and unicodedata.normalize("NFKC", folded) == folded
    )
