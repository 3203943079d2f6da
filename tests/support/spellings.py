"""Spellings of addresses that may not be called: what people and programs have found to pass a check of a URL."""

import ipaddress
import unicodedata
from collections.abc import Callable, Iterator

FORBIDDEN = ("127.0.0.1", "169.254.169.254", "10.0.0.1", "192.168.1.10", "0.0.0.0")

# The first of ten digits in a row, each an alphabet of its own; then those of which 0 stands elsewhere.
_DIGITS_FROM = (0xFF10, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0E50,
                0x17E0, 0x1810, 0x1FBF0)  # fmt: skip
_CIRCLED = (0x2460, 0x2474, 0x2488, 0x24F5, 0x2776, 0x2780, 0x278A)  # 1 to 9: ① ⑴ ⒈ ⓵ ❶ ➀ ➊
_DOTS = ("\u3002", "\uff0e", "\uff61", "\u2024", "\ufe52")
_UNSEEN = ("\u200b", "\u2060", "\ufeff", "\u00ad", "\u034f", "\u180e", "\u200d", "\ufe0f", "\U000e0020")


def _digits(base: int, first: int) -> Callable[[str], str]:
    def written(address: str) -> str:
        return "".join(chr(base + int(c) - first) if c.isdigit() and int(c) >= first else c for c in address)

    return written


def _scripts(address: str) -> Iterator[str]:
    """In digits of other alphabets: all of them, the first one only, and those of the first number."""
    alphabets = [_digits(base, 0) for base in _DIGITS_FROM] + [_digits(base, 1) for base in _CIRCLED]
    for written in alphabets:
        yield written(address)
        yield written(address[0]) + address[1:]
        first, dot, others = address.partition(".")
        yield written(first) + dot + others
    powers = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
    yield address.translate(powers)
    yield address.translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
    yield address.translate(str.maketrans({"0": "\u24ea", "1": "\u2460"}))


def _dots(address: str) -> Iterator[str]:
    """With other dots, and with what is not seen between the digits."""
    for dot in _DOTS:
        yield address.replace(".", dot)
        yield address.replace(".", dot, 1)
        yield _digits(0xFF10, 0)(address.replace(".", dot))
    for unseen in _UNSEEN:
        yield address + unseen
        yield unseen + address
        yield address[0] + unseen + address[1:]


def _numbers(address: str) -> Iterator[str]:
    """As the C library reads numbers: fewer parts, octal, hexadecimal, with zeros and dots too many."""
    a, b, c, d = map(int, address.split("."))
    whole = int(ipaddress.IPv4Address(address))
    yield from (str(whole), hex(whole), f"0{whole:o}", f"0X{whole:X}", f"{whole}.")
    yield from (f"{a}.{whole & 0xFFFFFF}", f"{a}.{b}.{whole & 0xFFFF}", f"{a}.{b << 16 | c << 8 | d}.")
    yield from (f"{a:#x}.{b:#x}.{c:#x}.{d:#x}", f"{a:#x}.{b}.{c}.{d}", f"{a}.{b}.{c}.{d:#x}", f"{a:#x}.{d}")
    yield from (f"0{a:o}.0{b:o}.0{c:o}.0{d:o}", f"0{a:o}.{b}.{c}.{d}", f"{a:03d}.{b:03d}.{c:03d}.{d:03d}")
    yield from (f"{address}.", f"{address}..", f".{address}", f"{a}..{b}.{c}.{d}", f"{a}.{b}.{c}.0{d}")


def _encoded(address: str) -> Iterator[str]:
    """Percent-encoded, in part and as a whole."""
    yield "".join(f"%{ord(c):02x}" for c in address)
    yield address.replace(".", "%2e")
    yield address.replace(".", "%2E", 1)
    yield f"%{ord(address[0]):02x}{address[1:]}"
    yield "".join(f"%25{ord(c):02x}" for c in address)
    yield "".join(f"%{byte:02x}" for byte in _digits(0xFF10, 0)(address).encode())
    for tail in ("%00", "%20", "%0a", "%09", "%2f", "%23", "%00.example.com"):
        yield address + tail


def _six(address: str) -> Iterator[str]:
    """As IPv6 addresses that lead to it, and with zones."""
    four = int(ipaddress.IPv4Address(address))
    high, low = four >> 16, four & 0xFFFF
    wrapped = [f"::ffff:{high:x}:{low:x}", f"::ffff:{address}", f"0:0:0:0:0:ffff:{address}", f"::{address}",
               f"::ffff:0:{high:x}:{low:x}", f"64:ff9b::{address}", f"64:ff9b::{high:x}:{low:x}",
               f"64:ff9b:1::{high:x}:{low:x}", f"2002:{high:x}:{low:x}::", f"2002:{high:x}:{low:x}::1",
               f"2001:0:808:808::{high ^ 0xFFFF:x}:{low ^ 0xFFFF:x}", f"2606:2800::5efe:{high:x}:{low:x}",
               f"2606:2800::200:5efe:{high:x}:{low:x}"]  # fmt: skip
    for one in wrapped:
        yield f"[{one}]"
        yield f"[{one.upper()}]"
        yield f"[{ipaddress.IPv6Address(one).exploded}]"
    for zone in ("%1", "%25eth0", "%eth0", "%25"):
        yield f"[::ffff:{address}{zone}]"
    yield f"[{_digits(0xFF10, 0)(wrapped[0])}]"
    yield f"[{address}]"
    yield f"[v1.{address}]"


def spellings(address: str) -> list[str]:
    """Hosts that stand for one address."""
    return [host for ways in (_scripts, _dots, _numbers, _encoded, _six) for host in ways(address)]


def hosts() -> list[str]:
    """Hosts, each once: every one stands for an address that may not be called."""
    made = [host for address in FORBIDDEN for host in spellings(address)]
    made += ["[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[fe80::1]", "[fe80::1%25eth0]", "[fd00:ec2::254]", "[fec0::1]",
             "[ff02::1]", "127.1", "0x7f.1", "2130706433", "017700000001", "0", "0x", "127.0.1"]  # fmt: skip
    made += [*FORBIDDEN, "168.63.129.16", "100.100.100.200", "192.0.0.192", "224.0.0.1", "255.255.255.255"]
    return list(dict.fromkeys(made))


def tricks(address: str) -> list[str]:
    """Whole URLs: a forbidden host beside a good one, and characters that programs leave out."""
    good = "example.com"
    return [
        f"https://{good}@{address}/", f"https://{good}:443@{address}/", f"https://{address}\\@{good}/",
        f"https://{good}\\.{address}/", f"https:\\\\{address}/", f"https:/\\{address}/", f"https:///{address}/",
        f"https:{address}/", f"https://\t{address}/", f"https://{address[:3]}\t{address[3:]}/",
        f"https://{address[:3]}\n{address[3:]}/", f"ht\ntps://{address}/", f"https://{address}\r/",
        f"https://{address} /", f"https:// {address}/", f"https://{good} @{address}/", f"https://{good}%40{address}/",
        f"https://{good}\uff20{address}/", f"https://{address}\uff0f.{good}/", f"https://{address}\uff03.{good}/",
        f"https://{address}\u2100.{good}/", f"https://{good}:@{address}/", f"https://@{address}/",
        f"https://{address}:443:80/", f"https://{address}:４４３/", f"https://{address}:0x1bb/", f"https://{address}:+443/",
        f"https://{good}[::1]/", f"https://[::1]{good}/", f"https://[::1]@{address}/", f"HTTPS://{address}/",
        f"http\u017f://{address}/", f"https://{address}?.{good}/", f"https://{address}#.{good}/", f"//{address}/",
        f"gopher://{address}/", f"https://{address}\x7f/", f"https://{address}\u2028/", f"https://\ud800{address}/",
        f"jar:https://{address}!/", f"file://{address}/", f" https://{address}/",
    ]  # fmt: skip


def is_compatible(host: str) -> bool:
    """Whether Unicode's compatibility mapping, which clients apply, makes another host of it."""
    return unicodedata.normalize("NFKC", host) != host
