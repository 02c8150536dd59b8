"""Where recordings are stored beside this machine: anything that fsspec knows; S3-compatible storage is the usual one.

Everything here waits for the network, so it is called in a thread.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO, cast

import fsspec  # type: ignore[import-untyped]

from gateway.errors import ConfigError, StorageAway
from gateway.recording.settings import UploadSettings

CONNECT_SECONDS = 5
READ_SECONDS = 60
SIGNED_SECONDS = 3600
"""How long the storage's own URL of a recording works."""


class Storage:
    """A folder of `upload.url`.

    :raises ConfigError: nothing is installed that knows such a URL
    """

    def __init__(self, upload: UploadSettings) -> None:
        try:
            self._files, self._folder = fsspec.core.url_to_fs(upload.url, **_options(upload))
        except (ImportError, ValueError) as error:
            raise ConfigError(f"recording.upload.url {upload.url!r} cannot be used: {error}.") from error

    def put(self, file: Path, name: str) -> None:
        """Store a file under a name. Storing it again replaces it. Raises whatever the storage does."""
        if self._local:
            self._files.makedirs(self._folder, exist_ok=True)
        self._files.put_file(str(file), self._path(name))

    def open(self, name: str) -> BinaryIO:
        """To read from, anywhere in it.

        :raises FileNotFoundError: there is no such file
        :raises StorageAway: the storage does not answer, or refuses
        """
        try:
            return cast(BinaryIO, self._files.open(self._path(name), "rb"))
        except FileNotFoundError:
            raise
        except Exception as error:  # border: every storage raises errors of its own
            raise StorageAway(f"The storage of recordings does not answer: {error}.") from error

    def address(self, name: str) -> str | None:
        """A URL of the storage's own that works for a while without a key; None where it has none."""
        try:
            return str(self._files.sign(self._path(name), expiration=SIGNED_SECONDS))
        except NotImplementedError:
            return None

    def remove(self, name: str) -> None:
        """Delete a file, if there is one."""
        if self._files.exists(self._path(name)):
            self._files.rm_file(self._path(name))

    @property
    def _local(self) -> bool:
        return "file" in self._files.protocol

    def _path(self, name: str) -> str:
        return f"{self._folder.rstrip('/')}/{name}"


def _options(upload: UploadSettings) -> dict[str, Any]:
    if not upload.url.startswith("s3://"):
        return {}
    given = {
        "key": upload.key.get_secret_value() if upload.key else None,
        "secret": upload.secret.get_secret_value() if upload.secret else None,
        "endpoint_url": upload.endpoint_url,
        "client_kwargs": {"region_name": upload.region} if upload.region else None,
    }
    client = {
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": READ_SECONDS,
        "retries": {"max_attempts": 1},
        "signature_version": "s3v4",
    }
    known = {name: value for name, value in given.items() if value is not None}
    return {**known, "config_kwargs": client, "use_listings_cache": False}
