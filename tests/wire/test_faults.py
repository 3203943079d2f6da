"""Faults: how many are told, and with which status."""

from waypost.wire.faults import FAULTS_AT_MOST, BadInput, Fault

ONE = Fault("parameter", "error", "required", "error is required.")


def test_bad_input_is_a_400_with_all_its_faults() -> None:
    other = Fault("header", "If-Match", "bad_etag", "Quote it.")
    error = BadInput([ONE, other])
    assert (error.status, error.code, error.faults) == (400, "invalid_input", [ONE, other])
    assert str(error) == "error is required. Quote it."


def test_status_and_code_can_be_others() -> None:
    error = BadInput([], 413, "content_too_large")
    assert (error.status, error.code, error.faults) == (413, "content_too_large", [])


def test_the_number_of_faults_is_bounded() -> None:
    assert len(BadInput([ONE] * 100_000).faults) == FAULTS_AT_MOST


def test_later_faults_of_the_caller_do_not_slip_in() -> None:
    faults = [ONE]
    error = BadInput(faults)
    faults.append(ONE)
    assert error.faults == [ONE]
