"""WebSockets of providers without an SDK, and what goes wrong on any provider's WebSocket as one of our errors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, InvalidStatus, WebSocketException

from gateway.errors import ProviderError, ProviderTimeout, ProviderUnavailable
from gateway.providers.refusals import complaint, refusal
from gateway.providers.tls import checked

Message = TypeVar("Message", bound=BaseModel)

CLOSE_SECONDS = 1.0
"""How long a server may take to answer that a connection ends."""

_OPTIONS: Mapping[str, Any] = {"close_timeout": CLOSE_SECONDS, "compression": None}
"""Encoded audio does not get smaller."""

CloseCodes = Mapping[int, type[ProviderError]]
"""What a provider's own close codes mean; all others are ProviderUnavailable."""


@contextmanager
def socket_errors(who: str, codes: CloseCodes | None = None) -> Iterator[None]:
    """Turn what `websockets` raises inside into a ProviderError.

    :param who: how the sentence begins, such as "The transcriber gladia"
    """
    try:
        yield
    except InvalidStatus as error:
        answer = error.response
        raise refusal(who, answer.status_code, bytes(answer.body or b""), dict(answer.headers.raw_items())) from error
    except ConnectionClosed as error:
        raise _closed(who, error, codes or {}) from error
    except TimeoutError as error:
        raise ProviderTimeout(f"{who} did not answer in time.") from error
    except (OSError, WebSocketException) as error:
        raise ProviderUnavailable(f"{who} cannot be reached: {complaint(str(error))}.") from error


def _closed(who: str, error: ConnectionClosed, codes: CloseCodes) -> ProviderError:
    if error.rcvd is None:
        return ProviderUnavailable(f"{who} dropped the connection.")
    kind = codes.get(error.rcvd.code, ProviderUnavailable)
    return kind(f"{who} closed the connection with {error.rcvd.code}: {complaint(error.rcvd.reason)}.")


def web_socket_address(address: str) -> str:
    """An http address as one of WebSockets, without a slash at its end."""
    return ("ws" + address.removeprefix("http") if address.startswith("http") else address).rstrip("/")


def understood(who: str, model: type[Message], message: Mapping[str, Any]) -> Message:
    """A provider's message as the documentation has it.

    :raises ProviderUnavailable: it is not
    """
    try:
        return model.model_validate(message)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ProviderUnavailable(f"{who} sent what is not understood: {where}: {first['msg']}.") from error


class JsonSocket:
    """A connection on which the provider sends JSON objects.

    :param who: how the sentences of errors begin
    """

    def __init__(self, who: str, connection: ClientConnection, codes: CloseCodes | None = None) -> None:
        self._who = who
        self._connection = connection
        self._codes = codes or {}

    @classmethod
    async def open(
        cls, who: str, url: str, headers: Mapping[str, str] | None = None, codes: CloseCodes | None = None
    ) -> JsonSocket:
        """Connect; the caller bounds the time.

        :raises ProviderError: it is refused, or cannot be reached
        """
        with socket_errors(who, codes):
            return cls(who, await connect(url, additional_headers=headers, **_OPTIONS, **checked(url)), codes)

    async def send(self, message: Mapping[str, Any] | bytes) -> None:
        """A JSON object, or audio.

        :raises ProviderError: the connection is lost
        """
        with socket_errors(self._who, self._codes):
            await self._connection.send(message if isinstance(message, bytes) else json.dumps(message))

    async def receive(self) -> dict[str, Any] | None:
        """The provider's next message, None when it closed the connection well. May be cancelled without loss.

        :raises ProviderError: the connection is lost, or what comes is no JSON object
        """
        try:
            with socket_errors(self._who, self._codes):
                content = await self._connection.recv()
        except ProviderError as error:
            if isinstance(error.__cause__, ConnectionClosedOK):
                return None
            raise
        return self._parsed(content)

    def _parsed(self, content: str | bytes) -> dict[str, Any]:
        try:
            message = json.loads(content)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            raise ProviderUnavailable(f"{self._who} sent what is no JSON object.")
        return message

    async def close(self) -> None:
        """End it; the server has a second to answer."""
        await self._connection.close()
