"""The secret with which a gateway attaches to its control plane.

Both ends on one machine share a data directory, and with it a file that whoever comes first writes. Apart, both are
given `api.link_token`.
"""

from __future__ import annotations

import hmac
import os
import secrets

from gateway.errors import SetupError
from gateway.settings import Settings

METADATA_KEY = "authorization"


def link_token(settings: Settings) -> str:
    """The token of these settings.

    :raises SetupError: the file can be neither read nor written
    """
    if settings.api.link_token is not None:
        return settings.api.link_token.get_secret_value()
    path = settings.data_dir / "link.token"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(32))
        except FileExistsError:
            pass
        token = path.read_text().strip()
    except OSError as error:
        raise SetupError(f"Cannot use {path}: {error.strerror}; set api.link_token at both ends.") from error
    if not token:
        raise SetupError(f"{path} is empty; delete it.")
    return token


def token_metadata(token: str) -> tuple[tuple[str, str], ...]:
    """What goes along with the call of `Attach`."""
    return ((METADATA_KEY, f"Bearer {token}"),)


def is_token(metadata: object, token: str) -> bool:
    """Whether the metadata of a call has this token."""
    pairs = dict(metadata) if isinstance(metadata, (list, tuple)) else {}
    return hmac.compare_digest(str(pairs.get(METADATA_KEY, "")).encode(), f"Bearer {token}".encode())
