"""The declared settings: where a value comes from, and what each takes."""

import ipaddress
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from waypost.cli.options import setting_option
from waypost.settings import SETTINGS, Setting, SettingError, setting


def test_every_setting_has_its_words_and_a_good_default() -> None:
    assert len({one.name for one in SETTINGS}) == len(SETTINGS)
    for one in SETTINGS:
        assert one.help.endswith(".")
        one.parse(one.default)


def test_names_follow_from_the_name() -> None:
    one = setting("rate_limit")
    assert (one.option, one.variable, one.file_variable) == ("--rate-limit", "WAYPOST_RATE_LIMIT", None)
    assert setting("database").file_variable == "WAYPOST_DATABASE_FILE"


def test_a_value_comes_from_the_environment_or_is_the_default() -> None:
    assert setting("port").value({}) == 8080
    assert setting("port").value({"WAYPOST_PORT": " 9000 "}) == 9000
    assert setting("port").value({"WAYPOST_PORT": ""}) == 8080


def test_a_token_may_make_forty_calls_in_one_go_and_two_per_second_on_average() -> None:
    assert (setting("burst").value({}), setting("rate_limit").value({})) == (40, 2.0)


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://me:s3cret@db/shop\n")
    database = setting("database")
    assert database.value({"WAYPOST_DATABASE_FILE": str(file)}) == "postgresql://me:s3cret@db/shop"
    with pytest.raises(SettingError, match="both set"):
        database.value({"WAYPOST_DATABASE_FILE": str(file), "WAYPOST_DATABASE": "sqlite:///x.db"})
    with pytest.raises(SettingError, match=r"WAYPOST_DATABASE_FILE names .*cannot be read: No such file"):
        database.value({"WAYPOST_DATABASE_FILE": str(tmp_path / "missing")})
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingError, match="not UTF-8"):
        database.value({"WAYPOST_DATABASE_FILE": str(file)})


def test_only_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    assert setting("host").value({"WAYPOST_HOST_FILE": str(tmp_path)}) == "127.0.0.1"


def test_a_list_may_be_repeated_on_the_command_line() -> None:
    @click.command()
    @setting_option("trusted_proxy")
    def command(trusted_proxy: tuple[object, ...]) -> None:
        click.echo(" ".join(map(str, trusted_proxy)))

    def told(*arguments: str, **environment: str) -> str:
        return CliRunner().invoke(command, arguments, env=environment).output.strip()

    assert told() == ""
    assert told("--trusted-proxy", "10.0.0.0/8,::1", "--trusted-proxy", "127.0.0.1") == "10.0.0.0/8 ::1/128 127.0.0.1/32"
    assert told(WAYPOST_TRUSTED_PROXY="10.0.0.0/8, ::1") == "10.0.0.0/8 ::1/128"
    assert told("--trusted-proxy", "::1", WAYPOST_TRUSTED_PROXY="10.0.0.0/8") == "::1/128"
    assert "'x' does not appear" in told("--trusted-proxy", "::1", "--trusted-proxy", "x")


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("rate_limit", "2/s", 2.0),
        ("rate_limit", "0.5/s", 0.5),
        ("rate_limit", "off", None),
        ("burst", "1", 1),
        ("port", "0", 0),
        ("trusted_proxy", "none", ()),
        (
            "trusted_proxy",
            "10.0.0.0/8, ::1",
            (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1")),
        ),
        ("log_level", "DEBUG", "debug"),
        ("host", " 0.0.0.0 ", "0.0.0.0"),
    ],
)
def test_what_a_setting_takes(name: str, written: str, value: object) -> None:
    assert setting(name).parse(written) == value


@pytest.mark.parametrize(
    ("name", "written"),
    [
        *(("rate_limit", bad) for bad in ("", "2", "2/m", "0/s", "-1/s", "nan/s", "inf/s", "x/s", "1e9/s")),
        *(("burst", bad) for bad in ("0", "-1", "1.5", "٣", "1_0", "")),
        *(("port", bad) for bad in ("65536", "+1", "http", "9" * 40)),
        *(("trusted_proxy", bad) for bad in ("10.0.0.1/8", "proxy", "10.0.0.0/8;::1")),
        ("log_level", "loud"),
        ("host", " "),
        ("database", ""),
    ],
)
def test_what_a_setting_refuses(name: str, written: str) -> None:
    one: Setting = setting(name)
    with pytest.raises(SettingError):
        one.parse(written)
