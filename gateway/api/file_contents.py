"""The contents of uploaded files, on disk beside the database."""

from __future__ import annotations

import mimetypes
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gateway.errors import TooLarge

_CHUNK = 1 << 20
_SNIFFED = 512
_MAGIC = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"\x1f\x8b", "application/gzip"),
)
_ZIPPED = {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
_TEXTS = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".csv": "text/csv",
    ".json": "application/json",
    ".html": "text/html",
    ".htm": "text/html",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}
READABLE = frozenset({"text/plain", *_TEXTS.values()})
"""Types whose bytes are their text."""


@dataclass(frozen=True, slots=True)
class Kept:
    """`size` in bytes, `mimetype` as the content says it."""

    size: int
    mimetype: str


class FileContents:
    """`files/` of a data directory.

    :param limit: bytes of one file
    """

    def __init__(self, data_dir: Path, limit: int) -> None:
        self._folder = data_dir / "files"
        self._limit = limit

    def path(self, file_id: str) -> Path:
        """Of the content of a file of ours; the id is one that we gave."""
        return self._folder / file_id

    def keep(self, file_id: str, content: BinaryIO, name: str) -> Kept:
        """Write it, all or nothing.

        :raises TooLarge: it has more bytes than one may have
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._folder / f"{file_id}.part"
        try:
            with unfinished.open("wb") as file:
                shutil.copyfileobj(content, file, _CHUNK)
                size = file.tell()
            if size > self._limit:
                raise TooLarge(f"A file must not be longer than {self._limit} bytes.")
            with unfinished.open("rb") as file:
                mimetype = mimetype_of(file.read(_SNIFFED), name)
            os.replace(unfinished, self.path(file_id))
        finally:
            unfinished.unlink(missing_ok=True)
        return Kept(size, mimetype)

    def remove(self, file_id: str) -> None:
        """Delete it, where it is."""
        self.path(file_id).unlink(missing_ok=True)


def mimetype_of(beginning: bytes, name: str) -> str:
    """By the content, and by the name only where the content leaves it open: what a client says of it may be wrong."""
    ending = Path(name).suffix.lower()
    for magic, mimetype in _MAGIC:
        if beginning.startswith(magic):
            return mimetype
    if beginning[:4] == b"RIFF" and beginning[8:12] == b"WAVE":
        return "audio/wav"
    if beginning.startswith(b"PK\x03\x04"):
        return _ZIPPED.get(ending, "application/zip")
    if _is_text(beginning):
        return _TEXTS.get(ending, "text/plain")
    guessed = mimetypes.guess_type(name)[0] or ""
    return "application/octet-stream" if not guessed or guessed.startswith("text/") else guessed


def _is_text(beginning: bytes) -> bool:
    if b"\0" in beginning:
        return False
    try:
        beginning.decode()
    except UnicodeDecodeError as error:
        return len(beginning) == _SNIFFED and error.start > _SNIFFED - 4
    return True
