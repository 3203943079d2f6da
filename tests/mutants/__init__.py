"""Mutants: small breakages of the source, each with the tests that must catch it. `python -m tests.mutants` runs them."""
