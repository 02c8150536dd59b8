"""Tokens for client credentials, against the emulated server."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import SecretStr

from gateway.errors import ProviderAuthentication, ProviderError, ProviderUnavailable
from gateway.providers.oauth2 import OAuth2Plan, OAuth2Token
from tests.providers.emulators.emulator import running
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.oauth2_token import OAuth2Token as TokenServer


def plan(server: TokenServer, **fields: str) -> OAuth2Plan:
    values = {"clientId": "parley", "clientSecret": server.key, "url": server.token_url, "type": "oauth2", **fields}
    return OAuth2Plan.model_validate(values)


@pytest.mark.parametrize(("seconds", "first_use", "next_use"), [(3600, 3539, 3541), (60, 29, 31), (None, 239, 241)])
async def test_a_token_is_used_until_shortly_before_its_end(seconds: int | None, first_use: int, next_use: int) -> None:
    now = 0.0
    server = TokenServer(seconds=seconds)
    async with running(server):
        token = OAuth2Token(plan(server, scope="chat"), clock=lambda: now)
        assert await token.value() == "token-1"
        now = first_use
        assert await token.value() == "token-1"
        now = next_use
        assert await token.value() == "token-2"
        await token.close()
    assert b"scope=chat" in server.seen[0].body


async def test_requests_at_once_ask_for_one_token() -> None:
    server = TokenServer()
    async with running(server):
        token = OAuth2Token(plan(server))
        assert set(await asyncio.gather(*(token.value() for _ in range(5)))) == {"token-1"}
        await token.close()


async def test_a_token_that_was_refused_is_replaced() -> None:
    server = TokenServer()
    async with running(server):
        token = OAuth2Token(plan(server))
        await token.value()
        token.forget()
        assert await token.value() == "token-2"
        await token.close()


@pytest.mark.parametrize(
    ("kind", "error"),
    [(Kind.REFUSE, ProviderUnavailable), (Kind.SERVER_ERROR, ProviderUnavailable), (Kind.GARBAGE, ProviderError)],
)
async def test_a_server_that_fails_is_named(kind: Kind, error: type[ProviderError]) -> None:
    server = TokenServer()
    server.fault = Fault(kind)
    async with running(server):
        token = OAuth2Token(plan(server))
        with pytest.raises(error, match=r"^The OAuth2 server at http://127\."):
            await token.value()
        await token.close()


async def test_a_wrong_client_is_told_without_its_secret() -> None:
    server = TokenServer()
    async with running(server):
        wrong = plan(server, clientSecret="wrong-secret")
        token = OAuth2Token(wrong)
        with pytest.raises(ProviderAuthentication, match="invalid_client") as raised:
            await token.value()
        await token.close()
    assert "wrong-secret" not in f"{raised.value} {wrong!r}"
    assert wrong.client_secret == SecretStr("wrong-secret")
