"""`waypost` itself: help, settings from three places, exit codes, and how quickly it starts."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from waypost import cli
from waypost.cli import COMMANDS, waypost


def run(*args: str, code: int = 0) -> str:
    result = CliRunner().invoke(waypost, args)
    assert result.exit_code == code, result.output
    return result.output


def test_help_lists_every_command_without_importing_any() -> None:
    output = run("--help")
    for name, entry in COMMANDS.items():
        assert name in output
        assert entry.help in output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_where_the_table_says_and_has_help(name: str) -> None:
    command = waypost.get_command(click.Context(waypost), name)
    assert isinstance(command, click.Command)
    assert command.help
    output = run(name, "--help")
    assert "Usage: waypost" in output
    leaves = command.commands if isinstance(command, click.Group) else {name: command}
    for leaf, found in leaves.items():
        options = {option for parameter in found.params for option in parameter.opts}
        # A command works on a database, or calls a hub that runs.
        assert "--database" in options or {"--url", "--token"} <= options, leaf


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("orders", "Only the orders of this channel"), ("inventory", "Only the inventory of this source"),
        ("fulfillment-requests", "Only the requests of this source"),
    ],
)  # fmt: skip
def test_the_help_of_an_export_says_what_its_filter_leaves_out(kind: str, words: str) -> None:
    assert words in " ".join(run("export", kind, "--help").split())


def test_an_unknown_command_is_wrong_usage() -> None:
    assert "No such command 'ship'" in run("ship", code=2)


def test_the_version_is_told() -> None:
    assert run("--version").startswith("waypost, version ")


def _database_used(*args: str, **environment: str) -> str:
    """Which SQLite file a command looks for."""
    result = CliRunner(env=environment).invoke(waypost, args)
    return result.output.removeprefix("Error: ").split(" ")[0]


def test_the_database_comes_from_the_nearest_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here, before, variable = ("sqlite:///here.db", "sqlite:///before.db", "sqlite:///variable.db")
    assert _database_used("check") == "waypost.db"
    assert _database_used("check", WAYPOST_DATABASE=variable) == "variable.db"
    assert _database_used("--database", before, "check", WAYPOST_DATABASE=variable) == "before.db"
    assert _database_used("--database", before, "check", "--database", here) == "here.db"
    assert _database_used("check", "--database", here, WAYPOST_DATABASE=variable) == "here.db"
    (tmp_path / "secret").write_text("sqlite:///file.db\n")
    assert _database_used("check", WAYPOST_DATABASE_FILE="secret") == "file.db"


def test_two_variables_for_one_setting_are_wrong_usage() -> None:
    env = {"WAYPOST_DATABASE": "sqlite:///a.db", "WAYPOST_DATABASE_FILE": "/nowhere"}
    result = CliRunner(env=env).invoke(waypost, ["check"])
    assert result.exit_code == 2
    assert "WAYPOST_DATABASE and WAYPOST_DATABASE_FILE are both set" in result.output


def test_a_url_that_is_not_accepted_says_what_is() -> None:
    assert "accepted is sqlite:///relative.db" in run("check", "--database", "mysql://x", code=1)


def test_an_unreachable_database_is_one_sentence_without_the_password() -> None:
    output = run("fr", "list", "--url", "http://127.0.0.1:1", "--token", "wp_x", code=1)
    assert output.startswith("Error: No hub can be reached there: GET http://127.0.0.1:1/fulfillment-requests: ")
    output = run("check", "--database", "postgresql://me:s3cret@127.0.0.1:1/shop", code=1)
    assert output.startswith("Error: postgresql://me@127.0.0.1:1/shop cannot be reached: ")
    assert "s3cret" not in output


def test_a_defect_is_named_as_one_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("waypost.cli.database.migrate", broken)
    output = run("migrate", code=1)
    assert (
        output == "Error: Waypost failed unexpectedly (ZeroDivisionError: oops). WAYPOST_LOG_LEVEL=debug shows where.\n"
    )
    monkeypatch.setenv("WAYPOST_LOG_LEVEL", "debug")
    result = CliRunner().invoke(waypost, ["migrate"])
    assert isinstance(result.exception, ZeroDivisionError)


def _process(*args: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WAYPOST_")}
    return subprocess.run(
        [sys.executable, "-m", "waypost", *args],
        capture_output=True, text=True, cwd=folder, env={**inherited, **environment}, timeout=60, check=False,
    )  # fmt: skip


def test_the_whole_of_it_in_real_processes(tmp_path: Path) -> None:
    assert _process("account", "create", "Größe 商店", folder=tmp_path).stdout == "Account 1 created: Größe 商店.\n"
    assert (tmp_path / "waypost.db").exists()
    token = _process("token", "create", "--name", "admin", folder=tmp_path)
    assert token.returncode == 0
    assert token.stdout.startswith("wp_")
    assert _process("backup", "all.backup", folder=tmp_path).returncode == 0
    refused = _process("restore", "all.backup", folder=tmp_path)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "Error: waypost.db exists already: --force replaces it, and keeps it as waypost.db.replaced.<time>.\n"
    assert _process("check", folder=tmp_path).returncode == 0
    assert _process("check", "--no-such-option", folder=tmp_path).returncode == 2


def test_a_terminal_that_cannot_show_a_name_is_no_failure(tmp_path: Path) -> None:
    done = _process("account", "create", "商店", folder=tmp_path, PYTHONIOENCODING="latin-1")
    assert (done.returncode, done.stdout) == (0, "Account 1 created: \\u5546\\u5e97.\n")


@pytest.mark.parametrize("args", [("account", "list"), ("account", "list", "--json")])
def test_a_pipe_that_nobody_reads_ends_a_command_silently(tmp_path: Path, args: tuple[str, ...]) -> None:
    assert _process("account", "create", "Acme", folder=tmp_path).returncode == 0
    reads, writes = os.pipe()
    os.close(reads)
    command = [sys.executable, "-m", "waypost", *args]
    done = subprocess.run(command, stdout=writes, stderr=subprocess.PIPE, cwd=tmp_path, timeout=60, check=False)
    os.close(writes)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_broken_connection_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("waypost.cli.database.migrate", broken)
    assert "Waypost failed unexpectedly (BrokenPipeError: " in run("migrate", code=1)


def test_help_imports_neither_drivers_nor_frameworks() -> None:
    code = (
        "import sys; from waypost.cli import waypost; waypost.main(['--help'], standalone_mode=False);"
        "heavy = {'sqlalchemy', 'alembic', 'asyncpg', 'falcon', 'rich', 'uvicorn', 'asyncio'};"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == ""


def test_main_is_the_console_entry(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["waypost", "--version"])
    monkeypatch.setattr(sys.stdout, "reconfigure", lambda **_: None, raising=False)
    monkeypatch.setattr(sys.stderr, "reconfigure", lambda **_: None, raising=False)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    assert "waypost, version" in capsys.readouterr().out
