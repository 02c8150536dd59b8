"""Files that only the holder of a key can read: AES-256-GCM in chunks of a second or less.

    PARLEYSOUND1\\n                  13 bytes
    length                          4 bytes, of the header that follows
    header                          JSON: `id` names the key that wraps, `key` is the wrapped key of this file
    position, length, sound         8 bytes, 4 bytes, length + 16 bytes; again and again to the end

Numbers are big-endian. `position` is that of the sound's first byte in the WAV file's data, or of the first byte in
another file, such as a capture; what no chunk covers is silence. The key of the file, 32 random bytes, is wrapped with
AES-256-GCM under a random nonce of 12 bytes that goes before it. The nonce of a chunk is its number, 12 bytes; position
and length are authenticated with it. So chunks cannot be changed, exchanged or left out without notice, but for the
last ones. Chunks are only appended: a file whose writer died is whole up to its last complete chunk.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import ConfigError, RecordingError
from gateway.media.recorder import wav_header

MAGIC = b"PARLEYSOUND1\n"
SUFFIX = ".sealed"
KEY_BYTES = 32
_LENGTH = struct.Struct(">I")
_CHUNK = struct.Struct(">QI")
_NONCE_BYTES = 12
_TAG_BYTES = 16


def read_key(text: str) -> bytes:
    """A key as the settings have it: 32 bytes in URL-safe base64. :raises ConfigError: it is none"""
    try:
        key = base64.urlsafe_b64decode(text)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError("recording.key is not 32 bytes in URL-safe base64: leave it out to have one made.")
    return key


def key_id(key: bytes) -> str:
    """Tells keys apart and nothing about them."""
    return hashlib.sha256(b"parley recording key" + key).hexdigest()[:16]


class SealedFile:
    """Writes a file, one chunk per write; made with the first. Used on the disk thread only."""

    def __init__(self, path: Path, key: bytes) -> None:
        self.path = path
        self._own = os.urandom(KEY_BYTES)
        self._cipher = AESGCM(self._own)
        self._key = key
        self._chunks = 0

    def write(self, position: int, sound: bytes) -> None:
        """Append sound whose place is `position`. :raises OSError: the disk does not take it"""
        head = _CHUNK.pack(position, len(sound))
        sealed = self._cipher.encrypt(_nonce(self._chunks), sound, head)
        data = (b"" if self._chunks else self._opening()) + head + sealed
        with self.path.open("ab" if self._chunks else "xb", buffering=0) as file:
            before = file.tell()
            if file.write(data) != len(data):
                file.truncate(before)
                raise OSError(f"{self.path} was not written whole")
        self._chunks += 1

    def _opening(self) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        wrapped = nonce + AESGCM(self._key).encrypt(nonce, self._own, MAGIC)
        header = json.dumps({"id": key_id(self._key), "key": base64.b64encode(wrapped).decode()}).encode()
        return MAGIC + _LENGTH.pack(len(header)) + header


@dataclass(frozen=True, slots=True)
class _Chunk:
    number: int
    position: int
    length: int
    offset: int
    """Of the sealed sound in the file."""


class SealedContent(io.RawIOBase):
    """The file that is in a sealed one, to be read anywhere in it.

    :param file: read and closed by this
    :raises RecordingError: it is no sealed recording, another key belongs to it, or it was changed
    """

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        super().__init__()
        self._file = file
        self._cipher, start = self._unwrap(key)
        self._chunks = self._index(start)
        data = max((chunk.position + chunk.length for chunk in self._chunks), default=0)
        self._head = self._beginning(data)
        self._size = len(self._head) + data
        self._at = 0
        self._opened: tuple[int, bytes] = (-1, b"")

    def _beginning(self, data_bytes: int) -> bytes:
        """What comes before the data."""
        return b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        self._file.close()
        super().close()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        buffer[:wanted] = self._between(self._at, self._at + wanted)
        self._at += wanted
        return wanted

    def _between(self, start: int, end: int) -> bytes:
        out = bytearray(end - start)
        head = len(self._head)
        out[: max(0, min(end, head) - start)] = self._head[start : min(end, head)]
        for chunk in self._chunks:
            first, last = max(start, head + chunk.position), min(end, head + chunk.position + chunk.length)
            if first < last:
                sound = self._sound(chunk)
                shift = head + chunk.position
                out[first - start : last - start] = sound[first - shift : last - shift]
        return bytes(out)

    def _sound(self, chunk: _Chunk) -> bytes:
        if self._opened[0] != chunk.number:
            self._file.seek(chunk.offset)
            sealed = self._file.read(chunk.length + _TAG_BYTES)
            try:
                sound = self._cipher.decrypt(_nonce(chunk.number), sealed, _CHUNK.pack(chunk.position, chunk.length))
            except InvalidTag:
                raise RecordingError("The recording was changed after it was written.") from None
            self._opened = (chunk.number, sound)
        return self._opened[1]

    def _unwrap(self, key: bytes) -> tuple[AESGCM, int]:
        try:
            if self._file.read(len(MAGIC)) != MAGIC:
                raise RecordingError("This is no sealed recording.")
            (length,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
            header = json.loads(self._file.read(length))
            wrapped = base64.b64decode(header["key"])
            if header["id"] != key_id(key):
                raise RecordingError("The recording was sealed with another key: bring the former recording.key back.")
            own = AESGCM(key).decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], MAGIC)
        except (InvalidTag, ValueError, KeyError, TypeError, struct.error):
            raise RecordingError("The header of the recording is damaged.") from None
        return AESGCM(own), len(MAGIC) + _LENGTH.size + length

    def _index(self, start: int) -> list[_Chunk]:
        size, at, chunks = self._file.seek(0, io.SEEK_END), start, list[_Chunk]()
        while at + _CHUNK.size <= size:
            self._file.seek(at)
            position, length = _CHUNK.unpack(self._file.read(_CHUNK.size))
            at += _CHUNK.size + length + _TAG_BYTES
            if at > size:
                break
            chunks.append(_Chunk(len(chunks), position, length, at - length - _TAG_BYTES))
        return chunks


class SealedSound(SealedContent):
    """The WAV file that is in a sealed recording; as `SealedContent`."""

    def _beginning(self, data_bytes: int) -> bytes:
        return wav_header(data_bytes)


def _nonce(number: int) -> bytes:
    return number.to_bytes(_NONCE_BYTES, "big")
