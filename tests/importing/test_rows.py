"""Rows of files, whole and broken: one broken row is one bad row, and what follows it is read."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.importing import rows
from waypost.importing.files import Unreadable
from waypost.importing.rows import FIELD_AT_MOST, LINE_AT_MOST, CsvRows, Row, json_rows, separator_of

KNOWN = ["sku", "quantity", "title"]


def read(text: str) -> tuple[list[str], list[Row]]:
    """Header and rows."""
    found = CsvRows(io.StringIO(text, newline=""), KNOWN)
    return found.header, list(found)


def cells(text: str) -> list[list[str]]:
    return [list(row.cells) for row in read(text)[1]]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_are_told_by_the_header(separator: str) -> None:
    header, [row] = read(separator.join(KNOWN) + "\r\n" + separator.join(("A", "1", "x")) + "\r\n")
    assert (header, row) == (KNOWN, Row(2, ["A", "1", "x"]))


def test_the_other_separators_may_stand_in_cells() -> None:
    assert separator_of("sku;quantity;title", KNOWN) == ";"
    assert cells("sku;quantity;title\nA;1;one, two\tthree\n") == [["A", "1", "one, two\tthree"]]
    assert separator_of('"sku,quantity;title"', KNOWN) == ","


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_ends_and_quotes(ending: str) -> None:
    text = ending.join(("sku,quantity,title", 'A,1,"say ""hi"", then', 'go"', "B,2,", ""))
    assert cells(text) == [["A", "1", f'say "hi", then{ending}go'], ["B", "2", ""]]


def test_rows_are_numbered_as_a_spreadsheet_shows_them() -> None:
    _, found = read('sku,quantity,title\nA,1,"two\nlines"\n\nB,2,x\n')
    assert [(row.number, row.cells[0]) for row in found] == [(2, "A"), (4, "B")]


def test_a_quote_that_is_never_closed_costs_its_own_row_only() -> None:
    _, found = read('sku,quantity,title\nA,1,x\nB,"2,x\nC,3,x\nD,4,x\n')
    assert [(row.number, row.fault is None) for row in found] == [(2, True), (3, False), (4, True), (5, True)]
    assert found[1].fault is not None
    assert found[1].fault[0] == "broken_row"
    assert [row.cells[0] for row in found if row.cells] == ["A", "C", "D"]


def test_a_stray_quote_that_swallows_a_row_gives_it_back() -> None:
    _, found = read('sku,quantity,title\nA,1,"x\nB,2,y"\nC,3,z\n')
    # Read as it is written, A has a title of two lines, and nothing is wrong.
    assert [list(row.cells) for row in found] == [["A", "1", "x\nB,2,y"], ["C", "3", "z"]]
    _, found = read('sku,quantity,title\nA,"1,x\nB,2,y"\nC,3,z\n')
    assert [(row.number, row.fault and row.fault[0]) for row in found] == [
        (2, "wrong_columns"), (3, None), (4, None),
    ]  # fmt: skip
    assert list(found[1].cells) == ["B", "2", 'y"']


@pytest.mark.parametrize(
    ("line", "code"),
    [("A,1", "wrong_columns"), ("A,1,x,y", "wrong_columns"), ('A,1,"x"y', "broken_row"), ("A,1,x\0", "broken_row")],
)
def test_a_bad_row_stands_alone(line: str, code: str) -> None:
    _, found = read(f"sku,quantity,title\n{line}\nB,2,y\n")
    assert [row.fault and row.fault[0] for row in found] == [code, None]


def test_empty_cells_at_the_end_are_no_columns() -> None:
    header, found = read("sku,quantity,title,,\nA,1,x,,\nB,2,y\n,,,,\n")
    assert header == KNOWN
    assert [list(row.cells) for row in found] == [["A", "1", "x"], ["B", "2", "y"]]


def test_nothing_of_any_length_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "x" * (LINE_AT_MOST * 2 + 5)
    _, found = read(f"sku,quantity,title\nA,1,{long}\nB,2,y\n")
    assert [(row.number, row.fault and row.fault[0]) for row in found] == [(2, "broken_row"), (3, None)]
    wide = "x" * (FIELD_AT_MOST + 1)
    _, found = read(f"sku,quantity,title\nA,1,{wide}\nB,2,y\n")
    assert [row.fault and row.fault[0] for row in found] == ["broken_row", None]
    monkeypatch.setattr(rows, "LINE_AT_MOST", 16)
    _, found = read('sku,quantity\nA,"1\n' + "y" * 40 + '\nB"\nC,2\n')
    assert [row.number for row in found if row.fault is None] == [5]


@pytest.mark.parametrize("text", ["", "\n", "\ufeff"])
def test_nothing_names_nothing(text: str) -> None:
    assert read(text) == ([], [])


def test_a_header_that_cannot_be_read() -> None:
    with pytest.raises(Unreadable, match="names the columns"):
        read("sku,quantity\0,title\n")


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"])), min_size=3, max_size=3)
    )
)
def test_what_a_writer_writes_is_read(table: list[list[str]]) -> None:
    import csv

    file = io.StringIO(newline="")
    csv.writer(file).writerows([KNOWN, *table])
    assert cells(file.getvalue()) == [row for row in table if row]


@given(st.text(st.sampled_from('a",;\n\t1')))
def test_no_text_stops_the_reader(text: str) -> None:
    """Every physical line belongs to some row, or is blank: nothing is lost between them."""
    _, found = read("sku,quantity,title\n" + text)
    assert [row.number for row in found] == sorted({row.number for row in found})


def test_lines_of_json() -> None:
    found = list(json_rows(io.StringIO('{"a":1}\n\n  \nnonsense\n{"b":2}')))
    assert [(row.number, row.text) for row in found] == [(1, '{"a":1}\n'), (4, "nonsense\n"), (5, '{"b":2}')]


def test_a_line_of_json_that_is_too_long_is_one_bad_row() -> None:
    found = list(json_rows(io.StringIO("x" * (LINE_AT_MOST * 2 + 5) + '\n{"b":2}\n')))
    assert [(row.number, row.fault and row.fault[0]) for row in found] == [(1, "too_long"), (2, None)]
