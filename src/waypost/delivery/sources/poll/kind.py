"""The kind `poll`: the source uses the API, and the worker leaves its requests alone."""

from collections.abc import Mapping
from typing import Any

from waypost.app.ports.kinds import Checked, Recipient
from waypost.app.ports.secrets import Secret
from waypost.wire.faults import BadInput
from waypost.wire.shapes import fault_at, pointer_to


class Poll:
    """See `app.ports.kinds.Kind`."""

    name = "poll"
    pushes = False

    def check(self, settings: Mapping[str, Any], secrets: Mapping[str, str], kept: Mapping[str, str]) -> Checked:
        """There is nothing to set."""
        faults = [
            fault_at(pointer_to(at, name), "unknown_field", "is no setting of this kind")
            for at, given in (("/settings", settings), ("/secrets", secrets))
            for name in given
        ]
        if faults:
            raise BadInput(faults)
        return Checked("{}", Secret("{}"))

    def open(self, settings: str, secrets: Secret | None) -> Recipient:
        """Nobody hands anything over to such a source."""
        raise AssertionError("a source that polls is not handed its requests")

    async def close(self) -> None:
        """Nothing is held."""
