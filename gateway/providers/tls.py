"""How the certificates of WebSocket servers are checked: by the system's, read once."""

from __future__ import annotations

import functools
import ssl
from typing import Any


def checked(address: str) -> dict[str, Any]:
    """What `websockets` wants to know of an address beside it. Without this it reads all certificates for each
    connection: some 30 ms, in which no call of the process goes on."""
    return {"ssl": _context()} if address.startswith(("https://", "wss://")) else {}


@functools.cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()
