"""What says that PostgreSQL cannot be reached, or that the connection is lost."""

import asyncio

import asyncpg

CONNECT_TIMEOUT_S = 5.0
# The driver reports a server that hangs up between two statements as a fault of its own (InternalClientError).
LOST = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.OperatorInterventionError,
        asyncpg.TooManyConnectionsError, asyncpg.InternalClientError, OSError, asyncio.TimeoutError)  # fmt: skip
