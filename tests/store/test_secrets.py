from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from gateway.errors import ConfigError, StoreError
from gateway.settings import Settings, StoreSettings
from gateway.store.secrets import Secrets, without_secrets

CREDENTIALS: list[dict[str, Any]] = [
    {"provider": "openai", "name": "mine", "apiKey": "hush"},
    {"provider": "azure-openai", "region": "eu", "openAIKey": "hush", "ocpApimSubscriptionKey": "hush", "models": []},
    {"provider": "s3", "awsAccessKeyId": "public", "awsSecretAccessKey": "hush", "region": "eu"},
    {"provider": "webhook", "authenticationPlan": {"type": "bearer", "token": "hush", "headerName": "X"}},
    {"provider": "webhook", "authenticationPlan": {"type": "hmac", "secretKey": "hush", "algorithm": "sha256"}},
    {
        "provider": "webhook",
        "authenticationPlan": {"type": "oauth2", "url": "u", "clientId": "i", "clientSecret": "hush"},
    },
    {"provider": "byo-sip-trunk", "outboundAuthenticationPlan": {"authUsername": "u", "authPassword": "hush"}},
    {"provider": "twilio", "accountSid": "public", "authToken": "hush", "apiSecret": "hush"},
    {"provider": "gcp", "gcpKey": {"type": "service_account", "privateKey": "hush", "privateKeyId": "public"}},
    {"provider": "odd", "apiKey": {"nested": "hush"}, "secrets": ["kept"], "list": [{"password": "hush"}, 1, None]},
]


@pytest.fixture
def secrets() -> Secrets:
    return Secrets(Fernet.generate_key())


@pytest.mark.parametrize("credential", CREDENTIALS, ids=lambda one: str(one["provider"]))
def test_secrets_are_kept_unreadable_and_not_shown(secrets: Secrets, credential: dict[str, Any]) -> None:
    sealed = secrets.sealed(credential)
    assert "hush" not in json.dumps(sealed)
    assert secrets.opened(sealed) == credential
    shown = without_secrets(sealed)
    assert "$sealed" not in json.dumps(shown)
    assert shown["provider"] == credential["provider"]


def test_what_is_no_secret_is_shown(secrets: Secrets) -> None:
    shown = without_secrets(secrets.sealed(CREDENTIALS[3]))
    assert shown["authenticationPlan"] == {"type": "bearer", "headerName": "X"}


def test_another_key_opens_nothing(secrets: Secrets) -> None:
    with pytest.raises(StoreError, match="another key"):
        Secrets(Fernet.generate_key()).opened(secrets.sealed(CREDENTIALS[0]))


def test_a_key_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    sealed = Secrets.of(settings).sealed(CREDENTIALS[0])
    assert Secrets.of(settings).opened(sealed) == CREDENTIALS[0]
    assert stat.S_IMODE((tmp_path / "data/secret.key").stat().st_mode) == 0o600


def test_the_key_of_the_settings_is_used(tmp_path: Path) -> None:
    key = Fernet.generate_key()
    chosen = StoreSettings(secret_key=SecretStr(key.decode()))
    sealed = Secrets.of(Settings(data_dir=tmp_path, store=chosen)).sealed(CREDENTIALS[0])
    assert Secrets(key).opened(sealed) == CREDENTIALS[0]
    assert not (tmp_path / "secret.key").exists()


def test_a_key_that_is_none_is_told() -> None:
    with pytest.raises(ConfigError, match=r"store\.secret_key"):
        Secrets("short")
