"""Where keys are found, and where they are not seen."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import structlog
from pydantic import SecretStr, ValidationError

from gateway.assistant.provider_settings import ProviderSettings
from gateway.errors import ConfigError
from gateway.providers.catalogue import BY_STAGE
from gateway.providers.credentials import VARIABLES, Credential, Credentials, where_keys_go
from gateway.providers.registry import Providers
from gateway.settings import Settings

KEY = "sk-very-secret"


def credential(provider: str = "openai", **fields: Any) -> Credential:
    return Credential.model_validate({"provider": provider, **fields})


def systemd(folder: Path, provider: str = "openai", key: str = "from-systemd") -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    (folder / f"{provider}-api-key").write_text(f"{key}\n")
    return {"CREDENTIALS_DIRECTORY": str(folder)}


# ---------------------------------------------------------------- where they are found


def test_settings_come_before_systemd_and_systemd_before_variables(tmp_path: Path) -> None:
    environ = {"OPENAI_API_KEY": "from-variable"}
    assert Credentials(environ=environ).of("openai").key == "from-variable"
    environ |= systemd(tmp_path)
    assert Credentials(environ=environ).of("openai").key == "from-systemd"
    assert Credentials([credential(apiKey="configured")], environ).of("openai").key == "configured"


def test_settings_without_a_key_are_completed_by_what_is_found(tmp_path: Path) -> None:
    configured = credential(apiUrl="https://eu.example.org/v1")
    found = Credentials([configured], systemd(tmp_path)).of("openai")
    assert (found.key, found.api_url) == ("from-systemd", "https://eu.example.org/v1")


@pytest.mark.parametrize(
    "environ", [{}, {"OPENAI_API_KEY": ""}, {"OPENAI_API_KEY": " "}, {"CREDENTIALS_DIRECTORY": "/no"}]
)
def test_without_a_key_there_is_none(environ: dict[str, str]) -> None:
    assert Credentials(environ=environ).of("openai").key == ""


def test_a_directory_without_this_providers_key_is_no_obstacle(tmp_path: Path) -> None:
    environ = {**systemd(tmp_path, "deepgram"), "OPENAI_API_KEY": "from-variable"}
    assert Credentials(environ=environ).of("openai").key == "from-variable"


def test_the_first_of_several_variables_wins() -> None:
    assert Credentials(environ={"GOOGLE_API_KEY": "b"}).of("google").key == "b"
    assert Credentials(environ={"GEMINI_API_KEY": "a", "GOOGLE_API_KEY": "b"}).of("google").key == "a"


def test_what_stands_beside_a_key_comes_along() -> None:
    environ = {
        "PLAYHT_API_KEY": "k",
        "PLAYHT_USER_ID": "me",
        "AZURE_SPEECH_KEY": "k",
        "AZURE_SPEECH_REGION": "westeurope",
    }
    credentials = Credentials(environ=environ)
    assert credentials.of("playht").user_id == "me"
    assert credentials.of("azure").region == "westeurope"
    assert Credentials([credential("azure", region="eastus")], environ).of("azure").region == "eastus"


def test_a_provider_that_nobody_knows_may_have_a_configured_key() -> None:
    assert Credentials([credential("mine", apiKey="k")], {}).of("mine").key == "k"
    assert Credentials(environ={}).of("mine").key == ""


def test_each_of_our_providers_that_needs_a_key_has_a_variable_and_a_remedy() -> None:
    for entries in BY_STAGE.values():
        for provider, entry in entries.items():
            if entry.key:
                assert VARIABLES[provider][0] in where_keys_go(provider)


def test_a_provider_without_a_variable_has_a_remedy_too() -> None:
    assert where_keys_go("mine") == "write {provider: mine, apiKey: …} under credentials in parley.yaml"


@pytest.mark.parametrize("fields", [{"apiUrl": "ftp://x"}, {"key": "k"}, {"name": "n" * 41}])
def test_a_wrong_credential_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        credential(**fields)


# ---------------------------------------------------------------- where they are not seen


def test_a_key_is_in_no_text_of_a_credential() -> None:
    secret = Credentials([credential(apiKey=KEY)], {}).of("openai")
    assert secret.api_key == SecretStr(KEY)
    for text in (repr(secret), str(secret), secret.model_dump_json(), str(secret.model_dump()), f"{secret!r}"):
        assert KEY not in text


def test_a_key_is_in_no_text_of_the_settings() -> None:
    settings = Settings.model_validate({"credentials": [{"provider": "openai", "apiKey": KEY}]})
    for text in (repr(settings), str(settings), settings.model_dump_json()):
        assert KEY not in text


def test_a_key_of_the_wrong_form_is_not_shown_in_the_complaint() -> None:
    with pytest.raises(ValidationError) as raised:
        credential(apiKey=[KEY])
    assert KEY not in str(raised.value.errors(include_input=False))


LEAST: dict[str, dict[str, str]] = {"transcriber": {}, "model": {"model": "one"}, "voice": {"voiceId": "one"}}
"""Settings with which a provider of the stage can be made."""


@pytest.mark.parametrize("stage", LEAST)
def test_no_provider_shows_its_key_in_logs_errors_or_texts(stage: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []
    count = 0
    with structlog.testing.capture_logs() as logs:
        for name, entry in BY_STAGE[stage].items():
            if not entry.key:
                continue
            credentials = Credentials([credential(name, apiKey=KEY, region="westeurope", userId="me")], {})
            try:
                made = Providers(credentials).make(
                    stage, ProviderSettings.model_validate({"provider": name, **LEAST[stage]})
                )
            except ConfigError as error:
                seen.append(str(error))
            else:
                count += 1
                seen += [repr(made), str(made)]
    assert count > 2
    assert KEY not in f"{seen} {logs} {caplog.text}"
