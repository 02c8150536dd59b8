"""Access by OAuth 2.0 client credentials (RFC 6749, section 4.4): a token, asked for again before it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.alias_generators import to_camel

from gateway.errors import ProviderError, ProviderTimeout, ProviderUnavailable
from gateway.providers.refusals import refusal

_EARLY_SECONDS = 60.0
"""A token is not used in its last minute: a reply may take as long."""
_UNTOLD_SECONDS = 300.0
"""How long a token is used whose end was not told."""
_TIMEOUT_SECONDS = 5.0


class OAuth2Plan(BaseModel):
    """Vapi's `authenticationPlan`: where the token comes from, and for whom."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    type: Literal["oauth2"]
    url: str = Field(pattern="^https?://")
    client_id: str
    client_secret: SecretStr
    scope: str | None = Field(default=None, max_length=1000)


class OAuth2Token:
    """The token of one client, shared by all requests.

    :param clock: seconds of any steady clock
    :param client: asks for the token, and stays open; None for one of its own
    """

    def __init__(
        self,
        plan: OAuth2Plan,
        *,
        clock: Callable[[], float] = time.monotonic,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        self._plan = plan
        self._clock = clock
        self._client = client or httpx.AsyncClient()
        self._shared = client is not None
        self._asking = asyncio.Lock()
        self._token = ""
        self._until = 0.0

    async def value(self) -> str:
        """The token, asked for when there is none or it ends soon.

        :raises ProviderError: the server of tokens refuses, is silent or cannot be reached
        """
        async with self._asking:
            if not self._token or self._clock() >= self._until:
                await self._ask()
            return self._token

    def forget(self) -> None:
        """It is refused: ask for another one."""
        self._token = ""

    async def close(self) -> None:
        """Close the connection to the server of tokens."""
        if not self._shared:
            await self._client.aclose()

    async def _ask(self) -> None:
        plan, who = self._plan, f"The OAuth2 server at {self._plan.url}"
        form = {
            "grant_type": "client_credentials",
            "client_id": plan.client_id,
            "client_secret": plan.client_secret.get_secret_value(),
            **({"scope": plan.scope} if plan.scope else {}),
        }
        try:
            response = await self._client.post(plan.url, data=form, timeout=_TIMEOUT_SECONDS)
        except httpx.TimeoutException as error:
            raise ProviderTimeout(f"{who} sent nothing for {_TIMEOUT_SECONDS:g} s.") from error
        except httpx.HTTPError as error:
            raise ProviderUnavailable(f"{who} cannot be reached: {error}.") from error
        if response.status_code != httpx.codes.OK:
            # 400 is what RFC 6749 has for a wrong client, too.
            status = 401 if response.status_code == httpx.codes.BAD_REQUEST else response.status_code
            raise refusal(who, status, response.text, response.headers)
        self._take(who, response)

    def _take(self, who: str, response: httpx.Response) -> None:
        try:
            answer = response.json()
            token, seconds = str(answer["access_token"]), float(answer.get("expires_in") or _UNTOLD_SECONDS)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ProviderError(f"{who} answered without an access_token.") from error
        self._token = token
        self._until = self._clock() + max(seconds - _EARLY_SECONDS, seconds / 2)
