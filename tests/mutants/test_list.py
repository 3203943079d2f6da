"""The list of mutants is sound: each applies to the source as it is, and names tests that exist. See `tests.mutants`."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.breakages import MUTANTS
from tests.mutants.mutant import ROOT, Mutant, NotApplicable

A_SENTENCE = 20  # characters


def test_there_are_enough_and_each_has_a_name_of_its_own() -> None:
    assert len(MUTANTS) >= 60
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert len({(mutant.file, mutant.old, mutant.new) for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_still_applies(mutant: Mutant) -> None:
    assert mutant.applied_to((ROOT / mutant.path).read_text())
    assert len(mutant.harm) > A_SENTENCE
    assert mutant.harm.endswith(".")
    assert mutant.tests


def test_what_does_not_apply_is_told() -> None:
    mutant = Mutant("m", "It breaks something.", "a.py", "one", "two", ("t",))
    assert mutant.applied_to("one = 1\n") == "two = 1\n"
    for text in ("three = 3\n", "one = one\n"):
        with pytest.raises(NotApplicable, match=r"stands [02] times"):
            mutant.applied_to(text)
    with pytest.raises(NotApplicable, match="changes nothing"):
        mutant._replace(new="one").applied_to("one = 1\n")
    with pytest.raises(NotApplicable, match="no Python"):
        mutant._replace(new="one two").applied_to("one = 1\n")


def test_none_uses_a_name_that_is_not_there(tmp_path: Path) -> None:
    """A slip in a mutant would be caught by any test: that proves nothing."""
    for mutant in MUTANTS:
        (tmp_path / f"{mutant.name}.py").write_text(mutant.applied_to((ROOT / mutant.path).read_text()))
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821,F823", "--target-version", "py311"]
    found = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_every_test_that_is_named_exists() -> None:
    named = sorted({test for mutant in MUTANTS for test in mutant.tests})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *named]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
