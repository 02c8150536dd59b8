from urllib.parse import parse_qsl, urlsplit

import pytest

from gateway.api.signed_urls import UrlSigner

NOW = 1_700_000_000.0


def signer(key: bytes = b"key", now: float = NOW) -> UrlSigner:
    return UrlSigner(key, "https://parley.test", now=lambda: now)


def test_a_signed_url_holds_until_it_expires() -> None:
    url = urlsplit(signer().signed_url("/call/a/mono-recording", 60))
    assert (url.scheme, url.netloc, url.path) == ("https", "parley.test", "/call/a/mono-recording")
    query = dict(parse_qsl(url.query))
    assert signer().holds(url.path, query)
    assert signer(now=NOW + 59).holds(url.path, query)
    assert not signer(now=NOW + 60).holds(url.path, query)
    assert not signer(b"other").holds(url.path, query)
    assert not signer().holds("/call/b/mono-recording", query)
    assert not signer().holds(url.path, {**query, "expires": str(int(NOW) + 600)})


@pytest.mark.parametrize(
    "query", [{}, {"expires": "9"}, {"expires": "x", "signature": "y"}, {"expires": "²", "signature": "é"}]
)
def test_what_is_not_signed_does_not_hold(query: dict[str, str]) -> None:
    assert not signer().holds("/call/a/mono-recording", query)
