"""HTTP requests at the least cost to whoever sends them, so that the load does not take the CPU that it measures."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

KEPT = 3.0
"""Seconds for which an idle connection is used again; the servers close one after 5."""


class Wire:
    """A kept connection to the server at `url`, for one request at a time."""

    def __init__(self, url: str) -> None:
        where = urlsplit(url)
        self._host, self._port = where.hostname, where.port
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._used_at = 0.0

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer, which has to carry its length."""
        reader, writer = await self._opened()
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        body = await reader.readexactly(int(length))
        self._used_at = time.monotonic()
        return int(head[9:12]), body

    async def _opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._connection is None or time.monotonic() - self._used_at > KEPT:
            self.close()
            self._connection = await asyncio.open_connection(self._host, self._port)
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection[1].close()
            self._connection = None


@contextlib.asynccontextmanager
async def wires(url: str, count: int) -> AsyncIterator[list[Wire]]:
    """So many connections to the server at `url`."""
    made = [Wire(url) for _ in range(count)]
    try:
        yield made
    finally:
        for wire in made:
            wire.close()


def post(url: str, body: bytes, key: str = "") -> bytes:
    """A POST of JSON as it goes over the wire."""
    where = urlsplit(url)
    lines = [f"POST {where.path} HTTP/1.1", f"Host: {where.netloc}", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(body)}"] + ([f"Authorization: Bearer {key}"] if key else [])
    return "\r\n".join([*lines, "", ""]).encode() + body
