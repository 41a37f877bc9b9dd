"""Which port a service listens on: the configured one, else the usual one, else a free one."""

import random
import socket
from collections.abc import Collection

from workers.embedded.problems import CannotStart


def choose_port(
    setting: str, configured: int | None, preferred: list[int], given: Collection[int] = (), host: str = "127.0.0.1"
) -> int:
    """The configured port, or the first free one of `preferred` not `given` to another service, or any free one.

    Raises `CannotStart`, naming `setting`, when the configured port is taken.
    """
    if configured is not None:
        if configured in given or not is_free(configured, host):
            raise CannotStart(
                f"port {configured} is taken: stop what listens there, or set {setting} to another port or to nothing"
            )
        return configured
    usual = (port for port in preferred if port not in given and is_free(port, host))
    return next(usual, None) or free_port(host)


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server may listen on the port now. Raises `CannotStart` when `host` is not this machine's."""
    with _socket(host) as probe:
        try:
            probe.bind((host, port))
        except PermissionError:
            raise CannotStart(f"port {port} needs root: choose one above 1023") from None
        except OSError as error:
            if error.errno in _NOT_OURS:
                raise CannotStart(f"{host} is not an address of this machine: see TURNUP_API_HOST") from None
            return False
    return True


def free_port(host: str = "127.0.0.1") -> int:
    """A port that was free a moment ago.

    Not one the system would pick: those it also gives to outgoing connections, so it may be gone when a server starts on it.
    """
    for port in random.sample(_NEVER_OUTGOING, _TRIES):
        if is_free(port, host):
            return port
    raise CannotStart(f"no free port between {_NEVER_OUTGOING.start} and {_NEVER_OUTGOING.stop - 1}: stop what listens there")


_NEVER_OUTGOING = range(10_000, 32_768)
"""Below what Linux (32768) and macOS (49152) give to outgoing connections, unless they are told otherwise."""

_TRIES = 200
_NOT_OURS = (socket.EAI_NONAME, 99, 49)
"""Cannot assign requested address, on Linux and on macOS; and a host name nobody knows."""


def _socket(host: str) -> socket.socket:
    probe = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return probe
