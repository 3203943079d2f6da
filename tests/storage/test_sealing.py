"""Secrets at rest: bound to their place, opened with the keys of the file, and nowhere in plain text."""

import base64
import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from waypost.app.ports.secrets import Secret
from waypost.domain.refusals import NoSecretKey
from waypost.storage.key_file import KeyFile, NoKey, new_key
from waypost.storage.sealing import Place, SecretBox, is_sealed, key_id_of, seal_with

HERE = Place("webhook", "secret", 7)
TEXT = "whsec_Ünïcode and more"


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    """A key file with one key."""
    made = KeyFile(tmp_path / "keys")
    made.make()
    return made


def test_a_sealed_value_opens_and_shows_nothing(file: KeyFile) -> None:
    box = SecretBox(file)
    value = box.seal(HERE, TEXT)
    assert is_sealed(value)
    assert "whsec" not in value
    assert b"whsec" not in base64.b64decode(value.rpartition(":")[2])
    assert box.open(HERE, value) == TEXT
    assert box.seal(HERE, TEXT) != value  # a nonce of its own each time


@pytest.mark.parametrize(
    "other", [Place("webhook", "secret", 8), Place("webhook", "previous_secret", 7), Place("source_delivery", "secret", 7)]
)
def test_a_value_that_was_copied_elsewhere_does_not_open(file: KeyFile, other: Place) -> None:
    box = SecretBox(file)
    assert box.open(other, box.seal(HERE, TEXT)) is None


def test_a_value_that_was_changed_does_not_open(file: KeyFile) -> None:
    box = SecretBox(file)
    value = box.seal(HERE, TEXT)
    head, _, sealed = value.rpartition(":")
    data = bytearray(base64.b64decode(sealed))
    for place in range(len(data)):
        data[place] ^= 1
        assert box.open(HERE, f"{head}:{base64.b64encode(data).decode()}") is None
        data[place] ^= 1
    for broken in ("", "x", "a" * 40, sealed[:-4], f"{sealed}!"):
        assert box.open(HERE, f"{head}:{broken}") is None


def test_plain_text_in_a_table_is_never_believed(file: KeyFile, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        assert SecretBox(file).open(HERE, TEXT) is None
    assert "it is not encrypted" in caplog.text
    assert TEXT not in caplog.text


def test_a_running_process_follows_the_file(file: KeyFile) -> None:
    """The file is read before each value that is sealed, and when an unknown key is met."""
    running, other = SecretBox(file), SecretBox(file)
    before = running.seal(HERE, TEXT)
    first = file.add_first()
    assert key_id_of(running.seal(HERE, TEXT)) == first.id != key_id_of(before)
    second = file.add_first()
    assert key_id_of(other.seal(HERE, TEXT)) == second.id
    assert running.open(HERE, other.seal(HERE, TEXT)) == TEXT
    assert running.open(HERE, before) == TEXT


def test_without_a_key_nothing_is_sealed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for box in (SecretBox(None), SecretBox(KeyFile(tmp_path / "missing"))):
        with pytest.raises(NoSecretKey), caplog.at_level(logging.ERROR):
            box.seal(HERE, TEXT)
    assert TEXT not in caplog.text


def test_a_key_that_is_gone_from_the_file_is_not_sealed_with_any_more(file: KeyFile) -> None:
    box = SecretBox(file)
    box.seal(HERE, TEXT)
    file.path.unlink()
    with pytest.raises(NoSecretKey):
        box.seal(HERE, TEXT)


def test_secrets_and_keys_hide_from_reprs() -> None:
    key = new_key()
    assert repr(Secret("s3cret")) == "'***'"
    assert "s3cret" not in repr((Secret("s3cret"), {"a": Secret("s3cret")}))
    assert repr(key.material) not in repr(key)
    assert str(Secret("s3cret")) == "s3cret"


def test_the_key_file_is_made_once_and_private(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys")
    assert file.make()
    made = file.path.read_bytes()
    assert not file.make()
    assert file.path.read_bytes() == made
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert sorted(one.name for one in tmp_path.iterdir()) == [".keys.lock", "keys"]


@pytest.mark.parametrize(("mode", "good"), [(0o600, True), (0o400, True), (0o640, True), (0o644, False), (0o620, False), (0o604, False)])
def test_a_key_file_that_others_can_use_is_refused(file: KeyFile, mode: int, good: bool) -> None:
    """A group may read it: that is how orchestrators hand out secrets."""
    file.path.chmod(mode)
    if good:
        assert len(file.read()) == 1
    else:
        with pytest.raises(NoKey, match=f"mode {mode:04o}"):
            file.read()


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "holds no key"), (b"# nothing\n", "holds no key"), (b"wpk1_c2hvcnQ=\n", "Line 1"), (b"\xff\xfe", "not a key file"),
     (b"SQLite format 3\0", "Line 1"), (b"# one\n\ns3cret-line\n", "Line 3")],
)  # fmt: skip
def test_what_is_no_key_file_is_refused_without_showing_it(file: KeyFile, content: bytes, says: str) -> None:
    file.path.write_bytes(content)
    with pytest.raises(NoKey, match=says) as refused:
        file.read()
    assert "s3cret" not in refused.value.message


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_nobody_waits_for_a_pipe(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "pipe")
    with pytest.raises(NoKey, match="no regular file"):
        KeyFile(tmp_path / "pipe").read()


def test_keys_are_added_used_and_dropped(file: KeyFile) -> None:
    (old,) = file.read()
    added = file.add_last()
    assert file.read() == (old, added)
    for _ in range(2):
        assert file.put_first(added.id) == added
        assert file.read() == (added, old)
    assert file.drop_all_but(added) == 1
    assert file.read() == (added,)
    with pytest.raises(NoKey, match="does not hold the key"):
        file.put_first(old.id)
    with pytest.raises(NoKey, match="just changed"):
        file.drop_all_but(old)
    assert file.read() == (added,)


def test_a_change_keeps_the_link_and_the_group(tmp_path: Path, file: KeyFile) -> None:
    link = tmp_path / "link"
    link.symlink_to(file.path)
    file.path.chmod(0o640)
    KeyFile(link).add_first()
    assert link.is_symlink()
    assert len(file.read()) == 2
    assert file.path.stat().st_mode & 0o777 == 0o640


def test_a_line_of_another_key_is_another_id(file: KeyFile) -> None:
    one, other = new_key(), new_key()
    assert one.id != other.id
    assert key_id_of(seal_with(one, HERE, TEXT)) == one.id
