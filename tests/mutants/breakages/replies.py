"""Replies of megabytes, and what is compressed."""

from tests.mutants.mutant import Mutant

LARGE_WORK = "tests/app/test_large_work.py"
SLICES = "tests/http/test_slices.py"
COMPRESSION = "tests/http/test_compression.py"

MUTANTS = (
    Mutant(
        "rendered-in-one-go",
        "A list of megabytes stops every other call until all of it is rendered.",
        "app/large_work.py",
        "        if made >= SLICE:",
        "        if made >= SLICE * 1000:",
        (f"{LARGE_WORK}::test_others_go_on_after_each_slice",),
    ),
    Mutant(
        "grouped-in-one-go",
        "An order of thousands of requests, or a page of long orders, stops every other call until all records are made.",
        "storage/grouping.py",
        "lambda _: RECORD_BYTES",
        "lambda _: 0",
        (
            f"{SLICES}::test_no_turn_makes_much[sqlite-order of many requests]",
            f"{SLICES}::test_no_turn_makes_much[sqlite-orders of many items]",
            f"{SLICES}::test_no_turn_makes_much[sqlite-policies]",
        ),
    ),
    Mutant(
        "timeline-in-one-go",
        "A timeline of thousands of events stops every other call until all of them are made.",
        "storage/events.py",
        "lambda _: EVENT_BYTES",
        "lambda _: 0",
        (
            f"{SLICES}::test_no_turn_makes_much[sqlite-timeline of a request]",
            f"{SLICES}::test_no_turn_makes_much[postgresql-timeline of an order]",
        ),
    ),
    Mutant(
        "order-cut-short",
        "An order of more requests than a look-up reads is shown without the rest of them.",
        "storage/orders.py",
        "few if len(few) <= FEW_REQUESTS else await self.slow(sql, *args)",
        "few",
        (
            f"{SLICES}::test_no_turn_makes_much[sqlite-order of many requests]",
            f"{SLICES}::test_no_turn_makes_much[postgresql-order of many requests]",
        ),
    ),
    Mutant(
        "large-work-all-at-once",
        "Ten large lists stop other calls for ten slices in each round of the loop.",
        "app/large_work.py",
        "            async with self._turn:",
        "            async with asyncio.Lock():",
        (f"{LARGE_WORK}::test_one_at_a_time_in_order_of_arrival",),
    ),
    Mutant(
        "read-on-while-much-waits",
        "Clients that ask for many large lists at once fill the memory with rows that no limit counts.",
        "storage/read_queue.py",
        "            await self._large.room()",
        "            await asyncio.sleep(0)",
        (
            f"{LARGE_WORK}::test_no_list_is_read_while_too_much_that_was_read_waits",
            "tests/hostile/test_large_replies.py::test_lists_that_nobody_reads_are_bounded",
        ),
    ),
    Mutant(
        "slot-lost-while-waiting",
        "Callers that hang up while the server is crowded take its database readers with them, one by one.",
        "storage/read_queue.py",
        "            self._free.release()\n            raise",
        "            raise",
        (f"{LARGE_WORK}::test_who_waits_for_room_too_long_is_told_so",),
    ),
    Mutant(
        "accepted-one-by-one",
        "Of many clients that come together, the last ones wait until all others were answered many times.",
        "server/server.py",
        "for _ in range(ACCEPTED_AT_ONCE - 1)",
        "for _ in range(0)",
        ("tests/server/test_large_answers.py::test_clients_that_come_together_are_accepted_together",),
    ),
    Mutant(
        "secret-compressed",
        "The length of a compressed reply tells somebody who can add to it of the secret in it.",
        "http/compression.py",
        "if operation is None or operation.shows_secret:",
        "if operation is None:",
        (f"{COMPRESSION}::test_a_secret_is_never_compressed",),
    ),
    Mutant(
        "etag-of-other-bytes",
        "A strong ETag names two different sequences of bytes, and a cache gives one for the other.",
        "http/compression.py",
        'elif name in (b"etag", b"content-encoding"):',
        'elif name == b"content-encoding":',
        (f"{COMPRESSION}::test_what_has_an_etag_is_as_it_is",),
    ),
    Mutant(
        "compressed-without-an-end",
        "Callers of large lists make the server compress more and more, and everybody waits for it.",
        "http/compression.py",
        "if self._under_way and self._under_way + size > self._at_most:",
        "if size > self._at_most * 1000:",
        (f"{COMPRESSION}::test_only_so_much_is_compressed_at_once",),
    ),
    Mutant(
        "no-vary",
        "A cache gives a compressed reply to a caller that cannot read it.",
        "http/door.py",
        'if b"etag" not in names and depends(call, start["headers"]):',
        "if False:",
        (f"{COMPRESSION}::test_a_long_list",),
    ),
    Mutant(
        "head-with-another-length",
        "HEAD tells a length that the GET does not have.",
        "http/compression.py",
        "        if self._is_head:",
        "        if False:",
        (f"{COMPRESSION}::test_head_names_no_length_that_a_get_would_not_have",),
    ),
    Mutant(
        "parts-without-a-length",
        "A reply whose parts do not add up to its length reaches the client, and spoils what comes after it.",
        "server/exchange.py",
        "elif length is not None and length != size:",
        "elif length is not None and length < size // 10:",
        ("tests/server/test_large_answers.py::test_a_head_is_not_sent_before_the_length_of_all_parts_is_known",),
    ),
)
