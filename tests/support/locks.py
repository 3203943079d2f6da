"""Somebody outside the hub who is in the middle of a transaction (PostgreSQL)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg


@asynccontextmanager
async def held(url: str, *statements: str) -> AsyncIterator[asyncpg.Connection]:
    """A transaction that has done this, and ends with the block."""
    other = await asyncpg.connect(url)
    try:
        async with other.transaction():
            for statement in statements:
                await other.execute(statement)
            yield other
    finally:
        await other.close()
