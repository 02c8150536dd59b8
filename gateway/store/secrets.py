"""Secrets of users, encrypted where they are kept.

The key is `store.secret_key`, else a file in `data_dir` that is made at first start and that only its owner can read.
"""

from __future__ import annotations

import hmac
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from gateway.errors import ConfigError, StoreError
from gateway.settings import Settings

_FILE = "secret.key"
_SEALED = "$sealed"
_SECRET = re.compile(
    r"api_?key|openAIKey|auth_?token|access_?token|refresh_?token|bearer_?token|token|.*secret|.*secret_?(access_?)?key"
    r"|.*password|private_?key|.*subscription_?key|webhookUrl",
    re.IGNORECASE,
)
"""Names of fields of credentials that hold secrets."""


class Secrets:
    """:param key: of Fernet: 32 bytes in URL-safe base64
    :raises ConfigError: it is no such key
    """

    def __init__(self, key: str | bytes) -> None:
        self._key = key if isinstance(key, bytes) else key.encode()
        try:
            self._fernet = Fernet(key)
        except ValueError:
            raise ConfigError(
                "store.secret_key is not 32 bytes in URL-safe base64: leave it out to have one made."
            ) from None

    @classmethod
    def of(cls, settings: Settings) -> Secrets:
        """With the key of the settings.

        :raises ConfigError: there is a key that is none, or the file cannot be read or made
        """
        given = settings.store.secret_key
        return cls(given.get_secret_value() if given else _key_of_file(settings.data_dir / _FILE))

    def derived_key(self, purpose: str) -> bytes:
        """32 bytes for something else than encryption, the same at each start."""
        return hmac.digest(self._key, purpose.encode(), "sha256")

    def sealed(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A credential as it is kept: what is secret in it, at any depth, is encrypted."""
        return {name: self._seal(name, value) for name, value in body.items()}

    def opened(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A credential with its secrets, from what is kept.

        :raises StoreError: it was encrypted with another key
        """
        return {name: _mapped(value, self._open) for name, value in body.items()}

    def _seal(self, name: str, value: Any) -> Any:
        if value is not None and _SECRET.fullmatch(name):
            return {_SEALED: self._fernet.encrypt(json.dumps(value).encode()).decode()}
        if isinstance(value, Mapping):
            return self.sealed(value)
        return [self._seal("", one) for one in value] if isinstance(value, list) else value

    def _open(self, token: str) -> Any:
        try:
            return json.loads(self._fernet.decrypt(token))
        except InvalidToken:
            message = "A secret was encrypted with another key: bring the former store.secret_key or secret.key back."
            raise StoreError(message) from None


def without_secrets(body: Mapping[str, Any]) -> dict[str, Any]:
    """A credential as it is shown: what is sealed is left out."""
    return {name: _without(value) for name, value in body.items() if not _is_sealed(value)}


def completed(value: Any, sealed: Any, stored: Any) -> Any:
    """A new value for a field of what is kept, with the secrets that the old one has and the new one does not name.

    :param sealed: the old one as it is kept
    :param stored: the old one, opened
    """
    if not all(isinstance(one, Mapping) for one in (value, sealed, stored)):
        return value
    hidden = {name: stored[name] for name in stored if name not in value and name not in without_secrets(sealed)}
    inner = {name: completed(one, sealed.get(name), stored.get(name)) for name, one in value.items()}
    return {**hidden, **inner}


def holds_sealed(value: Any) -> bool:
    """Whether something that comes from outside pretends, at any depth, to be sealed already."""
    if isinstance(value, Mapping):
        return _SEALED in value or any(map(holds_sealed, value.values()))
    return isinstance(value, list) and any(map(holds_sealed, value))


def _without(value: Any) -> Any:
    if isinstance(value, Mapping):
        return without_secrets(value)
    if isinstance(value, list):
        return [_without(one) for one in value if not _is_sealed(one)]
    return value


def _mapped(value: Any, open_: Callable[[str], Any]) -> Any:
    if _is_sealed(value):
        return open_(value[_SEALED])
    if isinstance(value, Mapping):
        return {name: _mapped(one, open_) for name, one in value.items()}
    return [_mapped(one, open_) for one in value] if isinstance(value, list) else value


def _is_sealed(value: Any) -> bool:
    return isinstance(value, Mapping) and value.keys() == {_SEALED} and isinstance(value[_SEALED], str)


def _key_of_file(path: Path) -> bytes:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_bytes().strip()
        key = Fernet.generate_key()
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
        return key
    except OSError as error:
        raise ConfigError(f"The key file {path} cannot be used: {error.strerror}.") from error
