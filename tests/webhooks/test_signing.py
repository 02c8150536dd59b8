"""What a user's server gets to check who sent a request."""

from __future__ import annotations

import base64
import hmac
from typing import Any

import httpx
import pytest

from gateway.errors import SigningError
from gateway.webhooks.signing import Signer, signed_headers
from tests.providers.emulators.emulator import running
from tests.providers.emulators.oauth2_token import OAuth2Token as TokenServer

SERVER = {"url": "https://hook.example/vapi", "headers": {"X-Team": "red"}}
BODY = '{"message":{"text":"é {timestamp}"}}'.encode()


def hmac_headers(**plan: Any) -> dict[str, str]:
    credential = {"authenticationPlan": {"type": "hmac", "secretKey": "secret", "algorithm": "sha256", **plan}}
    return signed_headers(SERVER, credential, BODY, message_id="msg_1", seconds=1_700_000_000)


def digest(payload: bytes, *, key: bytes = b"secret", algorithm: str = "sha256") -> bytes:
    return hmac.new(key, payload, algorithm).digest()


def test_the_servers_own_headers_and_its_secret_go_out() -> None:
    headers = signed_headers({**SERVER, "secret": "s3"}, None, BODY)
    assert headers == {"X-Team": "red", "X-Vapi-Secret": "s3"}


def test_a_bearer_token_goes_out_under_its_header() -> None:
    plan: dict[str, Any] = {"type": "bearer", "token": "abc"}
    assert signed_headers({}, {"authenticationPlan": plan}, BODY) == {"Authorization": "Bearer abc"}
    plan |= {"headerName": "X-Key", "bearerPrefixEnabled": False}
    assert signed_headers({}, {"authenticationPlan": plan}, BODY) == {"X-Key": "abc"}


def test_by_default_time_and_body_are_signed() -> None:
    headers = hmac_headers()
    assert headers["x-signature"] == digest(b"1700000000." + BODY).hex()
    assert headers["x-timestamp"] == "1700000000"
    assert headers["X-Team"] == "red"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
def test_without_a_timestamp_the_body_alone_is_signed(algorithm: str) -> None:
    headers = hmac_headers(algorithm=algorithm, includeTimestamp=False, signaturePrefix=f"{algorithm}=")
    assert headers["x-signature"] == f"{algorithm}=" + digest(BODY, algorithm=algorithm).hex()
    assert "x-timestamp" not in headers


def test_a_signature_as_svix_has_it() -> None:
    secret = base64.b64encode(b"key of bytes").decode()
    headers = hmac_headers(
        secretKey=f"whsec_{secret}",
        secretIsBase64=True,
        payloadFormat="{svix-id}.{timestamp}.{body}",
        messageIdHeader="svix-id",
        timestampHeader="svix-timestamp",
        signatureHeader="svix-signature",
        signaturePrefix="v1,",
        signatureEncoding="base64",
    )
    signed = b"msg_1.1700000000." + BODY
    assert headers["svix-signature"] == "v1," + base64.b64encode(digest(signed, key=b"key of bytes")).decode()
    assert headers["svix-id"] == "msg_1"
    assert headers["svix-timestamp"] == "1700000000"


def test_method_and_url_can_be_signed() -> None:
    headers = hmac_headers(payloadFormat="{method} {url} {body}")
    assert headers["x-signature"] == digest(b"POST https://hook.example/vapi " + BODY).hex()


@pytest.mark.parametrize(
    ("plan", "names"),
    [
        ({"type": "hmac", "secretKey": "topsecret"}, "algorithm"),
        ({"type": "magic"}, "type"),
        ({"type": "hmac", "secretKey": "top secret", "algorithm": "sha1", "secretIsBase64": True}, "base64"),
    ],
)
def test_a_plan_that_cannot_sign_says_why_without_its_secret(plan: dict[str, Any], names: str) -> None:
    with pytest.raises(SigningError, match=names) as raised:
        signed_headers(SERVER, {"authenticationPlan": plan}, BODY)
    assert "topsecret" not in str(raised.value)


async def test_a_token_is_asked_for_once_and_again_when_it_was_refused() -> None:
    server = TokenServer()
    async with running(server), httpx.AsyncClient() as client:
        credential = {
            "authenticationPlan": {
                "type": "oauth2",
                "url": server.token_url,
                "clientId": "parley",
                "clientSecret": server.key,
            }
        }
        signer = Signer(client)
        for _ in range(2):
            headers = await signer.headers(SERVER, credential, BODY)
            assert headers == {"X-Team": "red", "Authorization": "Bearer token-1"}
        signer.refused(credential)
        assert (await signer.headers(SERVER, credential, BODY))["Authorization"] == "Bearer token-2"


async def test_other_plans_need_no_server_of_tokens() -> None:
    async with httpx.AsyncClient() as client:
        plan = {"type": "bearer", "token": "abc"}
        assert await Signer(client).headers({}, {"authenticationPlan": plan}, BODY) == {"Authorization": "Bearer abc"}
