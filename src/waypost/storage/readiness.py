"""Whether the database can do what callers need: a read through each kind of connection, and a write.

Both go the ways that callers' reads and writes go, so that this cannot say yes while they fail. That many wait for each
other is no fault of the database: a look that waits for its turn is content if the turn of others comes.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, Protocol

from waypost.app.ports import Tx
from waypost.domain.refusals import Unavailable
from waypost.storage.migrations import PLAN
from waypost.storage.read_queue import WAIT_S, ReadQueue

# Every table that calls read or change: a lock on one of them is felt here as callers feel it.
_READ = (
    "account", "account_counter", "attention", "attention_group", "attention_item", "channel",
    "channel_shipping_method", "clock_rule", "event",
    "fulfillment_request", "fulfillment_request_line", "fulfillment_request_number", "fulfillment_request_state",
    "handover_attempt", "idempotency_key", "inventory_parent", "inventory_variant", "listing_parent", "listing_variant",
    "order_item", "orders", "product_variant", "routing_decision", "routing_group", "routing_group_source", "shipment",
    "shipment_item", "shipping_policy", "shipping_policy_method", "source", "source_delivery", "source_invoice",
    "source_invoice_item", "source_shipping_method", "stock_ledger", "token", "webhook", "webhook_delivery",
)  # fmt: skip
REVISION = "SELECT version_num FROM alembic_version WHERE " + " AND ".join(
    f"NOT EXISTS (SELECT 1 FROM {table} WHERE 0 = 1)" for table in _READ
)
STEP_S = 2.0  # each read, and the write, within this

_log = logging.getLogger("waypost.database")

Rows = Sequence[Sequence[Any]]
ReadPath = Callable[[str], Awaitable[Rows]]


async def prove_writable(tx: Tx) -> None:
    """A real write, undone at once."""
    await tx.prove_writable()


class Reads(Protocol):
    """The ways of reading. Each takes a statement."""

    queue: ReadQueue

    @property
    def read_paths(self) -> Sequence[ReadPath]:
        """Those that no read waits for."""

    @property
    def queued_path(self) -> ReadPath:
        """The one for who holds a slot of the queue."""


async def check_ready(reads: Reads, write: Awaitable[None], revision: str) -> None:
    """Raise `Unavailable` unless every way of reading finds this schema revision, and the write goes through.

    All steps run side by side; all have ended when this returns.
    """
    steps = [_found(read(REVISION), revision) for read in reads.read_paths]
    steps += [_found_in_turn(reads, revision), _within(write, "write")]
    for outcome in await asyncio.gather(*steps, return_exceptions=True):
        if isinstance(outcome, Unavailable):
            raise outcome
        if isinstance(outcome, BaseException):
            _log.error("the database cannot be used", exc_info=outcome)
            raise Unavailable("The database cannot be used now.", retry_after_s=1) from outcome


def wrong_schema(found: str, needed: str) -> Unavailable:
    """The refusal of everything that would write to a schema that this program was not made for."""
    if found == "none" or found in PLAN.revisions:  # no program works with any but the last revision that it knows
        todo = f"needs {needed}: run `waypost migrate`"
    else:
        todo = f"knows none after {needed}: replace this process with the newer version of Waypost"
    return Unavailable(f"The database has schema {found}, this program {todo}.", retry_after_s=1)


async def _found(read: Awaitable[Rows], revision: str) -> None:
    rows = await _within(read, "read")
    prove_revision(rows, revision)


async def _found_in_turn(reads: Reads, revision: str) -> None:
    """Like `_found`, where lists and counts wait for each other.

    Returns early if it is not its turn in time, but others' turns come. A full line is a fault: callers are refused.
    """
    async with AsyncExitStack() as held:
        try:
            async with asyncio.timeout(STEP_S):
                await held.enter_async_context(reads.queue.slot())
        except TimeoutError as error:
            if reads.queue.stands_still:
                message = f"Lists and counts wait, and none has been read for {WAIT_S:g} s."
                raise Unavailable(message, retry_after_s=1) from error
            return
        await _found(reads.queued_path(REVISION), revision)


def prove_revision(rows: Rows, revision: str) -> None:
    """Raise `Unavailable` unless these rows of `alembic_version` are the revision that this program knows."""
    found = ", ".join(sorted(row[0] for row in rows)) or "none"
    if found != revision:
        raise wrong_schema(found, revision)


async def _within(step: Awaitable[Any], what: str) -> Any:
    try:
        async with asyncio.timeout(STEP_S):
            return await step
    except TimeoutError as error:
        message = f"A test {what} did not finish within {STEP_S:g} s: the database is held by another process, or busy."
        raise Unavailable(message, retry_after_s=1) from error
