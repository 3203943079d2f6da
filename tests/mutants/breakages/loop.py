"""Nothing long in the event loop: slices, budgets, and work that grows with what has changed."""

from tests.mutants.mutant import Mutant

_TURNS = "tests/stalls/test_turns.py::test_a_long_operation_gives_way"
_LARGE = "tests/domain/test_routing_reference.py::test_large_orders_are_routed_as_by_the_reference"

MUTANTS = (
    Mutant(
        "loop-no-pauses",
        "Everybody waits for seconds while a long order is routed.",
        "app/slices.py",
        "            await asyncio.sleep(0)\n",
        "            pass\n",
        (
            "tests/app/test_slices.py::test_many_short_pieces_of_work_share_a_pace",
            f"{_TURNS}[sqlite-order posted and generated]",
        ),
    ),
    Mutant(
        "loop-routing-at-once",
        "The routing of an order of 500 lines runs in one piece.",
        "app/routing.py",
        "await in_slices(supply.routing(order, wanted))",
        "__import__('waypost.domain.slices', fromlist=['at_once']).at_once(supply.routing(order, wanted))",
        (f"{_TURNS}[sqlite-preview]",),
    ),
    Mutant(
        "loop-rows-at-once",
        "Thousands of rows are written to SQLite in one piece.",
        "storage/sqlite_tx.py",
        "            await self._pace.spend(_STEPS_OF_A_ROW * len(some))\n",
        "",
        (f"{_TURNS}[sqlite-order posted and generated]",),
    ),
    Mutant(
        "loop-one-statement",
        "PostgreSQL's driver encodes all values of a long batch in one piece.",
        "storage/postgres_tx.py",
        "rows[: _ROWS_AT_ONCE if name in _APART else None]",
        "rows[:]",
        (f"{_TURNS}[postgresql-bulk cancel]",),
    ),
    Mutant(
        "routing-stale-after-a-choice",
        "A source is still believed to send what another one was given: the order is ordered twice.",
        "domain/routing_lots.py",
        "            if share[1] > left:\n",
        "            if share[1] > left + 1:\n",
        (_LARGE,),
    ),
    Mutant(
        "routing-shared-variant-forgotten",
        "Two items that share a variant are routed by what the first would have taken before.",
        "domain/routing_lots.py",
        "                self._most[item_id] = max(self._most[item_id], quantity)\n",
        "                self._most[item_id] = self._most[item_id] or quantity\n",
        (_LARGE,),
    ),
    Mutant(
        "routing-every-round-anew",
        "Each round of routing looks at every source's part of every item again.",
        "domain/routing_lots.py",
        "        if self._most[item_id] <= left:\n            return 1\n",
        "",
        ("tests/domain/test_routing_reference.py::test_no_slice_is_long_and_all_of_them_are_few",),
    ),
    Mutant(
        "decision-without-a-bound",
        "A decision keeps hundreds of thousands of bids.",
        "domain/routing_rounds.py",
        "self._bids <= BIDS_AT_MOST",
        "self._bids <= 10**9 * (1 + BIDS_AT_MOST)",
        ("tests/domain/test_routing_reference.py::test_a_decision_of_very_many_bids_keeps_what_was_chosen[7]",),
    ),
    Mutant(
        "expression-separators-free",
        "A mapping joins a long text with itself thousands of times: gigabytes in the event loop.",
        "delivery/evaluation.py",
        "            self._budget.spend(len(separator) * len(array) // CHARACTERS_PER_STEP)",
        "            self._budget.spend(0)",
        ("tests/delivery/test_computing.py::test_what_a_join_comes_to_is_paid_for_before_it_is_made",),
    ),
    Mutant(
        "answer-of-any-size-judged",
        "A source's answer of a megabyte is decoded and gone through while everybody waits.",
        "delivery/sources/http/answers.py",
        "        readable = answer.complete and _is_short(answer.body)\n",
        "        readable = answer.complete\n",
        (
            "tests/delivery/test_answers.py::test_an_answer_that_would_take_long_to_read_decides_nothing[too long]",
            "tests/delivery/test_answers.py::test_an_answer_that_would_take_long_to_read_decides_nothing[too many]",
        ),
    ),
    Mutant(
        "cut-answer-keeps-half-a-secret",
        "Where a long answer is cut off, the beginning of a credential is kept.",
        "delivery/sources/http/redaction.py",
        "        return text[: max(0, len(text) - self._longest)] if is_cut else text\n",
        "        return text\n",
        ("tests/delivery/test_echoed_credentials.py::test_of_a_long_answer_the_beginning_is_kept_and_no_part_of_a_secret[{}]",),
    ),
)
