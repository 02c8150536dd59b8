"""A credential's trunk on the wire: it registers, is called by, calls, and goes when the credential does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gateway.call.told_trunks import ToldTrunks
from gateway.plane.credential_trunks import credential_trunk
from gateway.plane.trunk_directory import told
from gateway.store.secrets import Secrets
from tests.plane.test_trunks import KEY
from tests.sip.exchange import exchange
from tests.sip.party import LOOPBACK, party
from tests.sip.registrar import registrar

REGISTERS = {"authUsername": "acme", "authPassword": "hush", "sipRegisterPlan": {}}


def trunks_json(**credentials: dict[str, Any]) -> str:
    return json.dumps([told(credential_trunk(name, "o-1", body)) for name, body in credentials.items()])


async def test_a_credentials_trunk_registers_takes_and_makes_calls_and_leaves(tmp_path: Path) -> None:
    async with registrar(password="hush") as pbx, exchange() as ours, party(ours.address) as carrier:
        trunks = ToldTrunks([], tmp_path, Secrets(KEY))
        await trunks.attach(ours.endpoint)
        registering = {
            "gateways": [{"ip": LOOPBACK, "port": pbx.port}],
            "outboundAuthenticationPlan": REGISTERS,
        }
        calling = {"gateways": [{"ip": LOOPBACK, "port": carrier.port, "inboundEnabled": False}]}
        await trunks.take(trunks_json(registering=registering, calling=calling))
        await pbx.until(2)
        contact = pbx.registered[0]
        assert "sip:acme@" in contact

        carrier.remote = contact[contact.index("<") + 1 : contact.index(">")]
        carrier.request("INVITE", body=carrier.sdp())
        assert (await ours.call()).leg.info.trunk == "registering"

        async with party(ours.address) as other:
            calling["gateways"][0]["port"] = other.port
            await trunks.take(trunks_json(registering=registering, calling=calling))
            await ours.endpoint.dial("+15551234567", trunk="calling", caller="+15550100")
            invite = await other.incoming("INVITE")
            assert "sip:+15551234567@" in invite.message.request_uri
            assert "+15550100" in invite.message.first("from")
            other.respond(invite, "486 Busy Here")

        before = len(pbx.requests)
        await trunks.take("[]")
        await pbx.until(before + 1)
        farewell = pbx.requests[-1]
        assert farewell.first("expires") == "0" or "expires=0" in farewell.first("contact")
