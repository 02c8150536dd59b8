"""Digest authentication of callers (RFC 7616, RFC 3261 section 22, RFC 8760 for SHA-256). Pure.

A nonce carries its time, and a seal of it that only this gateway can make for the address that asks; so nothing is kept
of who only asks. What is kept is the highest nc of each nonce that was used rightly: one request is not taken twice.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from gateway.sip.headers import parse_uri

NONCE_SECONDS = 60.0
SALT_BYTES = 8
MOST_USED = 10_000
"""Nonces whose use is remembered: those of callers with the password, of the last minute."""
_MOST_LENGTH = 4000
_TIME_BYTES, _SEAL_BYTES = 8, 20
_PART = re.compile(r'([A-Za-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_NC = re.compile(r"[0-9a-fA-F]{8}")


def _bytes(text: str) -> bytes:
    """As they came: what is no UTF-8 stands in the text of a message as surrogates."""
    return text.encode(errors="surrogateescape")


def _md5(text: str) -> str:
    return hashlib.md5(_bytes(text), usedforsecurity=False).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(_bytes(text)).hexdigest()


ALGORITHMS: Mapping[str, Callable[[str], str]] = {"SHA-256": _sha256, "MD5": _md5}
"""As they are offered, the better first."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Who may call: `secrets` are H(username:realm:password) by algorithm, so that nobody here has the password."""

    realm: str
    username: str
    secrets: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, realm: str, username: str, password: str) -> Expected:
        """From a password."""
        text = f"{username}:{realm}:{password}"
        return cls(realm, username, {name: digest(text) for name, digest in ALGORITHMS.items()})


class Verdict(Enum):
    """`STALE`: the password is right, but the nonce is too old or was used; the caller is asked again."""

    ADMITTED = "admitted"
    STALE = "stale"
    REFUSED = "refused"


class Doorkeeper:
    """Asks callers who they are, and judges what they answer.

    :param key: 32 bytes that only this gateway knows
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._used: OrderedDict[str, int] = OrderedDict()
        """Nonce → highest nc."""

    def challenges(self, realm: str, source: str, *, now: float, salt: bytes, stale: bool = False) -> Sequence[str]:
        """Values of WWW-Authenticate, one for each algorithm.

        :param source: the address that asks
        :param now: Unix time, s
        :param salt: `SALT_BYTES` random bytes: nonces of one moment differ
        """
        nonce = self._nonce(int(now * 1000).to_bytes(_TIME_BYTES, "big") + salt, source)
        mark = ", stale=true" if stale else ""
        shown = re.sub(r'["\\\r\n]', "", realm)
        return [f'Digest realm="{shown}", nonce="{nonce}", algorithm={name}, qop="auth"{mark}' for name in ALGORITHMS]

    def judge(
        self, authorizations: Sequence[str], expected: Expected, *, method: str, user: str, source: str, now: float
    ) -> Verdict:
        """Whether a caller is who it should be.

        :param authorizations: values of Authorization
        :param user: that is called: the answer must be for it
        """
        verdicts = [
            self._judged(_parts(text), expected, method=method, user=user, source=source, now=now)
            for text in authorizations[: len(ALGORITHMS) + 1]
        ]
        for verdict in (Verdict.ADMITTED, Verdict.STALE):
            if verdict in verdicts:
                return verdict
        return Verdict.REFUSED

    def _judged(
        self, given: Mapping[str, str], expected: Expected, *, method: str, user: str, source: str, now: float
    ) -> Verdict:
        algorithm = given.get("algorithm", "MD5").upper()
        made_at = self._made_at(given.get("nonce", ""), source)
        if algorithm not in ALGORITHMS or made_at is None or not _NC.fullmatch(given.get("nc", "")):
            return Verdict.REFUSED
        uri = parse_uri(given.get("uri", ""))
        is_for_us = uri is not None and uri.user.lower() == user.lower() and given.get("qop", "").lower() == "auth"
        is_named = hmac.compare_digest(_bytes(given.get("username", "")), expected.username.encode())
        is_realm = given.get("realm") == expected.realm
        response = _response(algorithm, expected.secrets.get(algorithm, ""), given, method)
        is_right = hmac.compare_digest(_bytes(given.get("response", "").lower()), response.encode())
        if not (is_for_us and is_named and is_realm and is_right and algorithm in expected.secrets):
            return Verdict.REFUSED
        fresh = 0 <= now - made_at + 1 <= NONCE_SECONDS + 1 and self._counted(given["nonce"], int(given["nc"], 16))
        return Verdict.ADMITTED if fresh else Verdict.STALE

    def _counted(self, nonce: str, count: int) -> bool:
        """Whether this is the first request with this count."""
        if count <= self._used.get(nonce, 0):
            return False
        self._used[nonce] = count
        self._used.move_to_end(nonce)
        while len(self._used) > MOST_USED:
            self._used.popitem(last=False)
        return True

    def _nonce(self, head: bytes, source: str) -> str:
        return base64.urlsafe_b64encode(head + self._seal(head, source)).decode().rstrip("=")

    def _made_at(self, nonce: str, source: str) -> float | None:
        """When we made it for this source, Unix time in s; None when we did not."""
        try:
            read = base64.b64decode(nonce + "=" * (-len(nonce) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        head, seal = read[: _TIME_BYTES + SALT_BYTES], read[_TIME_BYTES + SALT_BYTES :]
        # The text itself counts, too: a nonce that is written in another way would have a count of its own.
        if not hmac.compare_digest(seal, self._seal(head, source)) or self._nonce(head, source) != nonce:
            return None
        return int.from_bytes(head[:_TIME_BYTES], "big") / 1000

    def _seal(self, head: bytes, source: str) -> bytes:
        return hmac.digest(self._key, head + source.encode(), "sha256")[:_SEAL_BYTES]


def _parts(text: str) -> Mapping[str, str]:
    scheme, _, rest = text.strip().partition(" ")
    if scheme.lower() != "digest" or len(text) > _MOST_LENGTH:
        return {}
    return {
        match[1].lower(): re.sub(r"\\(.)", r"\1", match[2]) if match[2] is not None else match[3]
        for match in _PART.finditer(rest)
    }


def _response(algorithm: str, secret: str, given: Mapping[str, str], method: str) -> str:
    digest = ALGORITHMS[algorithm]
    about = digest(f"{method}:{given.get('uri', '')}")
    middle = ":".join(given.get(name, "") for name in ("nonce", "nc", "cnonce", "qop"))
    return digest(f"{secret}:{middle}:{about}")
