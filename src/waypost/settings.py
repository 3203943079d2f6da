"""Every setting of Waypost, declared once: command-line options, environment variables and docs come from it.

A setting `name` is the option `--name` and the variable `WAYPOST_NAME`; a secret may also be read from the
file that `WAYPOST_NAME_FILE` names, so that it never stands in an environment or a process list.
"""

import ipaddress
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LOG_LEVELS = ("debug", "info", "warning", "error")
MOST_RATE = 1_000_000
MOST_CONNECTIONS = 1_000_000


class SettingError(ValueError):
    """A value that a setting cannot take; the message is for a person and repeats no secret."""


class Setting(NamedTuple):
    """One setting. `default` is in its written form; `parse` gives the value or raises `SettingError`."""

    name: str
    default: str
    unit: str | None
    help: str
    parse: Callable[[str], Any]
    is_secret: bool = False
    is_list: bool = False  # `parse` gives a tuple; on the command line the option may be repeated

    @property
    def option(self) -> str:
        """How it is spelled on the command line."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """The environment variable that holds it."""
        return f"WAYPOST_{self.name.upper()}"

    @property
    def file_variable(self) -> str | None:
        """The environment variable that names a file which holds it; for secrets only."""
        return f"{self.variable}_FILE" if self.is_secret else None

    def written(self, environment: Mapping[str, str]) -> str | None:
        """Its written form in the environment; None where it has none. An empty variable counts as none."""
        given = environment.get(self.variable) or None
        file = environment.get(self.file_variable) if self.file_variable else None
        if not file:
            return given
        if given is not None:
            raise SettingError(f"{self.variable} and {self.file_variable} are both set: keep one of them.")
        try:
            return Path(file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            message = f"{self.file_variable} names {file}, which cannot be read: {reason}."
            raise SettingError(message) from error

    def value(self, environment: Mapping[str, str]) -> Any:
        """Its value by the environment, or by default."""
        written = self.written(environment)
        return self.parse(self.default if written is None else written)


def text(written: str) -> str:
    """Any text but none."""
    if not written.strip():
        raise SettingError("It must not be empty.")
    return written.strip()


def file_or_auto(written: str) -> Path | None:
    """A file; `auto` is None."""
    given = text(written)
    return None if given == "auto" else Path(given)


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """A whole number within bounds."""

    def parse(written: str) -> int:
        digits = written.strip()
        if not (digits.isascii() and digits.isdigit()) or not least <= int(digits[:20]) <= most:
            raise SettingError(f"It must be a whole number from {least} to {most}.")
        return int(digits)

    return parse


def seconds(written: str) -> float:
    """A number of seconds, up to an hour."""
    try:
        found = float(written)
    except ValueError:
        found = math.nan
    if not 0.1 <= found <= 3600:
        raise SettingError("It must be a number of seconds from 0.1 to 3600.")
    return found


def rate(written: str) -> float | None:
    """Requests per second, written `2/s`; `off` is None."""
    if written.strip().lower() == "off":
        return None
    number, slash, unit = written.strip().partition("/")
    try:
        per_second = float(number)
    except ValueError:
        per_second = math.nan
    if (slash, unit) != ("/", "s") or not 0 < per_second <= MOST_RATE:
        raise SettingError("It must be a number of requests per second such as 2/s, or off.")
    return per_second


def networks(written: str) -> tuple[Network, ...]:
    """Networks in CIDR form, separated by commas; `none` or nothing is none."""
    if written.strip().lower() in ("", "none"):
        return ()
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in written.split(","))
    except ValueError as error:
        raise SettingError(f"It must be networks such as 10.0.0.0/8, with commas between: {error}.") from error


def log_level(written: str) -> str:
    """One of LOG_LEVELS."""
    level = written.strip().lower()
    if level not in LOG_LEVELS:
        raise SettingError(f"It must be one of {', '.join(LOG_LEVELS)}.")
    return level


SETTINGS: tuple[Setting, ...] = (
    Setting("database", "sqlite:///waypost.db", "URL",
            "The database: sqlite:///relative.db, sqlite:////absolute/path.db or postgresql://user@host/database.",
            text, is_secret=True),
    Setting("secret_key_file", "auto", "file",
            "The file with the keys that encrypt the secrets in the database. auto: on SQLite the database's name with"
            " .key added, made at the first start; on PostgreSQL none.", file_or_auto),
    Setting("host", "127.0.0.1", "address", "The address that the server listens on.", text),
    Setting("port", "8080", "TCP port", "The port that the server listens on; 0 takes a free one.",
            whole_number(0, 65535)),
    Setting("rate_limit", "2/s", "requests per second",
            "How many calls each token may make per second on average; off means no limit, for addresses neither: for"
            " tests.", rate),
    Setting("burst", "40", "requests", "How many calls each token may make in one go.",
            whole_number(1, MOST_RATE)),
    Setting("client_timeout", "30", "seconds",
            "How long the server waits for a client that is slow to send a head or a body, or to read an answer: 0.1 to"
            " 3600. Each 64 KiB of a body that have come, or of an answer that were read, give it a second more.",
            seconds),
    Setting("idle_timeout", "30", "seconds",
            "How long a connection is kept on which nothing is asked: 0.1 to 3600. Behind a proxy that keeps"
            " connections, longer than the proxy does.", seconds),
    Setting("max_connections", "4096", "connections",
            "The most connections at once; fewer where the operating system allows fewer open files (ulimit -n).",
            whole_number(1, MOST_CONNECTIONS)),
    Setting("max_connections_per_address", "512", "connections",
            "The most connections of one address (IPv6: /64). Behind a trusted proxy: the most unfinished calls of one"
            " forwarded address.", whole_number(1, MOST_CONNECTIONS)),
    Setting("max_calls_per_token", "500", "calls", "The most unfinished calls of one token.",
            whole_number(1, MOST_CONNECTIONS)),
    Setting("max_held_mib", "64", "MiB",
            "The most memory for answers that are not read and for heads of requests, of all connections, 16 at least;"
            " beyond it, connections of the address with most of it are cut.",
            whole_number(16, 65536)),
    Setting("trusted_proxy", "none", "networks",
            "The proxies whose X-Forwarded-For is believed, in CIDR form, separated by commas. It is read from the"
            " right, up to the first hop that is no proxy's or that cannot be read.", networks, is_list=True),
    Setting("allow_targets", "none", "networks",
            "Networks, in CIDR form, that may be called although they are not public, also without TLS: for sources and"
            " webhooks on an intranet.", networks, is_list=True),
    Setting("delivery_concurrency", "64", "calls",
            "How many requests are being handed to sources at once, over all sources.", whole_number(1, 1024)),
    Setting("log_level", "info", None, f"The least severity that is logged: {', '.join(LOG_LEVELS)}.",
            log_level),
)  # fmt: skip


def base_url(written: str) -> str:
    """An http or https URL."""
    found = written.strip().rstrip("/")
    if not found.startswith(("http://", "https://")) or len(found.split("://", 1)[1]) == 0:
        raise SettingError("It must be a URL such as http://127.0.0.1:8080.")
    return found


CALLER_SETTINGS: tuple[Setting, ...] = (
    Setting("url", "http://127.0.0.1:8080", "URL", "The hub that a command calls.", base_url),
    Setting("token", "none", "token", "The token that a command calls it with.", text, is_secret=True),
)
"""Of the commands that call a hub over HTTP: `waypost fr` and its like."""


def setting(name: str) -> Setting:
    """The setting of that name."""
    return next(one for one in (*SETTINGS, *CALLER_SETTINGS) if one.name == name)
