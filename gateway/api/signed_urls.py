"""URLs of recordings and files that anybody can open who has them, for a time: `?expires=…&signature=…`."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

DAY_SECONDS = 86_400
SHOWN_SECONDS = 7 * DAY_SECONDS
"""How long a URL works that stands in an answer or a message."""


class UrlSigner:
    """:param key: secret of this installation
    :param base_url: how others reach the API, without a slash at the end
    :param now: seconds since 1970
    """

    def __init__(self, key: bytes, base_url: str, now: Callable[[], float] = time.time) -> None:
        self._key = key
        self.base_url = base_url
        self._now = now

    def signed_url(self, path: str, seconds: float = SHOWN_SECONDS) -> str:
        """An absolute URL of `path` that works without a key for so long."""
        expires = str(int(self._now() + seconds))
        query = urlencode({"expires": expires, "signature": self._signature(path, expires)})
        return f"{self.base_url}{path}?{query}"

    def call_url(self, call_id: str, name: str) -> str:
        """Of what a call left behind, such as `mono-recording`."""
        return self.signed_url(f"/call/{call_id}/{name}")

    def holds(self, path: str, query: Mapping[str, str]) -> bool:
        """Whether a request for `path` came with a signature that is ours and not too old."""
        expires, signature = query.get("expires", ""), query.get("signature", "")
        if not (expires.isascii() and expires.isdigit() and len(expires) < 20 and signature.isascii()):
            return False
        return hmac.compare_digest(signature, self._signature(path, expires)) and self._now() < int(expires)

    def _signature(self, path: str, expires: str) -> str:
        return hmac.new(self._key, f"{path}\n{expires}".encode(), hashlib.sha256).hexdigest()
