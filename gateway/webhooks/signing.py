"""How a request to a user's server proves who sent it.

`server.secret` goes out as X-Vapi-Secret. A credential that the server names has one of Vapi's authentication plans:
a bearer token, an HMAC of the body, or a token by OAuth 2.0 client credentials.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from gateway.errors import SigningError
from gateway.providers.oauth2 import OAuth2Plan, OAuth2Token

_MAX_TOKENS = 1000
_PLACEHOLDER = re.compile(rb"\{(body|timestamp|method|url|svix-id)\}")


class _Plan(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


class BearerPlan(_Plan):
    """A token that never changes."""

    type: Literal["bearer"]
    token: SecretStr
    header_name: str = "Authorization"
    bearer_prefix_enabled: bool = True

    def headers(self) -> dict[str, str]:
        """The header with the token."""
        prefix = "Bearer " if self.bearer_prefix_enabled else ""
        return {self.header_name: prefix + self.token.get_secret_value()}


class HmacPlan(_Plan):
    """A signature of the body. `payload_format` says what is signed: {body}, {timestamp} (Unix seconds), {method},
    {url} and {svix-id}, the id of the message; without one it is `{timestamp}.{body}`, or the body alone where no
    timestamp is wanted."""

    type: Literal["hmac"]
    secret_key: SecretStr
    algorithm: Literal["sha1", "sha256", "sha512"]
    signature_header: str = "x-signature"
    timestamp_header: str = "x-timestamp"
    signature_prefix: str = ""
    include_timestamp: bool = True
    payload_format: str | None = None
    message_id_header: str | None = None
    signature_encoding: Literal["hex", "base64"] = "hex"
    secret_is_base64: bool = Field(default=False, alias="secretIsBase64")

    def headers(self, body: bytes, *, url: str, method: str, message_id: str, seconds: int) -> dict[str, str]:
        """The signature, and what its check needs.

        :raises SigningError: the secret is no base64 though it should be
        """
        values = {"body": body, "timestamp": seconds, "method": method, "url": url, "svix-id": message_id}
        texts = {name: value if isinstance(value, bytes) else str(value).encode() for name, value in values.items()}
        form = self.payload_format or ("{timestamp}.{body}" if self.include_timestamp else "{body}")
        signed = _PLACEHOLDER.sub(lambda match: texts[match[1].decode()], form.encode())
        digest = hmac.new(self._key(), signed, self.algorithm).digest()
        encoded = digest.hex() if self.signature_encoding == "hex" else base64.b64encode(digest).decode()
        result = {self.signature_header: self.signature_prefix + encoded}
        if self.include_timestamp:
            result[self.timestamp_header] = str(seconds)
        if self.message_id_header:
            result[self.message_id_header] = message_id
        return result

    def _key(self) -> bytes:
        secret = self.secret_key.get_secret_value()
        if not self.secret_is_base64:
            return secret.encode()
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error as error:
            raise SigningError(
                "The credential's secretKey is no base64; clear secretIsBase64 or correct it."
            ) from error


_PLANS: TypeAdapter[BearerPlan | HmacPlan] = TypeAdapter(Annotated[BearerPlan | HmacPlan, Field(discriminator="type")])


def signed_headers(
    server: Mapping[str, Any],
    credential: Mapping[str, Any] | None,
    body: bytes,
    *,
    message_id: str = "",
    seconds: int | None = None,
    method: str = "POST",
) -> dict[str, str]:
    """The headers of a request to `server` (Vapi's JSON: url, headers, secret), its own ones included.

    :param credential: Vapi's JSON with the secrets in `authenticationPlan`; OAuth 2.0 needs a `Signer`
    :param message_id: stays the same when the message is sent again
    :param seconds: Unix time; None for now
    :raises SigningError: the plan is not valid
    """
    headers = {str(name): str(value) for name, value in (server.get("headers") or {}).items()}
    if server.get("secret"):
        headers["X-Vapi-Secret"] = str(server["secret"])
    data = (credential or {}).get("authenticationPlan")
    if not data:
        return headers
    plan: BearerPlan | HmacPlan = _read(_PLANS, data)
    if isinstance(plan, BearerPlan):
        return headers | plan.headers()
    now = int(time.time()) if seconds is None else seconds
    url = str(server.get("url", ""))
    return headers | plan.headers(body, url=url, method=method, message_id=message_id, seconds=now)


class Signer:
    """Signs with every plan; tokens of OAuth 2.0 are asked for once and kept until they end.

    :param client: asks for tokens: the guarded one, because users write the URL
    :param clock: seconds of any steady clock
    """

    def __init__(self, client: httpx.AsyncClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._tokens: dict[tuple[str, str, str, str], OAuth2Token] = {}

    async def headers(
        self,
        server: Mapping[str, Any],
        credential: Mapping[str, Any] | None,
        body: bytes,
        *,
        message_id: str = "",
        seconds: int | None = None,
        method: str = "POST",
    ) -> dict[str, str]:
        """As `signed_headers`.

        :raises SigningError: the plan is not valid
        :raises ProviderError: the server of tokens gives none
        :raises ForbiddenAddress: it is nowhere that may be asked
        """
        token = self._token(credential)
        if token is None:
            return signed_headers(server, credential, body, message_id=message_id, seconds=seconds, method=method)
        return signed_headers(server, None, body) | {"Authorization": f"Bearer {await token.value()}"}

    def refused(self, credential: Mapping[str, Any] | None) -> None:
        """A server answered 401: the next request gets another token."""
        token = self._token(credential)
        if token is not None:
            token.forget()

    def _token(self, credential: Mapping[str, Any] | None) -> OAuth2Token | None:
        data = (credential or {}).get("authenticationPlan") or {}
        if data.get("type") != "oauth2":
            return None
        known = {name: data[name] for name in ("type", "url", "clientId", "clientSecret", "scope") if name in data}
        plan: OAuth2Plan = _read(TypeAdapter(OAuth2Plan), known)
        key = (plan.url, plan.client_id, plan.client_secret.get_secret_value(), plan.scope or "")
        if key not in self._tokens:
            while len(self._tokens) >= _MAX_TOKENS:
                del self._tokens[next(iter(self._tokens))]
            self._tokens[key] = OAuth2Token(plan, clock=self._clock, client=self._client)
        return self._tokens[key]


def _read(adapter: TypeAdapter[Any], data: Any) -> Any:
    try:
        return adapter.validate_python(data)
    except ValidationError as error:
        places = (".".join(map(str, one["loc"])) for one in error.errors(include_input=False))
        raise SigningError(
            f"The credential's authenticationPlan is not valid: look at {', '.join(filter(None, places)) or 'type'}."
        ) from error
