"""Connections to PostgreSQL that are not the product's."""

import contextlib
from collections.abc import AsyncIterator

import asyncpg


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator["asyncpg.Connection"]:
    """One connection, closed at the end."""
    connection = await asyncpg.connect(url)  # type: ignore[no-untyped-call]
    try:
        yield connection
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def pooled(url: str, size: int = 20) -> AsyncIterator["asyncpg.Pool"]:
    """So many connections, closed at the end."""
    async with asyncpg.create_pool(url, min_size=size, max_size=size) as pool:  # type: ignore[no-untyped-call]
        yield pool
