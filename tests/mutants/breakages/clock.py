"""Clocks that are set back, or differ between machines; rules that watch the clock."""

from tests.mutants.mutant import Mutant

_OVERDUE = "tests/http/test_attention.py::test_all_that_is_overdue_is_found"

MUTANTS = (
    Mutant(
        "clock-back-on-sqlite",
        "After the clock was set back, an event is older than the one before it.",
        "storage/queries/writing.py",
        "last_at = max($2, last_at + 1)",
        "last_at = $2",
        ("tests/storage/test_plain_moves.py::test_times_of_bare_failures_never_go_back[sqlite-1]",),
    ),
    Mutant(
        "clock-back-alone-on-postgresql",
        "After the clock was set back, an event is older than the one before it.",
        "storage/queries/plain_moves.py",
        "last_at = greatest($15::bigint, a.last_at + 1)",
        "last_at = $15::bigint",
        ("tests/storage/test_plain_moves.py::test_times_of_bare_failures_never_go_back[postgresql-1]",),
    ),
    Mutant(
        "clock-back-together-on-postgresql",
        "After the clock was set back, events of a batch are older than the one before it.",
        "storage/queries/plain_moves.py",
        "last_at = greatest($4::bigint, a.last_at + 1)",
        "last_at = $4::bigint",
        ("tests/storage/test_plain_moves.py::test_times_of_bare_failures_never_go_back[postgresql-2]",),
    ),
    Mutant(
        "clock-back-holds-claims",
        "After the clock was set back, requests wait for as long as it was ahead.",
        "storage/delivery.py",
        "AND (lease_until <= $2 OR lease_until > $2 + {_LONGEST_CLAIM})",
        "AND (lease_until <= $2)",
        ("tests/delivery/test_clock_jumps.py::test_a_claim_of_a_clock_that_ran_ahead_is_taken_over_at_once",),
    ),
    Mutant(
        "clock-back-holds-webhooks",
        "After the clock was set back, a webhook is sent nothing for as long as it was ahead.",
        "storage/webhooks.py",
        "AND (lease_until <= {{now}} OR lease_until > {{now}} + {_LONGEST_LEASE})",
        "AND (lease_until <= {{now}})",
        ("tests/events/test_clock_jumps.py::test_an_endpoint_held_by_a_clock_that_ran_ahead_is_free",),
    ),
    Mutant(
        "clock-back-holds-retries",
        "After the clock was set back, a failed message waits for as long as it was ahead.",
        "storage/webhooks.py",
        "WHERE webhook_id = $1 AND {_WRITTEN_AHEAD.format(now=\"$2\")}",
        "WHERE webhook_id = $1 AND 1 = 0 AND {_WRITTEN_AHEAD.format(now=\"$2\")}",
        (
            "tests/events/test_clock_jumps.py::test_a_retry_does_not_wait_for_a_clock_that_was_set_back[sqlite-plain]",
            "tests/events/test_clock_jumps.py::test_a_retry_does_not_wait_for_a_clock_that_was_set_back[postgresql-plain]",
        ),
    ),
    Mutant(
        "clock-back-gives-up-early",
        "After the clock was set back, an endpoint that fails is given up later than it should be.",
        "events/progress.py",
        "at if self.failing_since is None else min(self.failing_since, at)",
        "at if self.failing_since is None else self.failing_since",
        ("tests/events/test_clock_jumps.py::test_a_failure_is_never_older_than_the_clock_says",),
    ),
    Mutant(
        "clock-of-this-machine",
        "Two machines whose clocks differ take each other's leases for ended.",
        "storage/server_clock.py",
        "        return standing_us() + self._ahead_us\n",
        "        return time.time_ns() // 1000\n",
        ("tests/storage/test_server_clock.py::test_the_time_is_the_servers",),
    ),
    Mutant(
        "clock-rule-stopped-by-one-lock",
        "One request that somebody has locked keeps a clock rule from all others.",
        "delivery/clock_rules.py",
        """its clock rules are enforced one by one", account_id)
        except Unavailable:""",
        """its clock rules are enforced one by one", account_id)
            raise
        except Unavailable:""",
        ("tests/http/test_clock_rules_poison.py::test_a_request_that_is_locked_does_not_stop_the_others[postgresql]",),
    ),
    Mutant(
        "overdue-behind-others",
        "Somebody is told late of what is overdue, where more is locked than a look takes.",
        "delivery/clock_rules.py",
        "AT_ONCE, reached.source_id, tuple(reached.left),",
        "AT_ONCE, reached.source_id, (),",
        ("tests/http/test_clock_rules_poison.py::test_what_a_rule_finds_does_not_wait_behind_what_is_locked",),
    ),
    Mutant(
        "overdue-source-behind-another",
        "Where much of one source is overdue at once, somebody is told of the others' when all of that is told.",
        "delivery/clock_rules.py",
        "_Reached(found[-1].source_id, ",
        "_Reached(0, ",
        (f"{_OVERDUE}_little_by_little_and_each_source_has_its_turn",),
    ),
    Mutant(
        "overdue-while-snoozed",
        "A clock rule cancels a request that somebody has snoozed.",
        "app/editing.py",
        "snoozed_until=max(now.snoozed_until or 0, 0)",
        "snoozed_until=0",
        ("tests/http/test_attention.py::test_what_is_held_or_snoozed_is_not_overdue",),
    ),
    Mutant(
        "overdue-never-again-after-a-snooze",
        "A request that was snoozed once is never overdue again.",
        "storage/clock_rules.py",
        "else (_woken, _awake)",
        "else (_awake,)",
        ("tests/http/test_attention.py::test_what_is_overdue_is_found_as_plain_python_finds_it[sqlite]",),
    ),
    Mutant(
        "overdue-while-held",
        "A clock rule counts the time for which a request was held.",
        "storage/clock_rules.py",
        'return f"{_WATCHED} AND {key} AND {_COUNTS_FROM} <= {since}"',
        'return f"{_WATCHED} AND {key} AND s.status_since <= {since}"',
        ("tests/http/test_attention.py::test_what_is_overdue_is_found_as_plain_python_finds_it[sqlite]",),
    ),
)
