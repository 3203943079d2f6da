"""`waypost token`."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import Result

from waypost.app.ports import TokenRow
from waypost.app.tokens import digest_of, find
from waypost.storage.opening import open_store

Call = Callable[..., Result]
Told = Callable[..., Any]


@pytest.fixture
def database_url(migrated_url: str) -> str:
    """With its schema: making that is not what is tested here."""
    return migrated_url


@pytest.fixture(autouse=True)
def _merchant(call: Call) -> None:
    call("account", "create", "Acme")
    call("source", "create", "Warehouse")
    call("channel", "create", "Shop")


async def _stored(url: str, secret: str) -> TokenRow | None:
    store = await open_store(url)
    try:
        return await find(store.reads, digest_of(secret))
    finally:
        await store.close()


def test_the_token_alone_goes_to_standard_output(call: Call, database_url: str) -> None:
    result = call("token", "create", "--name", "admin")
    secret = result.stdout.removesuffix("\n")
    assert secret.startswith("wp_")
    assert len(secret) == 46
    assert result.stderr == "Token 1 (admin) created. It is shown only now:\n"
    row = asyncio.run(_stored(database_url, secret))
    assert row is not None
    assert (row.type, row.name, row.expires_at) == ("account", "admin", None)
    assert secret not in call("token", "list").stdout


@pytest.mark.parametrize(
    ("binding", "kind", "source_id", "channel_id"),
    [
        (("--source", "Warehouse"), "source", 1, None),
        (("--type", "source", "--source", "1"), "source", 1, None),
        (("--channel", "Shop"), "channel", None, 1),
        (("--type", "account"), "account", None, None),
    ],
)
def test_a_token_is_bound_by_id_or_name(
    told: Told, binding: tuple[str, ...], kind: str, source_id: int | None, channel_id: int | None
) -> None:
    made = told("token", "create", "--name", "x", *binding)
    assert (made["type"], made["sourceId"], made["channelId"]) == (kind, source_id, channel_id)
    assert made["token"][-4:] == made["hint"]
    assert "token" not in told("token", "list")[0]


@pytest.mark.parametrize(
    ("binding", "sentence"),
    [
        (("--type", "source"), "A source token is bound to a source: say which."),
        (("--source", "Nowhere"), "There is no source with the id or name 'Nowhere'."),
        (("--source", "1", "--channel", "1"), "A token of type source has no channel."),
        (("--expires", "2001-01-01"), "The token would be expired from the start."),
    ],
)
def test_a_wrong_binding_is_refused(call: Call, binding: tuple[str, ...], sentence: str) -> None:
    result = call("token", "create", "--name", "x", *binding, code=1)
    assert result.stderr == f"Error: {sentence}\n"
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("written", "expected"),
    [("90d", timedelta(days=90)), ("2w", timedelta(weeks=2)), ("30m", timedelta(minutes=30))],
)
def test_a_token_ends_after_a_duration(told: Told, written: str, expected: timedelta) -> None:
    made = told("token", "create", "--name", "x", "--expires", written)
    lives = datetime.fromisoformat(made["expiresAt"]) - datetime.now(UTC)
    assert expected - timedelta(minutes=5) < lives <= expected


def test_a_token_ends_at_a_moment(call: Call, told: Told) -> None:
    made = told("token", "create", "--name", "x", "--expires", "2999-12-31T12:00:00+02:00")
    assert made["expiresAt"] == "2999-12-31T10:00:00.000000Z"
    assert told("token", "create", "--name", "x", "--expires", "2999-12-31")["expiresAt"].startswith("2999-12-31T00")


@pytest.mark.parametrize("written", ["soon", "90", "-1d", "999999999w", "٣d", "2027-13-01", ""])
def test_what_is_no_expiry_is_wrong_usage(call: Call, written: str) -> None:
    result = call("token", "create", "--name", "x", f"--expires={written}", code=2)
    assert "neither a duration such as 90d nor a date" in result.stderr


def test_a_token_is_rotated_with_an_overlap(call: Call, told: Told, database_url: str) -> None:
    old = told("token", "create", "--name", "edi", "--source", "Warehouse")
    result = call("token", "rotate", old["id"], "--overlap", "1h")
    assert result.stderr == "Token 2 (edi) made from token 1 for source 1. It is shown only now:\n"
    new = asyncio.run(_stored(database_url, result.stdout.strip()))
    assert new is not None
    assert (new.family, new.source_id) == (old["family"], 1)
    was, now = told("token", "list")
    lives = datetime.fromisoformat(was["expiresAt"]) - datetime.now(UTC)
    assert timedelta(minutes=55) < lives <= timedelta(hours=1)
    assert now["expiresAt"] is None
    assert "rotate its successor, token 2" in call("token", "rotate", old["id"], code=1).stderr


def test_rotation_overlaps_a_day_unless_told_otherwise(call: Call, told: Told) -> None:
    told("token", "create", "--name", "x")
    told("token", "rotate", 1)
    lives = datetime.fromisoformat(told("token", "list")[0]["expiresAt"]) - datetime.now(UTC)
    assert timedelta(hours=23, minutes=55) < lives <= timedelta(hours=24)


def test_a_token_is_revoked(call: Call, told: Told) -> None:
    told("token", "create", "--name", "x")
    assert call("token", "revoke", 1).stdout == "Token 1 is revoked: x.\n"
    assert call("token", "revoke", 1).stdout == "Token 1 was revoked before.\n"
    assert told("token", "list")[0]["state"] == "revoked"
    assert told("token", "revoke", 1) == []
    assert call("token", "revoke", 9, code=1).stderr == "Error: There is no such token.\n"


def test_a_family_is_revoked_together(call: Call, told: Told) -> None:
    told("token", "create", "--name", "x")
    told("token", "rotate", 1)
    assert [row["state"] for row in told("token", "revoke", 1, "--family")] == ["revoked", "revoked"]


def test_tokens_are_listed_in_a_table(call: Call, told: Told) -> None:
    made = told("token", "create", "--name", "edi", "--source", "1", "--expires", "2999-12-31")
    lines = call("token", "list").stdout.splitlines()
    expected = ["1", "source", "1", "edi", f"…{made['hint']}", "active", "2999-12-31", "00:00:00Z", "1"]
    assert lines[1].split()[:9] == expected


@pytest.mark.parametrize(
    "args",
    [("create",), ("revoke", "x"), ("revoke", "0"), ("rotate", "1", "--overlap", "soon"), ("shred", "1")],
)
def test_wrong_usage_ends_with_2(call: Call, args: tuple[str, ...]) -> None:
    assert "Usage:" in call("token", *args, code=2).stderr
