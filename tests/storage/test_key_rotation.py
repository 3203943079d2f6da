"""Another key for every secret: beside running hubs, over several machines, killed at any step, refused in good time."""

import asyncio
import json
import os
import shutil
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.support.database import is_sqlite, rows, sqlite_path
from tests.support.filled import run_sql
from tests.support.merchant import Merchant, open_merchant
from tests.support.process import waypost
from waypost.app.actor import Scope
from waypost.app.lost_secrets import forget
from waypost.app.ports import Store, Tx
from waypost.app.ports.delivery import SourceDelivery
from waypost.app.ports.secrets import Secret
from waypost.app.records import record_now
from waypost.app.webhooks import WebhookDraft, creating, rotating
from waypost.domain.refusals import NoSecretKey
from waypost.storage import rotation
from waypost.storage.checking import evidence_of
from waypost.storage.key_file import KeyFile, NoKey
from waypost.storage.location import parse_url
from waypost.storage.opening import open_store
from waypost.storage.postgres_tx import PostgresTx
from waypost.storage.sealing import NO_SECRETS, SecretBox, key_id_of

FIRST, SECOND = Secret("whsec_Zmlyc3QtZmlyc3QtZmlyc3Q="), Secret("whsec_c2Vjb25kLXNlY29uZC1zZWNvbmQ=")
CREDENTIALS = Secret('{"token":"of the supplier"}')
# Every write to the folder of the key file, and both ends of the transaction, are a step. For each number of a step that
# it reads, a process rotates and dies there; it is forked, as a new one would take most of its time to import.
KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from waypost.storage import rotation

url, key_file, die_at = sys.argv[1], Path(sys.argv[2]), 0
steps = 0

def step(what):
    global steps
    steps += 1
    if steps == die_at:
        print(what, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

def hook(event, arguments):
    if event in ("os.rename", "os.remove", "os.chmod", "os.chown", "os.link"):
        step(event)
    elif event == "open" and isinstance(arguments[0], (str, Path)) and str(key_file.parent) in str(arguments[0]):
        step(f"open {arguments[0]}")

whole, reseal = rotation._exclusively, rotation._reseal

def resealed(*arguments):
    step("before the first value")
    done = reseal(*arguments)
    step("before the commit")
    return done

async def exclusively(*arguments):
    step("before the transaction")
    done = await whole(*arguments)
    step("after the commit")
    return done

rotation._reseal, rotation._exclusively = resealed, exclusively
import cryptography.hazmat.primitives.ciphers.aead, waypost.storage.exclusive, waypost.storage.migrations.run
for line in sys.stdin:
    die_at = int(line)
    child = os.fork()
    if child == 0:
        sys.addaudithook(hook)
        asyncio.run(rotation.rotate(url, key_file, drop_old=True))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print("ended with", os.waitstatus_to_exitcode(status), flush=True)
"""


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A key file with one key, in a folder of its own."""
    (tmp_path / "keys").mkdir()
    KeyFile(tmp_path / "keys" / "waypost.key").make()
    return tmp_path / "keys" / "waypost.key"


@pytest.fixture
async def keyed(migrated_url: str, key_file: Path) -> AsyncIterator[Store]:
    """A store with that key file."""
    opened = await open_store(migrated_url, migrate=False, key_file=key_file)
    yield opened
    await opened.close()


@pytest.fixture
async def merchant(keyed: Store) -> Merchant:
    """A merchant of that store, with secrets: a webhook with two of them, and a source."""
    made = await open_merchant(keyed)
    await plant(keyed, made)
    return made


async def plant(store: Store, merchant: Merchant) -> int:
    """Store three secrets; the webhook's id."""
    draft = WebhookDraft("desk", "https://example.com/h", ("*",))
    actor = merchant.actor()
    hook = (await record_now(store, creating(actor, draft, FIRST), 1)).record
    await record_now(store, rotating(actor, hook.id, SECOND, 3600), 2)

    async def write(tx: Tx) -> None:
        for source, secrets in zip(merchant.sources, (CREDENTIALS, Secret(NO_SECRETS)), strict=False):
            await tx.write_delivery(SourceDelivery(source, merchant.account, "http", "{}", secrets, "{}", False, 2, 1, 1))

    await store.write(write)
    return hook.id


async def seen(store: Store, merchant: Merchant) -> list[Any]:
    """The secrets as the application sees them."""
    (hook, *_) = await store.reads.webhooks(merchant.account)
    sources = [await store.reads.delivery(Scope(merchant.account), source) for source in merchant.sources[:2]]
    return [hook.secret, hook.previous_secret, *(row.secrets for row in sources if row)]


ALL = [SECOND, FIRST, CREDENTIALS, NO_SECRETS]


async def stored(url: str) -> list[str]:
    """The sealed values."""
    found = await rows(url, "SELECT secret, previous_secret FROM webhook ORDER BY id")
    found += await rows(url, "SELECT secrets FROM source_delivery ORDER BY source_id")
    return [value for row in found for value in row.values() if value not in (None, NO_SECRETS)]


async def keys_of(url: str) -> set[str]:
    """The ids of the keys that values are sealed with."""
    return {key_id_of(value) for value in await stored(url)}


async def test_secrets_are_sealed_in_the_tables_and_plain_for_the_application(
    keyed: Store, merchant: Merchant, migrated_url: str, key_file: Path
) -> None:
    assert await seen(keyed, merchant) == ALL
    values = await stored(migrated_url)
    assert len(values) == 3
    assert all(value.startswith("sealed:1:") for value in values)
    assert await keys_of(migrated_url) == {key.id for key in KeyFile(key_file).read()}


async def test_a_value_that_was_copied_to_another_row_does_not_open(
    keyed: Store, merchant: Merchant, migrated_url: str, key_file: Path
) -> None:
    other = await plant(keyed, merchant)
    await run_sql(
        migrated_url, "UPDATE webhook SET secret = (SELECT secret FROM webhook WHERE id <> $1) WHERE id = $1", other
    )
    hook = await keyed.reads.webhook(merchant.account, other)
    assert hook is not None
    assert (hook.secret, hook.previous_secret) == (None, FIRST)
    found = []
    async with evidence_of(parse_url(migrated_url), key_file) as evidence:
        async for finding in evidence.broken_rows():
            found.append(finding)
    assert [(one.check, one.subject, one.id) for one in found] == [("secret_unreadable", "webhook", other)]
    assert "whsec" not in found[0].message


async def test_a_rotation_beside_running_hubs(keyed: Store, merchant: Merchant, migrated_url: str, key_file: Path) -> None:
    other = await open_store(migrated_url, migrate=False, key_file=key_file)
    was = await keys_of(migrated_url)
    done = await rotation.rotate(migrated_url, key_file)
    assert (done.values, done.dropped) == (3, 0)
    assert await keys_of(migrated_url) == {done.key_id} != was
    for store in (keyed, other):
        assert await seen(store, merchant) == ALL
    await plant(other, merchant)  # sealed with the new key by a hub that was started with the old one
    assert await keys_of(migrated_url) == {done.key_id}
    dropped = await rotation.drop_old(migrated_url, key_file)
    assert (dropped.key_id, dropped.values, dropped.dropped) == (done.key_id, 0, 1)
    assert await seen(keyed, merchant) == ALL
    await other.close()


async def test_rotations_and_new_secrets_at_once_lose_nothing(
    keyed: Store, merchant: Merchant, migrated_url: str, key_file: Path
) -> None:
    """Each rotation drops the old key at once: a value that it missed could not be opened any more."""
    # SQLite has one hub a process: opening the file once more would drop the locks of the first.
    more = 0 if is_sqlite(migrated_url) else 2
    others = [await open_store(migrated_url, migrate=False, key_file=key_file) for _ in range(more)]
    ended = asyncio.Event()

    async def keep_writing(store: Store) -> int:
        count = 0
        while not ended.is_set():
            await plant_patiently(store, merchant)
            count += 1
        return count

    writing = [asyncio.create_task(keep_writing(store)) for store in (keyed, *others)]
    code = "import asyncio, sys; from pathlib import Path; from waypost.storage import rotation\n"
    code += "for _ in range(6): asyncio.run(rotation.rotate(sys.argv[1], Path(sys.argv[2]), drop_old=True))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, migrated_url, str(key_file))
    assert await asyncio.wait_for(process.wait(), 60) == 0
    ended.set()
    assert min(await asyncio.gather(*writing)) > 0
    box = SecretBox(KeyFile(key_file))
    assert await keys_of(migrated_url) <= box.key_ids
    assert len(box.key_ids) == 1
    for store in (keyed, *others):
        hooks = await store.reads.webhooks(merchant.account)
        assert {(hook.secret, hook.previous_secret) for hook in hooks} <= {(SECOND, FIRST), (FIRST, None)}
    for store in others:
        await store.close()


async def test_rotations_at_once_lose_nothing(
    keyed: Store, merchant: Merchant, migrated_url: str, key_file: Path
) -> None:
    """One that drops old keys would drop the key that the other one is about to encrypt with."""
    code = "import asyncio, sys; from pathlib import Path; from waypost.storage import rotation\n"
    code += "for _ in range(6): asyncio.run(rotation.rotate(sys.argv[1], Path(sys.argv[2]), drop_old=sys.argv[3] == 'drop'))"
    both = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", code, migrated_url, str(key_file), how)
        for how in ("drop", "keep")
    ]
    assert [await asyncio.wait_for(one.wait(), 120) for one in both] == [0, 0]
    fresh = await open_store(migrated_url, migrate=False, key_file=key_file)
    assert await seen(fresh, merchant) == ALL
    await fresh.close()


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_a_rotation_waits_for_a_secret_that_is_being_stored(
    keyed: Store, merchant: Merchant, migrated_url: str, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would remove the key of a value that it has not seen."""
    plain, sealed, go = PostgresTx.sealed, asyncio.Event(), asyncio.Event()

    async def slow(self: PostgresTx, *given: Any) -> dict[str, Any]:
        done = await plain(self, *given)
        sealed.set()
        await go.wait()
        return done

    async def rotation_waits() -> bool:
        return bool(await rows(migrated_url, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))

    monkeypatch.setattr(PostgresTx, "sealed", slow)
    row = SourceDelivery(merchant.sources[1], merchant.account, "http", "{}", CREDENTIALS, "{}", False, 3, 1, 1)
    storing = asyncio.create_task(keyed.write(lambda tx: tx.write_delivery(row)))
    await sealed.wait()
    rotating_keys = asyncio.create_task(rotation.rotate(migrated_url, key_file, drop_old=True))
    while not (rotating_keys.done() or await rotation_waits()):
        await asyncio.sleep(0.01)
    go.set()
    await storing
    assert (await rotating_keys).values == 4
    assert await seen(keyed, merchant) == [SECOND, FIRST, CREDENTIALS, CREDENTIALS]


async def plant_patiently(store: Store, merchant: Merchant) -> None:
    """A new secret for the webhook; what meets a lock, or the account's counter, is done again."""
    from waypost.domain.refusals import Refusal
    from waypost.storage.faults import RolledBack

    (hook, *_) = await store.reads.webhooks(merchant.account)
    try:
        await record_now(store, rotating(merchant.actor(), hook.id, SECOND, 0), 3)
        await record_now(store, rotating(merchant.actor(), hook.id, FIRST, 0), 3)
    except (Refusal, RolledBack):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0)


async def test_killed_at_any_step_nothing_is_lost(keyed: Store, merchant: Merchant, migrated_url: str, key_file: Path) -> None:
    met: list[str] = []
    await keyed.close()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, migrated_url, str(key_file), stdin=PIPE, stdout=PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for die_at in range(1, 100):
        process.stdin.write(f"{die_at}\n".encode())
        lines: list[str] = []
        while not lines or not lines[-1].startswith("ended with"):
            lines.append((await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip())
            assert lines[-1], lines
        # A hub that starts now, with nothing but what lies there.
        fresh = await open_store(migrated_url, migrate=False, key_file=key_file)
        assert await seen(fresh, merchant) == ALL, lines
        await fresh.close()
        if lines == ["ended with 0"]:
            break
        assert lines[-1] == f"ended with {-signal.SIGKILL}"
        met.append(lines[0])
        left = [file for file in key_file.parent.iterdir() if ".part" in file.name]
        assert all(file.stat().st_mode & 0o777 == 0o600 for file in left)
        for file in left:  # else the next run has other steps
            file.unlink()
    process.stdin.close()
    assert await process.wait() == 0
    assert {"before the transaction", "before the first value", "before the commit", "after the commit"} <= set(met)
    assert met.count("os.rename") == 2  # the new key, and the removal of the old ones
    assert len(KeyFile(key_file).read()) == 1
    left = {file.name for file in key_file.parent.iterdir()}
    assert left == {key_file.name, f".{key_file.name}.lock", f".{key_file.name}.rotate.lock"}


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_over_several_machines_in_the_documented_order(
    keyed: Store, merchant: Merchant, migrated_url: str, key_file: Path, tmp_path: Path
) -> None:
    """Each machine has a copy of the file; at every moment each can read what any of them has written."""
    there = tmp_path / "other-machine.key"
    shutil.copy(key_file, there)
    far = await open_store(migrated_url, migrate=False, key_file=there)

    async def both_read() -> None:
        for store in (keyed, far):
            assert await seen(store, merchant) == ALL

    steps: Iterable[tuple[str, ...]] = (
        ("add-key",), ("copy",), ("rotate", "--added"), ("rotate", "--added"), ("copy",), ("drop-old",), ("copy",)
    )  # fmt: skip
    added = ""
    for name, *options in steps:
        if name == "copy":
            shutil.copy(key_file, there)
        else:
            more = (*options, added) if options else ()
            given = ("--database", migrated_url, "--secret-key-file", str(key_file))
            code, output = await waypost("secrets", name, *more, "--json", *given)
            assert code == 0, output
            added = json.loads(output)["keyId"]
        await both_read()
        for store in (keyed, far):
            await plant(store, merchant)
            await both_read()
    (key,) = KeyFile(there).read()
    assert key.id == added
    assert await keys_of(migrated_url) == {key.id}
    await far.close()


async def test_the_wrong_key_is_found_at_start(keyed: Store, merchant: Merchant, migrated_url: str, key_file: Path, tmp_path: Path) -> None:
    (needed,) = await keys_of(migrated_url)
    other = KeyFile(tmp_path / "other.key")
    other.make()
    with pytest.raises(NoKey, match=needed):
        await open_store(migrated_url, migrate=False, key_file=other.path)
    with pytest.raises(NoKey, match="Put it back"):
        await open_store(migrated_url, migrate=False, key_file=tmp_path / "missing.key")
    assert not (tmp_path / "missing.key").exists()
    with pytest.raises(NoKey):  # SQLite: the one beside the database is missing; PostgreSQL: none is given
        await open_store(migrated_url, migrate=False)
    if is_sqlite(migrated_url):
        assert not list(sqlite_path(migrated_url).parent.glob(f"{sqlite_path(migrated_url).name}.key"))
    for command in ("serve", "worker"):
        port = ("--port", "0") if command == "serve" else ()
        code, output = await waypost(command, *port, "--database", migrated_url, "--secret-key-file", str(other.path))
        assert (code, needed in output) == (1, True), output
    code, output = await waypost("check", "--database", migrated_url, "--secret-key-file", str(other.path))
    assert (code, output.count("secret_unreadable")) == (1, 3)
    assert "whsec" not in output
    # What needs no secret still works: whoever has lost the key can take the data along.
    code, output = await waypost("account", "list", "--database", migrated_url, "--secret-key-file", str(other.path))
    assert code == 0, output


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_postgresql_without_a_key_refuses_to_store_a_secret(store: Store, migrated_url: str) -> None:
    bare = await open_store(migrated_url, migrate=False)
    made = await open_merchant(bare)
    before = await rows(migrated_url, "SELECT count(*) FROM event")
    with pytest.raises(NoSecretKey):
        await plant(bare, made)
    assert await rows(migrated_url, "SELECT 1 FROM webhook") == []
    assert await rows(migrated_url, "SELECT count(*) FROM event") == before
    await bare.close()


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_sqlite_makes_its_key_at_the_first_start(database_url: str) -> None:
    await (await open_store(database_url)).close()
    path = sqlite_path(database_url)
    file = path.with_name(f"{path.name}.key")
    assert file.stat().st_mode & 0o777 == 0o600
    made = file.read_bytes()
    await (await open_store(database_url)).close()
    assert file.read_bytes() == made
    file.unlink()  # nothing is sealed with it yet
    await (await open_store(database_url)).close()
    assert file.read_bytes() != made


async def test_the_commands_say_what_they_did(keyed: Store, merchant: Merchant, migrated_url: str, key_file: Path) -> None:
    given = ("--database", migrated_url, "--secret-key-file", str(key_file))
    code, output = await waypost("secrets", "create-key", *given)
    assert (code, "exists already" in output) == (1, True)
    code, output = await waypost("secrets", "rotate", "--json", *given)
    assert code == 0
    done = json.loads(output)
    assert (done["file"], done["values"], done["dropped"]) == (str(key_file), 3, 0)
    code, output = await waypost("secrets", "drop-old", *given)
    assert (code, "Old keys removed from the file: 1." in output) == (0, True), output
    new = "new.key"
    code, output = await waypost("secrets", "create-key", "--database", migrated_url, "--secret-key-file", str(key_file.with_name(new)))
    assert (code, "only the key" in output, new in os.listdir(key_file.parent)) == (1, True, False)
    code, output = await waypost("secrets", "drop-old", *given)
    assert (code, "Old keys" in output) == (0, False), output


async def test_only_what_is_lost_is_given_up(
    keyed: Store, merchant: Merchant, migrated_url: str, key_file: Path
) -> None:
    """A webhook whose secret of before is lost keeps its own, and goes on."""
    ((value,),) = await run_sql(migrated_url, "SELECT previous_secret FROM webhook")
    await run_sql(migrated_url, "UPDATE webhook SET previous_secret = $1", f"{value[:-8]}AAAAAAA=")
    given = ("--database", migrated_url, "--secret-key-file", str(key_file))
    (before,) = await keyed.reads.webhooks(merchant.account)
    await keyed.close()
    code, output = await waypost("secrets", "forget", "--yes", *given)
    assert code == 0, output
    opened = await open_store(migrated_url, migrate=False, key_file=key_file)
    (hook,) = await opened.reads.webhooks(merchant.account)
    assert (hook.secret, hook.previous_secret, hook.status) == (before.secret, None, "active")
    source = await opened.reads.delivery(Scope(merchant.account), merchant.sources[0])
    assert source is not None
    assert source.secrets not in (None, NO_SECRETS)
    await opened.close()


async def test_a_rotation_that_cannot_open_every_secret_changes_nothing(
    keyed: Store, merchant: Merchant, migrated_url: str, key_file: Path
) -> None:
    before = await stored(migrated_url)
    os.rename(key_file, f"{key_file}.lost")
    KeyFile(key_file).make()
    made = KeyFile(key_file).read()
    given = ("--database", migrated_url, "--secret-key-file", str(key_file))
    code, output = await waypost("secrets", "rotate", *given)
    assert (code, "Nothing was changed" in output) == (1, True), output
    assert (KeyFile(key_file).read(), await stored(migrated_url)) == (made, before)
    code, output = await waypost("secrets", "rotate", "--added", "0123456789abcdef", *given)
    assert (code, KeyFile(key_file).read()) == (1, made)


async def test_nothing_is_given_up_before_somebody_has_read_what(
    keyed: Store, merchant: Merchant, migrated_url: str, key_file: Path
) -> None:
    """A wrong file, or one that others may read, is something to mend: the secrets are not lost by it."""
    (needed,) = await keys_of(migrated_url)
    await keyed.close()
    before = await stored(migrated_url)
    given = ("--database", migrated_url, "--secret-key-file", str(key_file))
    code, output = await waypost("secrets", "forget", "--yes", *given)
    assert (code, "nothing to give up" in output) == (0, True), output
    code, output = await waypost("secrets", "forget", "--json", *given)
    assert (code, json.loads(output)["missingKeys"]) == (0, []), output
    os.chmod(key_file, 0o644)
    for options in ((), ("--yes",)):
        code, output = await waypost("secrets", "forget", *options, *given)
        assert (code, "chmod 600" in output) == (1, True), output
    os.chmod(key_file, 0o600)
    elsewhere = key_file.with_name("elsewhere.key")
    wrong = ("--database", migrated_url, "--secret-key-file", str(elsewhere))
    code, output = await waypost("secrets", "forget", *wrong)
    assert code == 2
    for part in (f"{elsewhere}, which does not exist", needed, "of webhooks: 1.", "of sources: 1.", "Nothing was changed"):
        assert part in output
    code, output = await waypost("secrets", "forget", "--json", *wrong)
    told = json.loads(output.splitlines()[0])
    assert (code, told["missingKeys"], told["webhooks"], told["done"]) == (2, [needed], [1], False)
    assert (elsewhere.exists(), await stored(migrated_url)) == (False, before)


async def test_what_was_set_again_meanwhile_is_not_given_up(keyed: Store, merchant: Merchant, migrated_url: str) -> None:
    """The list of what is lost was made a moment before."""
    (before,) = await keyed.reads.webhooks(merchant.account)
    assert before.previous_secret is not None
    source = merchant.sources[0]
    kept = await stored(migrated_url)
    await forget(keyed, [before.id], [source], keyed.now(), os.urandom)
    assert await stored(migrated_url) == kept
    assert (await keyed.reads.webhooks(merchant.account))[0] == before


async def test_the_secret_of_a_deleted_webhook_is_given_up_too(
    keyed: Store, merchant: Merchant, migrated_url: str, key_file: Path
) -> None:
    """Else the hub would not start without its key."""
    await run_sql(migrated_url, "UPDATE webhook SET status = 'deleted'")
    await keyed.close()
    os.unlink(key_file)
    given = ("--database", migrated_url, "--secret-key-file", str(key_file))
    code, output = await waypost("secrets", "forget", "--yes", "--json", *given)
    assert (code, json.loads(output.splitlines()[-1])["done"]) == (0, True), output
    await (await open_store(migrated_url, migrate=False, key_file=key_file)).close()


async def test_a_lost_key_is_given_up_and_the_hub_starts_again(
    keyed: Store, merchant: Merchant, migrated_url: str, key_file: Path
) -> None:
    await keyed.close()
    os.unlink(key_file)
    given = ("--database", migrated_url, "--secret-key-file", str(key_file))
    for name, expected in (("create-key", 1), ("forget", 2), ("forget --yes", 0)):
        code, output = await waypost("secrets", *name.split(), *given)
        assert code == expected, output
    assert "1 webhooks and 1 sources" in output
    opened = await open_store(migrated_url, migrate=False, key_file=key_file)
    (hook,) = await opened.reads.webhooks(merchant.account)
    assert (hook.status, hook.previous_secret, hook.secret in (None, FIRST, SECOND)) == ("disabled", None, False)
    source = await opened.reads.delivery(Scope(merchant.account), merchant.sources[0])
    assert source is not None
    assert (source.secrets, source.version) == (NO_SECRETS, 3)
    types = [row["type"] for row in await rows(migrated_url, "SELECT type FROM event ORDER BY seq DESC LIMIT 2")]
    assert types == ["source.delivery_changed", "webhook.disabled"]
    await opened.close()
    code, output = await waypost("check", *given)
    assert code == 0, output
