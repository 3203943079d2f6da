"""The application in this process, over a real database of each engine."""

from tests.http.conftest import log as log
from tests.http.conftest import world as world
