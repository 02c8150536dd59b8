"""Keys of providers: from the settings, from systemd's credentials, or from the variables that their SDKs read.

The first of these that has a key wins. A key is a `SecretStr` until it goes out in a request: logs and errors show
stars.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import structlog
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic.alias_generators import to_camel

from gateway.providers.oauth2 import OAuth2Plan

log = structlog.get_logger(__name__)

VARIABLES: Mapping[str, tuple[str, ...]] = {
    "11labs": ("ELEVENLABS_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "anyscale": ("ANYSCALE_API_KEY",),
    "assembly-ai": ("ASSEMBLYAI_API_KEY",),
    "azure": ("AZURE_SPEECH_KEY",),
    "cartesia": ("CARTESIA_API_KEY",),
    "cerebras": ("CEREBRAS_API_KEY",),
    "custom-llm": ("CUSTOM_LLM_API_KEY",),
    "deep-seek": ("DEEPSEEK_API_KEY",),
    "deepgram": ("DEEPGRAM_API_KEY",),
    "deepinfra": ("DEEPINFRA_API_KEY",),
    "gladia": ("GLADIA_API_KEY",),
    "google": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "groq": ("GROQ_API_KEY",),
    "mistral": ("MISTRAL_API_KEY",),
    "openai": ("OPENAI_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY",),
    "perplexity-ai": ("PERPLEXITY_API_KEY",),
    "playht": ("PLAYHT_API_KEY",),
    "together-ai": ("TOGETHER_API_KEY",),
    "xai": ("XAI_API_KEY",),
}
"""The variables that hold a provider's key, by the provider's name. What else belongs to the key stands beside it: with
the same beginning and `_API_URL`, `_REGION` or `_USER_ID` (`AZURE_SPEECH_REGION`, `PLAYHT_USER_ID`)."""

_AT_USERS_ADDRESSES = frozenset({"custom-llm", "custom-voice", "custom-transcriber"})
"""The assistant says where these are: a shared key would go to whoever writes one."""
_FIELDS = ("provider", "name", "apiKey", "apiUrl", "region", "userId", "authenticationPlan")
"""Of a credential of the API."""
_BESIDE = {"api_url": "API_URL", "region": "REGION", "user_id": "USER_ID"}


class Credential(BaseModel):
    """Access to one provider, with Vapi's field names. `api_url` is another address of its service, such as one in
    another region or on the user's own machines. One of the settings is for the calls of the default organisation, or
    `shared` with all. `authentication_plan` stands in the place of a key that never changes:
    a token is asked for, and asked for again before it ends (custom-llm)."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    provider: str
    name: str = Field(default="", max_length=40)
    api_key: SecretStr = SecretStr("")
    api_url: str | None = Field(default=None, pattern="^(https?|wss?)://")
    region: str | None = None
    user_id: str | None = None
    authentication_plan: OAuth2Plan | None = None
    shared: bool = False

    @property
    def key(self) -> str:
        """The key itself, empty when there is none. Only for a request's header."""
        return self.api_key.get_secret_value()


class Credentials:
    """Finds a provider's credential.

    :param configured: the credentials of the settings
    :param own: an organisation's, which go before them and stand alone: an address that a caller of the API wrote must
        not get the operator's key
    :param environ: variables; `CREDENTIALS_DIRECTORY` among them is systemd's (systemd.exec(5), LoadCredential), where
        the key of a provider is the file `PROVIDER-api-key`
    """

    def __init__(
        self,
        configured: Iterable[Credential] = (),
        environ: Mapping[str, str] = os.environ,
        *,
        own: Iterable[Credential] = (),
    ) -> None:
        self._own = {credential.provider: credential for credential in own}
        self._configured = {credential.provider: credential for credential in configured} | self._own
        self._environ = environ

    def for_tenant(self, own: Iterable[Credential], *, all_shared: bool) -> Credentials:
        """Those of an organisation, and behind them those of ours that it may use.

        :param own: a provider's first one counts
        :param all_shared: it is the operator's own organisation; another may use what the settings share by name
        """
        shared = [
            one
            for one in self._configured.values()
            if all_shared or (one.shared and one.provider not in _AT_USERS_ADDRESSES)
        ]
        return Credentials(shared, self._environ if all_shared else {}, own=reversed(list(own)))

    def of(self, provider: str) -> Credential:
        """The credential of a provider; without a key when there is none."""
        if provider in self._own:
            return self._own[provider]
        configured = self._configured.get(provider, Credential(provider=provider))
        found = {name: self._variable(provider, suffix) for name, suffix in _BESIDE.items()}
        key = configured.key or self._systemd(provider) or self._key(provider)
        known = configured.model_dump(exclude_none=True, exclude={"api_key"})
        beside = {name: value for name, value in found.items() if value}
        return Credential(**{**beside, **known}, api_key=SecretStr(key))

    def place(self, provider: str) -> str:
        """Where a provider's key is: "settings", "systemd", or a variable's name; empty where there is none."""
        if provider in self._configured and self._configured[provider].key:
            return "settings"
        if self._systemd(provider):
            return "systemd"
        return next((name for name in VARIABLES.get(provider, ()) if self._environ.get(name, "").strip()), "")

    def _key(self, provider: str) -> str:
        names = VARIABLES.get(provider, ())
        return next((self._environ[name].strip() for name in names if self._environ.get(name, "").strip()), "")

    def _variable(self, provider: str, suffix: str) -> str:
        beginnings = [name.removesuffix("_API_KEY").removesuffix("_KEY") for name in VARIABLES.get(provider, ())]
        return next((value for name in beginnings if (value := self._environ.get(f"{name}_{suffix}", ""))), "")

    def _systemd(self, provider: str) -> str:
        folder = self._environ.get("CREDENTIALS_DIRECTORY")
        file = Path(folder, f"{provider}-api-key") if folder else None
        return file.read_text().strip() if file and file.is_file() else ""


def provider_credentials(kept: Iterable[Mapping[str, Any]]) -> list[Credential]:
    """Credentials of the API that give access to a provider; the others are for webhooks, trunks and storage.

    :param kept: Vapi's JSON, with the secrets
    """
    read = []
    for one in kept:
        try:
            fields = {name: one[name] for name in _FIELDS if one.get(name)}
            read.append(Credential.model_validate({**fields, "name": str(one.get("name") or "")[:40]}))
        except ValidationError:
            log.debug("credential without access to a provider", provider=one.get("provider"), id=one.get("id"))
    return read


def where_keys_go(provider: str) -> str:
    """How to give a provider's key, for an error's sentence."""
    names = VARIABLES.get(provider)
    variable = f"set {names[0]}, or write " if names else "write "
    return f"{variable}{{provider: {provider}, apiKey: …}} under credentials in parley.yaml"
