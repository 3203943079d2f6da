"""Which sources are handed over, and by which settings: what the database says, followed while the worker runs."""

from collections.abc import Sequence

from waypost.app.ports.delivery import Claimed, SourceDelivery
from waypost.delivery.lanes import Kinds, Lane


class Following:
    """`lanes`: one a source that is handed over. `left`: sources that are no longer; their claims are to be let go."""

    def __init__(self, kinds: Kinds) -> None:
        self.kinds = {name: kind for name, kind in kinds.items() if kind.pushes}
        self.lanes: dict[int, Lane] = {}
        self.left: set[int] = set()
        self._unusable: dict[int, int] = {}  # sources whose settings cannot be used, with the version of these

    def follow(self, row: SourceDelivery, now: float) -> list[tuple[Claimed, float]]:
        """What is to be written anew, as its settings have changed. Raises whatever keeps them from being used."""
        lane = self.lanes.get(row.source_id)
        if lane is None:
            self.lanes[row.source_id] = Lane(row, self.kinds[row.kind], now)
        elif lane.row.version != row.version:
            lane.renew(row, self.kinds[row.kind])
            again = [(job.attempt, job.claimed_s) for job in lane.ready]
            lane.ready.clear()
            return again
        return []

    def leave_all_but(self, rows: Sequence[SourceDelivery]) -> None:
        """Every other source is paused, archived, or fetches its requests itself."""
        for source_id in self.lanes.keys() - {row.source_id for row in rows}:
            self.leave(source_id)

    def leave(self, source_id: int) -> None:
        """It is not handed over any more."""
        if self.lanes.pop(source_id, None) is not None:
            self.left.add(source_id)

    def is_unusable(self, row: SourceDelivery) -> bool:
        """Its settings cannot be used; whether that is news."""
        was, self._unusable[row.source_id] = self._unusable.get(row.source_id), row.version
        return was != row.version

    def forget_unusable(self, source_id: int) -> None:
        """It is news again."""
        self._unusable.pop(source_id, None)
