"""Voices whose answer to one HTTP request is the audio itself, streamed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from gateway.errors import ProviderError, ProviderTimeout, ProviderUnavailable
from gateway.providers.refusals import refusal

_KEPT_SECONDS = 60
"""A connection that nobody uses is kept this long: longer than most turns of a caller."""
_NO_AUDIO = ("application/json", "application/xml", "text/html")


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """A POST whose answer is audio.

    :param who: how an error's sentence begins
    :param seconds: bound for the connection and for each piece of the answer
    """

    who: str
    url: str
    headers: dict[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    seconds: float = 10.0


def http_client(**settings: Any) -> httpx.AsyncClient:
    """A client that keeps its connections between the turns of a call."""
    return httpx.AsyncClient(limits=httpx.Limits(keepalive_expiry=_KEPT_SECONDS), **settings)


async def audio_of(
    client: httpx.AsyncClient, request: SpeechRequest, taken: Callable[[], None]
) -> AsyncGenerator[bytes, None]:
    """The pieces of the answer as they come.

    :param taken: is told when the provider has taken the request, and so bills it
    :raises ProviderError: by its status, its silence, or what it sends
    """
    try:
        async with client.stream(
            "POST", request.url, content=request.content, headers=request.headers, timeout=request.seconds
        ) as response:
            await _check(request.who, response)
            taken()
            async for piece in response.aiter_bytes():
                yield piece
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise fault(request.who, error, request.seconds) from error


async def touch(client: httpx.AsyncClient, url: str) -> None:
    """Open a connection, so that the next request finds one. Any answer will do, and none at all as well."""
    try:
        await client.head(url, timeout=2)
    except (httpx.HTTPError, httpx.InvalidURL):
        return


def fault(who: str, error: Exception, seconds: float) -> ProviderError:
    """The error for a request that got no answer."""
    if isinstance(error, httpx.TimeoutException):
        return ProviderTimeout(f"{who} sent nothing for {seconds:g} s.")
    return ProviderUnavailable(f"{who} cannot be reached: {str(error) or type(error).__name__}.")


async def _check(who: str, response: httpx.Response) -> None:
    if response.status_code != httpx.codes.OK:
        raise refusal(who, response.status_code, await response.aread(), response.headers)
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in _NO_AUDIO:
        raise ProviderUnavailable(f"{who} answered with {kind} and not with audio.")
