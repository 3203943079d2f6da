"""`waypost secrets`: the keys that the secrets in the database are encrypted with."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from waypost.cli import database as meeting
from waypost.cli.options import database_option, json_option
from waypost.cli.output import print_json, say

if TYPE_CHECKING:
    from waypost.app.lost_secrets import LostSecrets


@click.group("secrets")
def secret_keys() -> None:
    """Make and change the keys that encrypt webhook secrets and the credentials of sources.

    The keys lie in a file (--secret-key-file), one a line. The first one encrypts, all of them decrypt. Servers may
    run meanwhile: they read the file again.
    """


@secret_keys.command("create-key")
@database_option
@json_option
def create_key(database: str, as_json: bool) -> None:
    """Make the key file, with one key; on SQLite the first start does so by itself."""
    path = meeting.create_key(database)
    if as_json:
        print_json({"file": str(path)})
    else:
        say(f"{path} is made. Keep a copy of it, but not beside the backups of the database.")


@secret_keys.command("add-key")
@database_option
@json_option
def add_key(database: str, as_json: bool) -> None:
    """Add a key that only decrypts, so that all machines can get it before `rotate --added` uses it."""
    path, key_id = meeting.add_key(database)
    if as_json:
        print_json({"file": str(path), "keyId": key_id})
    else:
        say(f"{path} holds one more key, {key_id}. Copy the file to every machine. Then run here:"
            f" waypost secrets rotate --added {key_id}")  # fmt: skip


@secret_keys.command("rotate")
@click.option("--added", metavar="KEY_ID", help="Use this key, which add-key has put into the file, not a new one.")
@click.option("--drop-old", is_flag=True, help="Then remove the old keys. Backups from before need them.")
@database_option
@json_option
def rotate(added: str | None, drop_old: bool, database: str, as_json: bool) -> None:
    """Encrypt every secret with a new key, which becomes the first of the file.

    The old keys stay in the file, as older backups need them. If the command is interrupted, run it again: no secret
    is lost. Where several machines have a copy of the key file, use add-key first, or they cannot read what is new.
    """
    _tell(as_json, *meeting.rotate_keys(database, added, drop_old))


@secret_keys.command("drop-old")
@database_option
@json_option
def drop_old(database: str, as_json: bool) -> None:
    """Remove the old keys, after encrypting what still needs them with the first one.

    Backups that were made before the last rotation cannot be used without the old keys.
    """
    _tell(as_json, *meeting.drop_old_keys(database))


@secret_keys.command("forget")
@click.option("--yes", is_flag=True, help="Do it; it cannot be undone.")
@database_option
@json_option
def forget(yes: bool, database: str, as_json: bool) -> None:
    """Give up the secrets that cannot be decrypted, because their key is lost for good.

    Without --yes it only lists them, and the keys that are missing. Their webhooks are disabled until their secret is
    rotated. Their sources refuse hand-overs until their credentials are set again. Stop the servers first. If there is
    no key file any more, a new one is made.
    """
    lost = meeting.lost_secrets(database)
    done = yes and lost.any
    if not as_json:
        _tell_lost(lost)
    if done:
        meeting.forget_secrets(database, lost)
    if as_json:
        print_json({"file": str(lost.file), "exists": lost.exists, "missingKeys": lost.missing,
                    "webhooks": lost.webhooks, "sources": lost.sources, "done": done})  # fmt: skip
    elif done:
        say(f"The secrets of {len(lost.webhooks):,} webhooks and {len(lost.sources):,} sources were given up.")
    if lost.any and not done:
        raise click.UsageError(
            "Nothing was changed. If a copy of a missing key is anywhere, put it into the key file, or name the right"
            " file with --secret-key-file, and nothing is lost. Else --yes gives these secrets up; it cannot be undone."
        )


def _tell_lost(lost: "LostSecrets") -> None:
    if not lost.any:
        say("Every secret can be decrypted: there is nothing to give up.")
        return
    say(f"Key file: {lost.file}{'' if lost.exists else ', which does not exist'}.")
    if lost.missing:
        say(f"Missing keys: {', '.join(lost.missing)}.")
    for what, ids in (("webhooks", lost.webhooks), ("sources", lost.sources)):
        if ids:
            say(f"Secrets that cannot be decrypted, of {what}: {', '.join(map(str, ids))}.")


def _tell(as_json: bool, file: Path, key_id: str, values: int, dropped: int, left: int) -> None:
    if as_json:
        print_json({"file": str(file), "keyId": key_id, "values": values, "dropped": dropped, "oldKeys": left})
        return
    say(f"The key {key_id} in {file} encrypts all secrets now; secrets that needed it: {values:,}.")
    if dropped:
        say(f"Old keys removed from the file: {dropped:,}. Backups from before cannot be decrypted any more.")
    elif left:
        say(f"Old keys that are still in the file: {left:,}. Backups from before need them.")
