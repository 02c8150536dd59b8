from __future__ import annotations

from typing import Any

import pytest

from gateway.call.leg import Direction, LegInfo
from gateway.call.outbound import Outbound
from gateway.call.transfer.plan import Verb
from gateway.call.transfer.verb import usual_verb
from gateway.settings import OutboundSettings
from gateway.trunk.settings import TrunkSettings

TRUNKS = (
    TrunkSettings(name="pbx", registrar="pbx.example.com", username="700"),
    TrunkSettings(name="hosts", gateways=[{"host": "192.0.2.7"}]),
    TrunkSettings(name="inbound", allow=["192.0.2.9"]),
    TrunkSettings(name="oneway", gateways=[{"host": "192.0.2.8", "outbound": False}]),
    TrunkSettings(name="refers", registrar="pbx.example.com", username="700", transfers="refer"),
    TrunkSettings(name="dials", allow=["192.0.2.9"], transfers="dial"),
)
OUTBOUND = Outbound(OutboundSettings(direct=["friends.example.com"]), {trunk.name: trunk for trunk in TRUNKS})
NUMBER = {"type": "number", "number": "2001"}


def chosen(trunk: str | None, software: str = "", destination: dict[str, Any] = NUMBER) -> tuple[Verb, str]:
    info = LegInfo(Direction.INBOUND, "sip:ann@h", "sip:700@h", "700", trunk, "c", {})
    choice = usual_verb(destination, info, software, OUTBOUND)
    return choice.verb, choice.why


@pytest.mark.parametrize(
    ("software", "verb", "why"),
    [
        ("Asterisk PBX 22.1.0", Verb.DIAL, "Asterisk takes the caller away"),
        ("FPBX-16.0.40(18.13.0)", Verb.DIAL, "FreePBX takes the caller away"),
        ("FreeSWITCH-mod_sofia/1.10.12", Verb.DIAL, "FreeSWITCH takes the caller away"),
        ("Microsoft.PSTNHub.SIPProxy v.2024", Verb.DIAL, "Microsoft Teams takes the caller away"),
        ("Twilio Gateway", Verb.REFER, "Twilio keeps the caller"),
        ("Some PBX 3", Verb.DIAL, "Some PBX 3 is not known to give a caller back"),
        ("", Verb.DIAL, "a system that does not name itself"),
    ],
)
def test_we_dial_unless_the_far_end_is_known_to_give_a_caller_back(software: str, verb: Verb, why: str) -> None:
    for trunk in ("pbx", "hosts"):
        found = chosen(trunk, software)
        assert found[0] is verb
        assert why in found[1]


@pytest.mark.parametrize("software", ["Asterisk", "Twilio Gateway", ""])
def test_the_trunk_has_the_last_word(software: str) -> None:
    assert chosen("refers", software)[0] is Verb.REFER
    assert chosen("dials", software)[0] is Verb.DIAL


@pytest.mark.parametrize(
    ("trunk", "destination", "why"),
    [
        (None, NUMBER, "by no trunk"),
        ("gone", NUMBER, "by no trunk"),
        ("inbound", NUMBER, "no gateway that may be called"),
        ("oneway", NUMBER, "no gateway that may be called"),
        ("pbx", {"type": "sip", "sipUri": "sip:2001@strangers.example.com"}, "outbound.direct"),
    ],
)
def test_what_cannot_be_dialled_is_referred(trunk: str | None, destination: dict[str, Any], why: str) -> None:
    verb, told = chosen(trunk, "Asterisk PBX 22", destination)
    assert verb is Verb.REFER
    assert why in told


@pytest.mark.parametrize("host", ["pbx.example.com", "friends.example.com", "h"])
def test_a_uri_that_may_be_dialled_is(host: str) -> None:
    assert chosen("pbx", "Asterisk", {"type": "sip", "sipUri": f"sip:2001@{host}"})[0] is Verb.DIAL
