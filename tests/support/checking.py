"""`waypost check`, run in this process; and the audit that knows none of its code."""

from tests.support.audit import audit
from tests.support.keys import key_file_for
from waypost.app.check import check
from waypost.app.judging import Finding
from waypost.storage.checking import evidence_of
from waypost.storage.opening import current_location


async def findings(database_url: str) -> list[Finding]:
    """What the check finds; an empty list when everything adds up. `tests/cli` runs the command itself."""
    found: list[Finding] = []
    async with evidence_of(await current_location(database_url), key_file_for(database_url)) as evidence:
        await check(evidence, found.append)
    return found


async def adds_up(database_url: str) -> None:
    """Fail unless the whole database adds up, by the hub's own check and by the audit."""
    assert await findings(database_url) == []
    await audit(database_url)
