"""How much one source may be sent now: its concurrency, its rate, and whether it is up. Pure: time is passed in.

A source that fails several times in a row counts as down: it is left alone for a while, then tried with a single
request, and for longer each time that fails. Requests wait meanwhile, and none of their attempts is used up.
"""

from waypost.domain.handover import Policy

BURST_S = 1.0  # a rate may be used up at once for so long
PACE_S = 0.25  # over so long the pace of a source is measured
STALE_S = 1.0  # and no longer believed after this


class Gate:
    """The gate of one source. Times are seconds of a clock that never goes back."""

    def __init__(self, policy: Policy, now: float) -> None:
        self.policy = policy
        self.in_flight = 0  # begun and not ended, whether its call has left or not
        self.calling = 0  # of these, the calls that are under way; see `Turns`
        self.is_down = False
        self._failures = 0
        self._pauses = 0
        self._not_before = now
        self._tokens = 1.0
        self._filled_at = now
        self._start_s = 0.0
        self._ends = 0
        self._ends_since = now
        self._pace = 0.0

    def room(self, now: float) -> int:
        """How many more may begin now."""
        if self.is_paused(now):
            return 0
        room = (1 if self.is_down else self.policy.concurrency + self.ahead(now)) - self.in_flight
        if self.policy.rate is not None:
            self._fill(now, self.policy.rate)
            room = min(room, int(self._tokens))
        return max(room, 0)

    def is_paused(self, now: float) -> bool:
        """Whether it is to be left alone now."""
        return now < self._not_before

    def wait_s(self, now: float) -> float:
        """How long until time alone makes room; 0 where it does not wait for time."""
        wait = max(self._not_before - now, 0.0)
        if self.policy.rate is not None:
            self._fill(now, self.policy.rate)
            wait = max(wait, (1.0 - self._tokens) / self.policy.rate)
        return wait

    def appetite(self, now: float) -> int:
        """How many requests it is sensible to have at hand: what may begin within the next moments."""
        if self.is_down:
            return 1 if now >= self._not_before and not self.in_flight else 0
        rate = self.policy.rate
        return self.policy.concurrency if rate is None else max(1, min(self.policy.concurrency, int(rate * 2)))

    def ahead(self, now: float) -> int:
        """How many to begin beyond what may be called at once: as many calls as end while one is being begun.

        What is begun and not called when a worker is killed must be found out about, so these are few, none for a
        source that takes its time or has a rate, and never more than half as many again.
        """
        if self.is_down or self.policy.rate is not None or now - self._ends_since > STALE_S:
            return 0
        return min(self.policy.concurrency // 2, int(self._pace * self._start_s))

    def _fill(self, now: float, rate: float) -> None:
        most = max(1.0, rate * BURST_S)
        self._tokens = min(most, self._tokens + max(now - self._filled_at, 0.0) * rate)
        self._filled_at = now

    def begin(self, now: float) -> None:
        """One begins."""
        self.in_flight += 1
        if self.policy.rate is not None:
            self._fill(now, self.policy.rate)
            self._tokens -= 1.0

    def started(self, took_s: float) -> None:
        """One was begun, and that took so long."""
        self._start_s += (took_s - self._start_s) / 8

    def end(self, now: float) -> None:
        """It has ended, one way or the other."""
        self.in_flight -= 1
        self._ends += 1
        since_s = now - self._ends_since
        if since_s >= PACE_S:
            self._pace = self._ends / since_s
            self._ends, self._ends_since = 0, now

    def succeeded(self) -> bool:
        """The source has answered; whether it was down until now."""
        was_down, self.is_down = self.is_down, False
        self._failures = self._pauses = 0
        return was_down

    def failed(self, now: float, asked_s: float | None) -> bool:
        """It has not answered, or cannot take anything now (for `asked_s`); whether that makes it count as down."""
        self._failures += 1
        was_down = self.is_down
        self.is_down = was_down or self._failures >= self.policy.failures
        if self.is_down and now >= self._not_before:
            pause = min(self.policy.pause_s * 2.0 ** min(self._pauses, 30), self.policy.longest_pause_s)
            self._pauses += 1
            self._not_before = now + pause
        self.pause(now, asked_s or 0.0)
        return self.is_down and not was_down

    def pause(self, now: float, asked_s: float) -> None:
        """The source asks for time; it gets at most the longest pause."""
        self._not_before = max(self._not_before, now + min(asked_s, self.policy.longest_pause_s))
