"""`python -m tests.growth`: what it refuses."""

import pytest

from tests.growth import __main__ as growth
from tests.growth.table import PAGE


@pytest.mark.parametrize(
    "part", [["--only", "list_orders*"], ["--modes", "plain"], ["--engine", "sqlite"], ["--large", "50000"]]
)
def test_the_page_is_not_written_from_a_part(capsys: pytest.CaptureFixture[str], part: list[str]) -> None:
    before = PAGE.read_bytes()
    with pytest.raises(SystemExit) as ended:
        growth.main(["--write", *part])
    assert ended.value.code == 2
    assert f"--write needs a complete run, or growth.md shows a part only: leave out {part[0]}" in capsys.readouterr().err
    assert PAGE.read_bytes() == before


def test_a_name_that_no_call_has_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        growth.main(["--engine", "sqlite", "--modes", "plain", "--only", "nonsense"])
    assert ended.value.code == 2
    assert "No call matches 'nonsense'" in capsys.readouterr().err
