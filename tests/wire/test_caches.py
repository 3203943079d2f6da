"""Caches of what callers send are bounded: a cache without a bound has only keys that the code itself gives."""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import waypost.http
import waypost.wire

UNBOUNDED = {
    "waypost.http.reference._pages": "one: the files that come with the package",
    "waypost.wire.requests._actions": "tuples of actions, made from the table of the life cycle",
    "waypost.wire.shapes.type_info": "types that the code declares",
}


def modules() -> Iterator[ModuleType]:
    """Every module that reads or writes what goes over the wire."""
    for package in (waypost.http, waypost.wire):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(found.name)


def test_caches_without_a_bound_are_those_that_have_a_reason() -> None:
    found = {
        f"{module.__name__}.{one.__name__}"
        for module in modules()
        for one in vars(module).values()
        if hasattr(one, "cache_info") and one.cache_info().maxsize is None
    }
    assert found == set(UNBOUNDED)
