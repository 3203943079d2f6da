"""Files as a whole: their encoding, their form, their content."""

import hashlib
from pathlib import Path

import pytest

from waypost.importing import files
from waypost.importing.files import Unreadable, form_of, open_text, scan


def test_the_form_is_told_by_the_name_or_said() -> None:
    assert [form_of(Path(name), None) for name in ("a.csv", "a.JSONL", "a.ndjson", "a.txt", "a")] == [
        "csv", "jsonl", "jsonl", "csv", "csv",
    ]  # fmt: skip
    assert form_of(Path("a.csv"), "jsonl") == "jsonl"


def test_a_scan_tells_size_and_content(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes("größe\n".encode())
    assert scan(file, "utf-8") == (len("größe\n".encode()), hashlib.sha256("größe\n".encode()).hexdigest())


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 1024])
def test_latin_1_is_refused_with_its_line_and_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(files, "CHUNK", chunk)
    file = tmp_path / "a.csv"
    file.write_bytes(b"orderNumber,sku\nA,B\nM\xfcller,x\n")
    with pytest.raises(Unreadable, match=r"Line 3 is not UTF-8: byte 0xFC .*--encoding latin-1"):
        scan(file, "utf-8")
    assert scan(file, "latin-1").size == 29


def test_a_letter_that_is_cut_off_is_found_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"a\n\xc3")
    with pytest.raises(Unreadable, match="Line 2 is not UTF-8"):
        scan(file, "utf-8")


def test_utf_16_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes("sku\n".encode("utf-16"))
    with pytest.raises(Unreadable, match="say --encoding utf-16"):
        scan(file, "utf-8")
    with open_text(file, "utf-16") as text:
        assert text.stream.read() == "sku\n"


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"\xef\xbb\xbfsku\r\n")
    with open_text(file, "UTF-8") as text:
        assert (text.stream.read(), text.at) == ("sku\r\n", 8)


def test_what_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"none\.csv cannot be read: no such file or directory"):
        scan(tmp_path / "none.csv", "utf-8")
    with pytest.raises(Unreadable, match="cannot be read: is a directory"):
        scan(tmp_path, "utf-8")
