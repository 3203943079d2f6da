"""The log: lines of JSON, whoever writes them."""

import io
import json
import logging

import pytest

from waypost.http.log import Lines, log_defect


def test_what_libraries_tell_is_a_line_of_json() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines())
    logger = logging.Logger("uvicorn.error")
    logger.addHandler(handler)
    logger.warning("Invalid %s\nreceived: \ud800", "request")
    try:
        raise ZeroDivisionError("oops")
    except ZeroDivisionError:
        logger.exception("It broke.")
    warning, defect = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (warning["level"], warning["by"]) == ("warning", "uvicorn.error")
    assert warning["message"] == "Invalid request\nreceived: ?"
    assert defect["level"] == "error"
    assert "ZeroDivisionError: oops" in defect["defect"]


def test_a_defect_with_what_is_no_text_is_told_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    log_defect("call-1", ValueError("\ud800"))
    assert json.loads(capsys.readouterr().err)["id"] == "call-1"
