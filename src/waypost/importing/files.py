"""Files as they come: their encoding, their form, and what identifies their content."""

import codecs
import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, TextIO

CHUNK = 1024 * 1024  # bytes
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}


class Unreadable(Exception):
    """The file as a whole cannot be read; says why, and what would help."""


class Scanned(NamedTuple):
    """What one pass over the whole file tells: its size in bytes, and the SHA-256 of its content."""

    size: int
    digest: str


def form_of(path: Path, given: str | None) -> str:
    """`csv` or `jsonl`: as given, else by the file's name."""
    return given or _SUFFIXES.get(path.suffix.lower(), "csv")


def scan(path: Path, encoding: str) -> Scanned:
    """Read it once from end to end, so that nothing is imported of a file whose letters cannot be read."""
    digest, size, lines = hashlib.sha256(), 0, 0
    decoder = codecs.getincrementaldecoder(encoding)()
    with _opened(path) as file:
        while True:
            chunk = file.read(CHUNK)
            if size == 0 and chunk.startswith(_UTF16) and codecs.lookup(encoding).name.startswith("utf-8"):
                raise Unreadable("The file is UTF-16: say --encoding utf-16.")
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                line = lines + 1 + error.object[: error.start].count(b"\n")
                raise Unreadable(_not(encoding, line, error)) from None
            if not chunk:
                return Scanned(size, digest.hexdigest())
            digest.update(chunk)
            size += len(chunk)
            lines += chunk.count(b"\n")


def _not(encoding: str, line: int, error: UnicodeDecodeError) -> str:
    byte = error.object[error.start]
    advice = " If it is Latin-1, say --encoding latin-1; if it is from Windows, --encoding cp1252."
    is_utf8 = codecs.lookup(encoding).name.startswith("utf-8")
    name = "UTF-8" if is_utf8 else encoding
    return f"Line {line} is not {name}: byte 0x{byte:02X} cannot be read.{advice if is_utf8 else ''}"


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    with file:
        yield file


class Text:
    """A file's text, line by line, in bounded pieces; `at` is how far it was read, in bytes (about)."""

    def __init__(self, stream: TextIO, raw: BinaryIO) -> None:
        self.stream = stream
        self._raw = raw

    @property
    def at(self) -> int:
        """Bytes read so far; the text runs a little behind."""
        return self._raw.tell()


@contextmanager
def open_text(path: Path, encoding: str) -> Iterator[Text]:
    """The file's text; a byte order mark is none of it, and line ends stay as they are."""
    name = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
    with _opened(path) as raw:
        yield Text(io.TextIOWrapper(raw, encoding=name, newline=""), raw)
