"""Takes one call for `parley doctor --wait`: plays to it, hears it, and asks who would have answered."""

from __future__ import annotations

import asyncio
from datetime import datetime

from gateway.call.leg import Leg
from gateway.doctor.call_probe import Ear, play
from gateway.doctor.echo import level_dbfs
from gateway.doctor.inbound import InboundFacts
from gateway.errors import LegError, NoRoute
from gateway.routing.decision import decide
from gateway.routing.explanation import told_decision
from gateway.settings import Settings

_SPEAK_MS = 3000
_ANSWER_SECONDS = 5.0


async def take(leg: Leg, settings: Settings) -> InboundFacts:
    """Answer, play the tones, and listen for three more seconds; the call is hung up then.

    :raises LegError: when it is gone before it is answered
    """
    ear = Ear()
    leg.arm_pause(False)
    leg.attach(ear)
    await leg.answer()
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            await ear.answered.wait()
    except TimeoutError:
        raise LegError("The caller did not confirm the answer (no ACK): its address for us is wrong.") from None
    await play(leg, ear)
    await ear.hear(_SPEAK_MS)
    statistics = await leg.statistics()
    await leg.hangup()
    await ear.ended()
    return InboundFacts(leg.info, statistics, level_dbfs(bytes(ear.heard)), _route(leg, settings))


def _route(leg: Leg, settings: Settings) -> str:
    try:
        return f"{told_decision(decide(leg.info, settings.routes, datetime.now().astimezone()))}."
    except NoRoute:
        return ""
