"""How many calls are under way: in all, of each token, and of each client behind a proxy."""

from collections import Counter

from waypost.domain.refusals import Unavailable
from waypost.http.call import Call
from waypost.http.gate import Refused
from waypost.http.rates import Network, client_name, is_in

CALLS_AT_ONCE = 2000
TOO_MANY_AT_ONCE = "too many calls at once"
CALLS_OF_TOKEN = 500
CALLS_OF_CLIENT = 512
_FULL = f"The server is answering {CALLS_AT_ONCE:,} calls, its limit: try again in 1 s."


class Unfinished:
    """Counts of calls that were let in and are not answered yet."""

    def __init__(
        self, trusted: tuple[Network, ...] = (), of_token: int = CALLS_OF_TOKEN, of_client: int = CALLS_OF_CLIENT
    ) -> None:
        self._trusted = trusted
        self._of_token = of_token
        self._of_client = of_client
        self._in_all = 0
        self._of: Counter[int | str] = Counter()  # by the id of a token, or by the address of a client

    def begin(self, call: Call, always: bool) -> None:
        """One more; raises `Unavailable` if there are too many in all (unless `always`), or `Refused` (429).

        A client behind a proxy has no connections of its own that could be counted.
        """
        self._in_all += 1
        if self._in_all > CALLS_AT_ONCE and not always:
            raise Unavailable(_FULL, retry_after_s=1)
        if not always and call.forwarded is not None and self._trusted and is_in(call.peer, self._trusted):
            client = client_name(call.peer, call.forwarded, self._trusted)
            self._take(call, client, self._of_client, "Your address")

    def of_token(self, call: Call, token_id: int) -> None:
        """One more of this token; raises `Refused` (429)."""
        self._take(call, token_id, self._of_token, "This token")

    def _take(self, call: Call, key: int | str, at_most: int, whose: str) -> None:
        if self._of[key] >= at_most:
            limit = f"{whose} may have at most {at_most} calls under way: wait for their answers."
            raise Refused(429, TOO_MANY_AT_ONCE, 1, call.token_id, limit)
        self._of[key] += 1
        call.counted.append(key)

    def end(self, call: Call) -> None:
        """It is answered."""
        self._in_all -= 1
        for key in call.counted:
            if self._of[key] > 1:
                self._of[key] -= 1
            else:
                del self._of[key]
