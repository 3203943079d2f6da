"""Which secrets cannot be decrypted with the keys there are, for who has to decide whether they are lost for good."""

from pathlib import Path

from waypost.app.lost_secrets import LostSecrets
from waypost.storage.checking import evidence_of
from waypost.storage.key_check import needed_by
from waypost.storage.opening import current_location
from waypost.storage.rotation import required_key_file


async def lost_secrets(url: str, given: Path | None) -> LostSecrets:
    """What would be given up; changes nothing. Raises `NoKey` where a key file exists that cannot be used.

    A file with the wrong mode, or that is no key file, is something to mend: nothing is lost by it.
    """
    location = await current_location(url)
    file = required_key_file(location, given)
    exists = file.path.exists()
    held = {key.id for key in file.read()} if exists else set()
    rows: dict[str, set[int]] = {"webhook": set(), "source_delivery": set()}
    async with evidence_of(location, given) as evidence:
        async for finding in evidence.broken_rows():
            if finding.check == "secret_unreadable" and finding.id is not None:
                rows[finding.subject].add(finding.id)
    missing = sorted(await needed_by(location) - held)
    return LostSecrets(file.path, exists, missing, sorted(rows["webhook"]), sorted(rows["source_delivery"]))
