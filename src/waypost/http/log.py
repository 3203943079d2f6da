"""The request log: one JSON object a line, nothing secret in it."""

import asyncio
import itertools
import logging
import os
import sys
import time
import traceback
from typing import Any, TextIO

import msgspec

_encode = msgspec.json.Encoder().encode


class LineLog:
    """A log of one JSON object a line. Lines of one round of the event loop are written together."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: list[bytes] = []

    def write(self, line: dict[str, Any]) -> None:
        """Write `line`, at the latest when the loop has done what is ready now."""
        if not self._lines:
            asyncio.get_running_loop().call_soon(self.flush)
        self._lines.append(_encode(line))

    def flush(self) -> None:
        """Write what waits."""
        lines, self._lines = self._lines, []
        self._stream.write(b"\n".join(lines).decode() + "\n")
        self._stream.flush()


class CallIds:
    """Ids for calls that bring none: unique by a random beginning, cheap by a count."""

    def __init__(self) -> None:
        self._beginning = os.urandom(6).hex()
        self._count = itertools.count(1)

    def new(self) -> str:
        """The next id."""
        return f"{self._beginning}-{next(self._count):x}"


class Lines(logging.Formatter):
    """What else is told, by the libraries too: lines of the same kind, so that one reader reads the whole log."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object."""
        line = {
            "at": record.created, "level": record.levelname.lower(), "by": record.name,
            "message": _plain(record.getMessage()),
        }  # fmt: skip
        line |= getattr(record, "counted", {})
        if record.exc_info:
            line["defect"] = _plain(self.formatException(record.exc_info))
        return _encode(line).decode()


def _plain(text: str) -> str:
    """Without what is no text: a lone surrogate would cost the line."""
    return text.encode("utf-8", "replace").decode()


def log_to(stream: TextIO, level: str) -> None:
    """Let everything that is logged go to `stream`, from this level on."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines())
    logging.basicConfig(handlers=[handler], level=level.upper())
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)  # else six lines at each start


def log_defect(call_id: str, error: BaseException) -> None:
    """What only the operator may see of an unforeseen error."""
    text = _plain("".join(traceback.format_exception(error)))
    line = {"at": time.time(), "id": call_id, "level": "error", "defect": text}
    sys.stderr.write(_encode(line).decode() + "\n")


def log_failure(error: BaseException) -> None:
    """As `log_defect`, where no call is known."""
    log_defect("", error)
