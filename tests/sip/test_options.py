"""OPTIONS to us, and what old or odd elements write into a request (RFC 3261 section 11, RFC 4475 section 3.3.11)."""

from __future__ import annotations

import pytest

from tests.sip.exchange import exchange
from tests.sip.party import party


@pytest.mark.scenario("TRK-02", peer="scripted party", transport="udp")
@pytest.mark.scenario("TRK-03", peer="scripted party", transport="udp")
async def test_options_is_answered_with_what_we_can_do_also_at_the_last_hop_and_to_an_old_branch() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        ann.request("OPTIONS")
        answer = (await ann.response(200, "OPTIONS")).message
        assert {"INVITE", "BYE", "OPTIONS"} <= {word.strip() for word in answer.first("allow").split(",")}
        assert "application/sdp" in answer.first("accept")
        assert answer.first("supported")
        text = ann.request("OPTIONS")
        await ann.response(200, "OPTIONS")
        ann.raw(text.replace("Max-Forwards: 70", "Max-Forwards: 0").replace(ann._branch, "z9hG4bKlast").encode())
        await ann.response(200, "OPTIONS")
        ann.raw(text.replace(ann._branch, "1").encode())
        await ann.response(200, "OPTIONS")
        await ann.call()
        await ann.bye()
