"""The HTTP server of the sandbox: uvicorn, with connections that can be dropped in the middle of a call."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from workers.sandbox.replies import HANG_UP


class DroppableProtocol(HttpToolsProtocol):
    """Offers `HANG_UP` to the application: an ASGI application by itself cannot leave a call without an answer."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {HANG_UP: {"abort": self.transport.abort}}


KEPT_ALIVE = 60
"""Seconds: longer than callers keep a connection, so that none is closed while a request is on its way."""


class SandboxServer(uvicorn.Server):
    """`ready` is set once the port answers. `handle_signals` is for the process that is nothing but this server."""

    def __init__(self, app: FastAPI, *, handle_signals: bool) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=DroppableProtocol,
                ws="none",
                access_log=False,
                log_level="warning",
                timeout_keep_alive=KEPT_ALIVE,
                timeout_graceful_shutdown=1,
            )
        )
        self.ready = asyncio.Event()
        self._handle_signals = handle_signals

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if not self._handle_signals:
            yield
            return
        with super().capture_signals():
            yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 lets the system choose. Raises OSError when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=2048)
    # Connections inherit it. asyncio sets it only on sockets that name their protocol, and without it Nagle's rule
    # holds back the body of each answer for the 40 ms of a delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
