"""What of SIP messages is written to the log."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from gateway.sip.log_writer import write_line

MESSAGE = (
    "TX 700 bytes Request msg INVITE/cseq=2 (tdta0x7f) to UDP 192.0.2.1:5060:\r\n"
    "INVITE sip:200@pbx.example SIP/2.0\r\n"
    '{header}: Digest username="100", realm="pbx", nonce="ab12", response="6629fae49393a053", qop=auth\r\n'
    "X-Case: response=77\r\n"
    "\r\n"
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20\r\n"
)


@pytest.mark.parametrize("header", ["Authorization", "Proxy-Authorization", "proxy-authorization "])
def test_neither_digests_nor_keys_of_audio_are_in_the_log(header: str) -> None:
    with capture_logs() as logs:
        write_line(4, MESSAGE.format(header=header))
    (entry,) = logs
    text = entry["text"]
    assert entry["event"] == "sip.trace"
    assert "6629fae" not in text
    assert "WVNfX19" not in text
    assert 'username="100"' in text
    assert "qop=auth" in text
    assert "X-Case: response=77" in text
    assert "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:…" in text


@pytest.mark.parametrize(("by", "level"), [("TCP", "info"), ("UDP after all", "warning")])
def test_what_a_long_request_goes_by_is_told_in_a_line_of_ours(by: str, level: str) -> None:
    with capture_logs() as logs:
        write_line(2, f" Long request by {by} to pbx.example: Request msg INVITE/cseq=2 (tdta0x7f), 1500 bytes\n")
    request = "pbx.example: Request msg INVITE/cseq=2 (tdta0x7f), 1500 bytes"
    assert logs == [{"event": "sip.long_request", "log_level": level, "by": by, "to": request}]
