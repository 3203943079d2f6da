"""The list of mutants, by what they break."""

from tests.mutants.breakages import (
    access,
    attention,
    batches,
    clock,
    durability,
    events,
    files,
    handover,
    idempotency,
    input_limits,
    lifecycle,
    loop,
    outgoing,
    repeated_orders,
    replies,
    scope,
    secrets,
    stock,
)
from tests.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *scope.MUTANTS,
    *access.MUTANTS,
    *lifecycle.MUTANTS,
    *stock.MUTANTS,
    *events.MUTANTS,
    *batches.MUTANTS,
    *loop.MUTANTS,
    *durability.MUTANTS,
    *handover.MUTANTS,
    *outgoing.MUTANTS,
    *secrets.MUTANTS,
    *files.MUTANTS,
    *input_limits.MUTANTS,
    *clock.MUTANTS,
    *idempotency.MUTANTS,
    *repeated_orders.MUTANTS,
    *attention.MUTANTS,
    *replies.MUTANTS,
)
