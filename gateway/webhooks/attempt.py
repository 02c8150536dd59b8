"""One attempt to deliver a message to a user's server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from gateway import __version__
from gateway.errors import NotFound, ParleyError
from gateway.store.database import Database
from gateway.store.entities import Entities, Kind
from gateway.store.outbox import Delivery
from gateway.store.secrets import Secrets
from gateway.webhooks.signing import Signer

DELIVERY_HEADER = "X-Parley-Delivery"
ATTEMPT_HEADER = "X-Parley-Attempt"
TIMEOUT_SECONDS = 20.0
LONGEST_SECONDS = 300.0
_SHOWN_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Outcome:
    """`error` is a sentence, None when the server took the message. `retry_after` is its header."""

    status: int | None
    error: str | None = None
    retry_after: str | None = None


class Postman:
    """Signs and posts.

    :param client: reaches what users may name
    :param operators: reaches anything: for servers of the operator's own settings
    """

    def __init__(
        self, database: Database, secrets: Secrets, *, client: httpx.AsyncClient, operators: httpx.AsyncClient
    ) -> None:
        self._database = database
        self._secrets = secrets
        self._client = client
        self._operators = operators
        self._signer = Signer(client)

    async def post(self, delivery: Delivery) -> Outcome:
        """Try once. Never raises: what fails is an outcome."""
        seconds = timeout_of(delivery.server)
        try:
            async with asyncio.timeout(seconds):
                credential = await self._credential(delivery)
                response = await self._send(delivery, credential)
        except TimeoutError:
            return Outcome(None, f"The server did not answer within {seconds:g} s.")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Outcome(None, f"The server cannot be reached: {str(error) or type(error).__name__}.")
        except ParleyError as error:
            return Outcome(None, str(error))
        if response.is_success:
            return Outcome(response.status_code)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            self._signer.refused(credential)
        return Outcome(response.status_code, _complaint(response), response.headers.get("Retry-After"))

    async def _send(self, delivery: Delivery, credential: Mapping[str, Any] | None) -> httpx.Response:
        server, body = delivery.server, delivery.body.encode()
        signed = await self._signer.headers(server, credential, body, message_id=str(delivery.position))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"Parley/{__version__}",
            DELIVERY_HEADER: str(delivery.position),
            ATTEMPT_HEADER: str(delivery.attempts),
            **signed,
        }
        client = self._operators if server.get("operators") is True else self._client
        request = client.build_request(
            "POST", str(server["url"]), content=body, headers=headers, timeout=timeout_of(server)
        )
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            await _read_beginning(response)
        finally:
            await response.aclose()
        return response

    async def _credential(self, delivery: Delivery) -> Mapping[str, Any] | None:
        """As it is now: one that was changed meanwhile counts for the next attempt, too."""
        id_ = delivery.server.get("credentialId")
        if not isinstance(id_, str) or not id_:
            return None
        try:
            async with self._database.reading() as session:
                entity = await Entities(session, delivery.organisation_id).get(Kind.CREDENTIAL, id_)
        except NotFound:
            raise NotFound(f"The server's credentialId names no credential: there is no {id_}.") from None
        return self._secrets.opened(entity.body)


def timeout_of(server: Mapping[str, Any]) -> float:
    """Seconds for one attempt."""
    given = server.get("timeoutSeconds")
    usable = isinstance(given, int | float) and not isinstance(given, bool) and given > 0
    return min(float(given), LONGEST_SECONDS) if usable and given is not None else TIMEOUT_SECONDS


def host_of(server: Mapping[str, Any]) -> str:
    """Host and port: those that share it wait for each other."""
    return urlsplit(str(server.get("url", ""))).netloc.rpartition("@")[2].lower()


async def _read_beginning(response: httpx.Response) -> None:
    """What a refusal's sentence needs; the rest of an answer that nobody reads is not waited for."""
    kept = b""
    async for chunk in response.aiter_bytes():
        kept += chunk
        if len(kept) >= 4 * _SHOWN_CHARACTERS:
            break
    response.extensions["beginning"] = kept


def _complaint(response: httpx.Response) -> str:
    if response.has_redirect_location:
        return f"The server redirects to {response.headers['Location']}; write that URL."
    said = response.extensions["beginning"].decode("utf-8", "replace")[:_SHOWN_CHARACTERS].strip()
    return f"The server answered {response.status_code}" + (f": {said}" if said else ".")
