"""The HTTP that the models' SDKs share: pools that outlast the pauses between turns, and what their errors mean."""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx2

from gateway.errors import ProviderError, ProviderTimeout, ProviderUnavailable
from gateway.providers.credentials import Credential
from gateway.providers.refusals import refusal

_KEEP_SECONDS = 300.0
"""httpx's own 5 s would open a connection, and shake hands for TLS, at nearly each turn of a call."""
_CONNECT_SECONDS = 5.0
_DRAIN_SECONDS = 0.1


def pool(timeout_seconds: float) -> httpx2.AsyncClient:
    """A provider's connections, for all calls."""
    return httpx2.AsyncClient(
        timeout=timeouts(timeout_seconds),
        limits=httpx2.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=_KEEP_SECONDS),
        follow_redirects=True,
        verify=_tls(),
    )


def timeouts(seconds: float) -> httpx2.Timeout:
    """`seconds` without a byte are too long; connecting has no more than 5 s of them."""
    return httpx2.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))


async def open_connection(client: httpx2.AsyncClient, url: str) -> None:
    """Have a connection in the pool. HEAD costs nothing, needs no key, and any answer will do; without one, the request
    that follows tells why."""
    try:
        await client.head(url)
    except httpx2.HTTPError:
        return


async def drain(response: httpx2.Response) -> None:
    """Read what is behind the last event, so that the connection can be used again. Not the answer's business: what
    goes wrong here is of no interest."""
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for _ in response.stream:  # type: ignore[union-attr]  # of an async client
                pass
    except (TimeoutError, httpx2.HTTPError, httpx2.StreamError):
        return


@contextmanager
def transport_errors(who: str, seconds: float) -> Iterator[None]:
    """Turn errors of the connection into ours.

    :raises ProviderTimeout: nothing came in time
    :raises ProviderUnavailable: no connection, or it was lost
    """
    try:
        yield
    except httpx2.TimeoutException as error:
        raise timed_out(who, seconds) from error
    except httpx2.HTTPError as error:
        raise unreachable(who, error) from error


def timed_out(who: str, seconds: float) -> ProviderTimeout:
    """The error for a server that is silent."""
    return ProviderTimeout(f"{who} sent nothing for {seconds:g} s.")


def refused(who: str, status: int, body: str, headers: Mapping[str, str], credential: Credential) -> ProviderError:
    """The error for an answer that is none, without the key."""
    return refusal(who, status, body, headers, key=credential.key)


def unreachable(who: str, error: BaseException | None) -> ProviderUnavailable:
    """The error for a server that is not there, or no longer."""
    reason = str(error or "").rstrip(".") or type(error).__name__
    return ProviderUnavailable(f"{who} cannot be reached: {reason}.")


@functools.cache
def _tls() -> ssl.SSLContext:
    """Reading the certificates takes longer than a handshake."""
    return httpx2.create_ssl_context()
