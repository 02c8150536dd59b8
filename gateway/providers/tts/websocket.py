"""A WebSocket to a voice's server (RFC 6455), every wait bounded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.protocol import State

from gateway.providers.tls import checked
from gateway.providers.web_socket import socket_errors

Message = TypeVar("Message")

OPEN_SECONDS = 5.0
MESSAGE_SECONDS = 10.0
"""The longest wait for the next message; who stands in for a slow voice decides sooner."""

OPTIONS: Mapping[str, Any] = {
    "open_timeout": OPEN_SECONDS,
    "close_timeout": 1.0,
    "ping_interval": 15.0,
    "ping_timeout": 10.0,
    "compression": None,  # encoded audio does not get smaller
    "max_size": None,  # a message may hold many seconds
    "max_queue": None,  # pings must be answered while a caller does not listen
    "logger": logging.getLogger("gateway.websocket.silent"),
}
"""How connections are opened. The log of the library would hold the key that goes in the handshake's header."""
OPTIONS["logger"].setLevel(logging.CRITICAL)


async def dial(who: str, url: str, headers: Mapping[str, str]) -> ClientConnection:
    """An open connection.

    :param who: how the sentence of an error begins
    :raises ProviderError: it is refused, cannot be reached, or not opened in time
    """
    with socket_errors(who):
        return await connect(url, additional_headers=headers, **OPTIONS, **checked(url))


async def bounded(message: Awaitable[Message]) -> Message:
    """What comes next, within `MESSAGE_SECONDS`.

    :raises TimeoutError: it does not come
    """
    async with asyncio.timeout(MESSAGE_SECONDS):
        return await message


async def next_message(who: str, connection: ClientConnection) -> str | bytes:
    """What comes next.

    :raises ProviderError: nothing comes in time, or the connection is lost
    """
    with socket_errors(who):
        return await bounded(connection.recv())


def is_open(connection: ClientConnection) -> bool:
    """Whether neither side has ended it."""
    return connection.state is State.OPEN
