"""Who may call what (contract section 1.3): every operation × every place of an id × every type of token × every subject.

What is expected stands in `expected.txt`, which people review. `WAYPOST_ACCESS=write` makes the test write it anew, and
fail, so that a run that writes proves nothing.
"""

import difflib
import os
from collections.abc import Iterator
from pathlib import Path

from tests.access.calls import places_of, references
from tests.access.matrix import Matrix, rendered, served, table_digest
from tests.access.subjects import NAMES, build
from tests.support.contract import CONTRACT
from tests.support.world import World

EXPECTED = Path(__file__).parent / "expected.txt"
HEAD = f"""\
# The access matrix. Made by tests/access/test_matrix.py with WAYPOST_ACCESS=write; read by people. Both engines.
#
# A block is an operation of the contract. A line is a place in which an id or a number of a subject stands: `id` in the
# path, a name in the query (`name=*`: a filter that names no subject, with every value it may have), a pointer into the body
# (`-`: the call names no subject). Then the type of the token, and what it gets for each subject:
#
#   own        the caller's, released            sibling    of another source and channel of the account
#   foreign    of another account                unknown    nobody's
#   unprocessed, info, length, duplicate, crossed           never released: they stand in this status
#   voided, canceled, rerouted, dropped          ended before the release; dropped: with its order
#
# 200, 404 … the status; 401: this type of token may not call the operation. Of lists: + shown, - not shown. =404: of an
# element of a body that is judged by itself. #5: a count in all. A dot: the subject has no such thing.
#
# columns: {" ".join(NAMES)}
"""


def _expected() -> list[str]:
    return EXPECTED.read_text().splitlines() if EXPECTED.exists() else []


async def test_everybody_gets_what_is_theirs_and_nothing_else(world: World, migrated_url: str) -> None:
    subjects = await build(world)
    async with table_digest(migrated_url) as digest:
        matrix = Matrix(world, subjects, digest)
        await matrix.run()
    lines = [*HEAD.splitlines(), *rendered(matrix.lines)]
    if os.environ.get("WAYPOST_ACCESS") == "write":
        EXPECTED.write_text("\n".join(lines) + "\n")
        raise AssertionError(f"{EXPECTED.name} was written: read its diff, and run again without WAYPOST_ACCESS")
    assert matrix.faults == []
    assert list(difflib.unified_diff(_expected(), lines, "expected.txt", "seen", lineterm="", n=1)) == []


def _missing() -> Iterator[str]:
    for name in served():
        for at in sorted(references(name) - {place.place for place in places_of(name)}):
            yield f"{name} {at}"


def test_every_place_of_an_id_is_in_the_matrix() -> None:
    assert list(_missing()) == []
    open_to_all = set(CONTRACT.operations) - CONTRACT.not_yet - set(served())
    assert [name for name in open_to_all if CONTRACT.operations[name][2].get("security") != []] == []


async def test_without_a_good_token_nothing_is_told(world: World, migrated_url: str) -> None:
    client = world.client()
    async with table_digest(migrated_url) as digest:
        before = await digest()
        for name in served():
            method, path, _ = CONTRACT.operations[name]
            for token in (None, "", "wp_ours_acc ", "wp_nobody", "null", "Bearer wp_ours_acc"):
                reply = await client.with_token(token).call(method, path.replace("{id}", "1"), json={})
                assert reply.status == 401, (name, token, reply.body)
                assert reply.json()["code"] == "unauthorized"
        assert await digest() == before
