"""The key that seals recordings."""

from __future__ import annotations

from gateway.recording.sealed import read_key
from gateway.settings import Settings
from gateway.store.secrets import Secrets


def recording_key(settings: Settings) -> bytes:
    """That of the settings, else one that comes of the store's key: the same at each start.

    :raises ConfigError: the key is none, or the store's cannot be read or made
    """
    given = settings.recording.key
    return read_key(given.get_secret_value()) if given else Secrets.of(settings).derived_key("recordings")
