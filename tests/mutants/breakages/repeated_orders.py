"""Orders that are posted again: the same one is found, another one is a conflict.

The mutants of how the content is compared belong here; their tests are in `tests/http/test_orders_again.py`.
"""

from tests.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = ()
