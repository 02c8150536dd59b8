"""httpx for URLs that users wrote.

The guard stands where connections are opened, so redirects pass it like everything else, and names in the Host header
and in TLS stay those of the URL. No proxy of the environment is used: it would resolve names on its own.
"""

from __future__ import annotations

import functools
import ssl
import zlib
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpcore
import httpx

from gateway.egress.guard import Guard
from gateway.errors import ResponseTooLarge

MAX_RESPONSE_BYTES = 5_000_000
MAX_CONNECTIONS = 200
MAX_REDIRECTS = 5
_CHUNK_BYTES = 65_536


def guarded_client(
    allow: Iterable[str] | Guard = (),
    *,
    timeout: float = 20.0,
    max_response_bytes: int = MAX_RESPONSE_BYTES,
    follow_redirects: bool = True,
) -> httpx.AsyncClient:
    """A client whose requests reach public addresses and those in `allow` only.

    A request raises ForbiddenAddress or ResponseTooLarge beside httpx's errors.

    :param timeout: seconds for each step of a request
    :param max_response_bytes: of a body, uncompressed
    """
    guard = allow if isinstance(allow, Guard) else Guard(allow)
    return httpx.AsyncClient(
        transport=GuardedTransport(guard, max_response_bytes=max_response_bytes),
        timeout=timeout,
        follow_redirects=follow_redirects,
        max_redirects=MAX_REDIRECTS,
        trust_env=False,
        headers={"Accept-Encoding": "identity"},
    )


class GuardedTransport(httpx.AsyncHTTPTransport):
    """Connects where the guard lets it, and bounds what comes back.

    :param max_response_bytes: of a body, uncompressed
    :param tls: how certificates are checked; None for the system's
    """

    def __init__(
        self, guard: Guard, *, max_response_bytes: int = MAX_RESPONSE_BYTES, tls: ssl.SSLContext | None = None
    ) -> None:
        limits = httpx.Limits(max_connections=MAX_CONNECTIONS)
        super().__init__(verify=False, trust_env=False, limits=limits)  # its pool gives way to one with the guard
        self._max_bytes = max_response_bytes
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls or _tls(),
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=_GuardedBackend(guard),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request, without redirects."""
        response = await super().handle_async_request(request)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        body = _BoundedBody(response.stream, response.headers.pop("content-encoding", ""), self._max_bytes, request.url)
        return httpx.Response(
            response.status_code, headers=response.headers, stream=body, extensions=response.extensions
        )


@functools.cache
def _tls() -> ssl.SSLContext:
    """Once: reading all certificates takes some 30 ms."""
    return ssl.create_default_context()


class _GuardedBackend(httpcore.AnyIOBackend):
    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def connect_tcp(self, host: str, port: int, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        try:
            addresses = await self._guard.addresses(host, port)
        except OSError as error:  # TimeoutError among them
            raise httpcore.ConnectError(f"{host} cannot be resolved: {error or 'no answer'}") from error
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                return await super().connect_tcp(address, port, *args, **options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


class _BoundedBody(httpx.AsyncByteStream):
    """A body, uncompressed here, because a few bytes may stand for gigabytes."""

    def __init__(self, stream: httpx.AsyncByteStream, encoding: str, max_bytes: int, url: httpx.URL) -> None:
        self._stream = stream
        self._encoding = encoding.strip().lower()
        self._left = max_bytes
        self._too_large = ResponseTooLarge(f"{url.host} answered with more than {max_bytes} bytes.")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._encoding in ("", "identity"):
            async for chunk in self._stream:
                yield self._counted(chunk)
            return
        if self._encoding not in ("gzip", "x-gzip", "deflate"):
            raise httpx.DecodingError(f"The body is compressed with {self._encoding}, for which nobody asked.")
        decompressor = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        async for chunk in self._stream:
            while chunk:
                try:
                    yield self._counted(decompressor.decompress(chunk, _CHUNK_BYTES))
                except zlib.error as error:
                    raise httpx.DecodingError(f"The compressed body is damaged: {error}.") from error
                chunk = decompressor.unconsumed_tail

    async def aclose(self) -> None:
        await self._stream.aclose()

    def _counted(self, chunk: bytes) -> bytes:
        self._left -= len(chunk)
        if self._left < 0:
            raise self._too_large
        return chunk
