"""A machine whose address changes during a call: `unshare --map-root-user --net python -m tests.sip.moving_host`.

In the network namespace of this process the far end is at one address, and the way to it starts at another of ours,
which is taken away. Prints, as JSON, what the far end saw and when.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time

from gateway.sip.headers import parse_address, parse_uri
from tests.peers.ports import free_port
from tests.sip.exchange import exchange
from tests.sip.party import party
from tests.sip.registrar import Registrar
from tests.sip.test_registering import state

THERE, BEFORE, AFTER = "10.9.0.1", "10.9.0.11", "10.9.0.12"


def ip(command: str) -> None:
    """Run a command of iproute2."""
    subprocess.run(["ip", *command.split()], check=True)


def move_to(address: str) -> None:
    """Datagrams to the far end start at an address of ours."""
    ip(f"addr add {address}/32 dev lo")
    ip(f"route replace local {THERE} dev lo src {address} table local")


async def main() -> None:
    ip("link set lo up")
    ip(f"addr add {THERE}/32 dev lo")
    move_to(BEFORE)
    pbx = Registrar()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: pbx, local_addr=(THERE, 0))
    pbx.transport, pbx.port = transport, transport.get_extra_info("sockname")[1]
    trunk = {"name": "pbx", "registrar": f"{THERE}:{pbx.port}", "username": "100", "password": "secret"}
    sip = {"host": "0.0.0.0", "port": free_port()}
    async with exchange(trunks=[trunk], sip=sip) as ours, party(f"{BEFORE}:{sip['port']}", host=THERE) as ann:
        await state(ours, lambda one: one.registered)
        ann.remote = parse_address(pbx.registered[-1]).uri
        before = await ann.call()
        told = await ours.call()
        await asyncio.sleep(2)
        known = len(pbx.registered)
        ip(f"addr del {BEFORE}/32 dev lo")
        move_to(AFTER)
        moved = time.monotonic()
        invite = await ann.incoming("INVITE")
        seconds = time.monotonic() - moved
        ann.respond(invite, "200 OK", body=ann.sdp())
        await ann.incoming("ACK")
        while not ann.rtp_received.empty():
            ann.rtp_received.get_nowait()
        _, source = await asyncio.wait_for(ann.rtp_received.get(), 5)
        ann.target = f"{AFTER}:{sip['port']}"
        ann.called(invite)
        await asyncio.sleep(0.5)
        heard = len(told.frames)
        await told.leg.hangup()
        ann.respond(await ann.incoming("BYE"), "200 OK")
        await told.event("ended")
    seen = {
        "trunk": told.leg.info.trunk,
        "before": [_host(before.message.first("contact")), _media(before.body)],
        "after": [_host(invite.message.first("contact")), _media(invite.body), invite.source[0], source[0]],
        "registered": [_host(one) for one in (pbx.registered[0], pbx.registered[-1])],
        "registrations": len(pbx.registered) - known,
        "seconds": seconds,
        "frames": heard,
    }
    sys.stdout.write(json.dumps(seen) + "\n")


def _host(contact: str) -> str:
    uri = parse_uri(parse_address(contact).uri)
    return uri.host if uri else ""


def _media(body: str) -> str:
    return next(line.split()[-1] for line in body.splitlines() if line.startswith("c="))


if __name__ == "__main__":
    asyncio.run(main())
