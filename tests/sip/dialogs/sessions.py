"""Calls of a scripted party that have session timers (RFC 4028)."""

from __future__ import annotations

from tests.sip.exchange import Exchange, Told
from tests.sip.party import LOOPBACK, Party, Received

SHORTEST = 90
"""s; RFC 4028 section 4."""
CAN_UPDATE = "Allow: INVITE, ACK, CANCEL, BYE, UPDATE"
CANNOT_UPDATE = "Allow: INVITE, ACK, CANCEL, BYE"
TIMER = "Supported: timer"


async def invited(ann: Party, *headers: str) -> Received:
    """INVITE with these headers to its final answer, acknowledged."""
    ann.request("INVITE", body=ann.sdp(), headers=headers)
    final = await ann.expect(lambda one: one.status >= 200 and one.method == "INVITE", "a final answer")
    ann.to = final.message.first("to")
    if final.status < 300:
        contact = final.message.first("contact")
        ann.remote = contact[contact.index("<") + 1 : contact.index(">")]
    ann.request("ACK", same_transaction=final.status >= 300)
    return final


async def refreshed_by_us(ours: Exchange, far: Party, *, allow: str, inbound: bool) -> None:
    """A call whose shortest session is ours to refresh."""
    if inbound:
        await invited(far, f"Session-Expires: {SHORTEST};refresher=uas", TIMER, allow)
        return
    leg = await ours.endpoint.dial(f"sip:bob@{LOOPBACK}:{far.port}")
    leg.attach(Told(leg))
    invite = await far.incoming("INVITE")
    far.called(invite)
    accept(far, invite, allow)
    await far.incoming("ACK")


def accept(far: Party, request: Received, *headers: str) -> None:
    """200 to an INVITE or a refresh of ours."""
    agreed = (f"Session-Expires: {SHORTEST};refresher=uac", "Require: timer", TIMER, *headers)
    far.respond(request, "200 OK", headers=agreed, body=far.sdp() if request.body else "")
