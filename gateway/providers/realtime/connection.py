"""One WebSocket to the Realtime API, by the official SDK.

Events are JSON objects with a `type`; the server's have an `event_id` of their own, so one that comes twice is told
once. The API: developers.openai.com/api/docs/guides/realtime-websocket.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import openai
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from gateway.errors import ProviderError, ProviderTimeout, ProviderUnavailable
from gateway.providers.realtime.history import ClientEvent
from gateway.providers.refusals import refusal
from gateway.providers.tls import checked

ServerEvent = Mapping[str, Any]
_REMEMBERED = 64
"""Latest events among which one that comes again is looked for."""
_PING_SECONDS = 5
_CLOSE_SECONDS = 1.0


class Connection:
    """An open connection. `send` queues, `events` are the server's until it is closed or lost."""

    def __init__(self, websocket: AsyncRealtimeConnection, who: str) -> None:
        self._websocket = websocket
        self._who = who
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()
        self._sending = asyncio.create_task(self._send(), name=f"send to {who}")
        self._known: OrderedDict[str, None] = OrderedDict()

    def send(self, event: ClientEvent) -> None:
        """Send in its order, soon. What a lost connection did not take is nobody's."""
        self._outgoing.put_nowait(json.dumps(event))

    async def events(self) -> AsyncGenerator[ServerEvent, None]:
        """What the server sends; ends when it closes the connection well.

        :raises ProviderUnavailable: the connection is lost, or what comes is not of the protocol
        """
        while True:
            try:
                event = json.loads(await self._websocket.recv_bytes())
            except ConnectionClosed as error:
                reason = error.rcvd.reason if error.rcvd is not None else ""
                raise ProviderUnavailable(
                    f"{self._who} closed the connection: {reason or 'no reason given'}."
                ) from None
            except ValueError:
                raise ProviderUnavailable(f"{self._who} sent what is no JSON.") from None
            if not isinstance(event, dict) or not isinstance(event.get("type"), str):
                raise ProviderUnavailable(f"{self._who} sent what is no event.")
            if self._is_new(event):
                yield event

    def _is_new(self, event: ServerEvent) -> bool:
        event_id = event.get("event_id")
        if not isinstance(event_id, str):
            return True
        if event_id in self._known:
            return False
        self._known[event_id] = None
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return True

    async def _send(self) -> None:
        try:
            while True:
                await self._websocket.send_raw(await self._outgoing.get())
        except (ConnectionClosed, openai.OpenAIError):
            return  # whoever reads the events is told

    async def close(self) -> None:
        """End it. Never raises `ProviderError`."""
        self._sending.cancel()
        await asyncio.wait([self._sending])
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._websocket.close()
        except (TimeoutError, ConnectionClosed, OSError):
            pass


async def connect(client: openai.AsyncOpenAI, model: str, who: str, seconds: float) -> Connection:
    """A new connection.

    :raises ProviderError: it is refused, or there is none in `seconds`
    """
    # All options of the `websockets` client are passed on, whatever the SDK's type lists.
    options: Any = {
        "open_timeout": seconds,
        "close_timeout": _CLOSE_SECONDS,
        "ping_interval": _PING_SECONDS,
        "ping_timeout": _PING_SECONDS,
        **checked(str(client.base_url)),
    }
    try:
        async with asyncio.timeout(seconds):
            manager = client.realtime.connect(model=model, websocket_connection_options=options)
            return Connection(await manager.enter(), who)
    except TimeoutError:
        raise ProviderTimeout(f"{who} could not be connected within {seconds:g} s.") from None
    except InvalidStatus as error:
        answer = error.response
        raise refusal(who, answer.status_code, bytes(answer.body or b""), dict(answer.headers.raw_items())) from None
    except (InvalidHandshake, ConnectionClosed, OSError, EOFError) as error:
        raise ProviderUnavailable(f"{who} cannot be reached: {error}.") from error
    except openai.OpenAIError as error:
        raise ProviderError(f"{who} cannot be used: {error}.") from error
