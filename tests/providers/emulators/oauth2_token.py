"""A server of OAuth 2.0 tokens for client credentials.

Follows RFC 6749, sections 4.4 (request), 5.1 (answer) and 5.2 (errors).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.providers.emulators.emulator import Emulator


class OAuth2Token(Emulator):
    """Gives out token-1, token-2 and so on.

    :param secret: the client's, whose id is "parley"
    :param seconds: how long a token holds
    """

    def __init__(self, *, secret: str = "emulated-secret", seconds: int | None = 3600) -> None:
        super().__init__(key=secret)
        self._seconds = seconds
        self._given = 0
        self.routes = [Route("/oauth/token", self._token, methods=["POST"])]

    @property
    def token_url(self) -> str:
        """Where tokens are asked for."""
        return f"{self.url}/oauth/token"

    async def _token(self, request: Request) -> Response:
        seen = await self.note(request)
        form = {name: values[0] for name, values in parse_qs(seen.body.decode()).items()}
        if form.get("grant_type") != "client_credentials":
            return JSONResponse({"error": "unsupported_grant_type"}, status_code=400)
        if (form.get("client_id"), form.get("client_secret")) != ("parley", self.key):
            return JSONResponse({"error": "invalid_client"}, status_code=400)
        self._given += 1
        expiry = f', "expires_in": {self._seconds}' if self._seconds else ""
        body = f'{{"access_token": "token-{self._given}", "token_type": "Bearer"{expiry}}}'
        return await self.answer(_whole(body), media_type="application/json")


async def _whole(body: str) -> AsyncIterator[bytes]:
    yield body.encode()
