"""Spoken phrases on disk, shared by the worker processes of a machine.

A phrase is one file: a line of JSON (text, words with their samples, checksum of the audio), then 8000 Hz mono s16le.
It is written beside its place and moved there, so a reader finds a whole file or none; a damaged one is deleted and
counts as absent. The least recently used leave first when the folder grows above its bound.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from gateway.providers.base import SpokenWord

_SUFFIX = ".phrase"
_SPARE = 0.9
"""Of the bound: what is left after clearing, so that not every phrase has to clear."""
_COUNT_AGAIN = 64
"""Phrases after which the folder is counted again, because other processes write to it, too."""

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text, its audio, and its words where the voice told them."""

    text: str
    pcm: bytes
    words: tuple[SpokenWord, ...] = ()


class PhraseStore:
    """Blocking; to be used from threads. No fault of the disk is an error: there is no phrase then.

    :param limit: bytes
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._size: int | None = None
        self._written = 0

    def read(self, key: str) -> Phrase | None:
        """The phrase, which becomes the most recent; None when there is none."""
        file = self._file(key)
        try:
            content = file.read_bytes()
        except OSError:
            return None
        phrase = _phrase(content)
        with suppress(OSError):
            if phrase is None:
                logger.warning("damaged phrase in the voice cache", file=str(file))
                file.unlink()
            else:
                os.utime(file)
        return phrase

    def write(self, key: str, phrase: Phrase) -> None:
        """Keep a phrase, unless it alone is over the bound."""
        content = _content(phrase)
        if len(content) > self._limit:
            return
        try:
            self._place(self._file(key), content)
            self._bound(len(content))
        except OSError as error:
            logger.warning("the voice cache cannot be written", folder=str(self._folder), error=str(error))

    def _file(self, key: str) -> Path:
        name = hashlib.sha256(key.encode()).hexdigest()
        return self._folder / name[:2] / f"{name}{_SUFFIX}"

    def _place(self, file: Path, content: bytes) -> None:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".part", delete=False) as part:
            try:
                part.write(content)
                part.close()
                os.replace(part.name, file)
            except OSError:
                os.unlink(part.name)
                raise

    def _bound(self, added: int) -> None:
        self._written += 1
        if self._size is None or self._written % _COUNT_AGAIN == 0:
            self._size = sum(size for _, size, _ in self._files())
        else:
            self._size += added
        if self._size > self._limit:
            self._clear()

    def _clear(self) -> None:
        files = sorted(self._files())
        self._size = sum(size for _, size, _ in files)
        for _, size, file in files:
            if self._size <= self._limit * _SPARE:
                return
            with suppress(OSError):
                file.unlink()
            self._size -= size

    def _files(self) -> list[tuple[float, int, Path]]:
        """Time of the last use, size and path of each phrase."""
        found = []
        for file in self._folder.glob(f"*/*{_SUFFIX}"):
            with suppress(OSError):  # another process may have cleared it
                status = file.stat()
                found.append((status.st_mtime, status.st_size, file))
        return found


def _content(phrase: Phrase) -> bytes:
    words = [[word.text, word.start, word.end] for word in phrase.words]
    head = {"text": phrase.text, "words": words, "sha256": hashlib.sha256(phrase.pcm).hexdigest()}
    return json.dumps(head).encode() + b"\n" + phrase.pcm


def _phrase(content: bytes) -> Phrase | None:
    head, _, pcm = content.partition(b"\n")
    try:
        known = json.loads(head)
        if known["sha256"] != hashlib.sha256(pcm).hexdigest():
            return None
        return Phrase(known["text"], pcm, tuple(SpokenWord(*word) for word in known["words"]))
    except (ValueError, KeyError, TypeError):
        return None
