"""The golden files: what each holds, and how it is packed and unpacked.

`data/<revision>-<engine>.tar.xz` holds the database (`hub.db`, or `hub.sql` as pg_dump writes it), the key file of its
secrets where that release had one, and `story.json`: what was asked and answered. `data/<revision>-<engine>.json` says
in short what is in it, for people.
"""

import json
import tarfile
from pathlib import Path
from typing import Any, NamedTuple

DATA = Path(__file__).parent / "data"
DATABASE, DUMP, STORY = "hub.db", "hub.sql", "story.json"
KEYS = "hub.db.key"  # where SQLite looks for it


class Call(NamedTuple):
    """A call with an Idempotency-Key, and the answer. `again`: the body that its repeat got, where that was another."""

    operation: str
    method: str
    target: str
    token: str  # which
    headers: dict[str, str]
    body: str | None
    status: int
    etag: str | None
    answer: str
    again: str | None

    @property
    def replayed(self) -> str:
        """The body of a replay, as its own release gave it."""
        return self.answer if self.again is None else self.again


class Story(NamedTuple):
    """What happened to a golden database before it was kept."""

    commit: str
    revision: str
    version: str
    engine: str
    tokens: dict[str, str]
    calls: list[Call]
    orders: list[dict[str, Any]]  # token, body as it was sent, id
    imported: list[dict[str, Any]]  # `file`: text of an order file, `channel`
    hooks: list[dict[str, Any]]  # id, secret, url
    supplier: dict[str, Any] | None  # source, the token that it is given


class Golden(NamedTuple):
    """A golden file in the tree."""

    path: Path

    @property
    def name(self) -> str:
        """`<revision>-<engine>`."""
        return self.path.name.removesuffix(".tar.xz")

    @property
    def revision(self) -> str:
        """Of the schema."""
        return self.name.split("-")[0]

    @property
    def engine(self) -> str:
        """sqlite or postgresql."""
        return self.name.split("-")[1]

    def facts(self) -> dict[str, Any]:
        """What the short file beside it says."""
        found: dict[str, Any] = json.loads((self.path.parent / f"{self.name}.json").read_text())
        return found

    def unpack(self, folder: Path) -> Story:
        """Write its files to a folder; its story."""
        with tarfile.open(self.path) as tar:
            tar.extractall(folder, filter="data")
        found = json.loads((folder / STORY).read_text())
        return Story(**{**found, "calls": [Call(**call) for call in found["calls"]]})


def golden_files(engine: str | None = None) -> list[Golden]:
    """All of them, the oldest first."""
    found = [Golden(path) for path in sorted(DATA.glob("*.tar.xz"))]
    return [one for one in found if engine in (None, one.engine)]


def pack(folder: Path, names: list[str], story: Story, tables: dict[str, int], data: Path = DATA) -> Golden:
    """Keep these files of a folder with their story; replaces what was kept for this revision and engine."""
    data.mkdir(exist_ok=True)
    told = {**story._asdict(), "calls": [call._asdict() for call in story.calls]}
    (folder / STORY).write_text(json.dumps(told, ensure_ascii=False))
    made = Golden(data / f"{story.revision}-{story.engine}.tar.xz")
    with tarfile.open(made.path, "w:xz", preset=9) as tar:
        for name in sorted([*names, STORY]):
            tar.add(folder / name, name, filter=_nobody)
    facts = {
        "commit": story.commit, "revision": story.revision, "version": story.version, "engine": story.engine,
        "rows": tables, "orders": len(story.orders), "calls": len(story.calls),
        "operations": sorted({call.operation for call in story.calls}),
    }  # fmt: skip
    (data / f"{made.name}.json").write_text(json.dumps(facts, indent=1) + "\n")
    return made


def _nobody(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without who made it."""
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info
