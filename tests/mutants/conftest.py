"""The application in this process, as the tests of the HTTP surface have it."""

from tests.http.conftest import log, world

__all__ = ["log", "world"]
