"""Offers that we can and cannot take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sip.sdp import offers_codec

HEAD = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"


@pytest.mark.parametrize(
    ("media", "taken"),
    [
        ("m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n", True),
        ("m=audio 4000 RTP/AVP 18 9\r\n", True),
        ("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 OPUS/48000/2\r\n", True),
        ("m=video 4000 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 8\r\n", True),
        ("m=audio 0 RTP/AVP 0\r\nm=image 4000 udptl t38\r\n", False),
        ("m=audio 4000 RTP/AVP 18 101\r\na=rtpmap:101 telephone-event/8000\r\n", False),
        ("m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 G729/8000\r\n", False),
        ("m=audio 4000 RTP/AVP 96\r\nm=video 4002 RTP/AVP 97\r\na=rtpmap:96 opus/48000/2\r\n", False),
        ("m=video 4000 RTP/AVP 0\r\n", False),
        ("m=audio\r\n", False),
        ("", False),
    ],
)
def test_an_offer(media: str, taken: bool) -> None:
    assert offers_codec(HEAD + media, ["PCMU", "PCMA", "G722", "opus"]) is taken


def test_a_codec_that_is_not_configured_is_not_ours() -> None:
    assert not offers_codec(HEAD + "m=audio 4000 RTP/AVP 8\r\n", ["PCMU"])


@given(st.text())
def test_nothing_that_is_offered_raises(text: str) -> None:
    offers_codec(HEAD + "m=" + text, ["PCMU"])
