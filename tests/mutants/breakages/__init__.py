"""The list of mutants, by what they break."""

from tests.mutants.breakages import (
    access,
    batches,
    clock,
    durability,
    events,
    files,
    handover,
    idempotency,
    input_limits,
    lifecycle,
    narrow_pages,
    outgoing,
    repeated_orders,
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
    *durability.MUTANTS,
    *handover.MUTANTS,
    *outgoing.MUTANTS,
    *secrets.MUTANTS,
    *files.MUTANTS,
    *input_limits.MUTANTS,
    *clock.MUTANTS,
    *idempotency.MUTANTS,
    *repeated_orders.MUTANTS,
    *narrow_pages.MUTANTS,
)
