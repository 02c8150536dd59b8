"""A gateway that starts again has the ports of the one before, to which old far ends may still send."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from tests.peers.ports import free_ports
from tests.sip.audio_packets import packets, said, send
from tests.sip.exchange import exchange
from tests.sip.party import party

LOUD = 1000


@pytest.mark.scenario("FLT-07", peer="scripted party", transport="udp")
async def test_who_still_sends_to_a_port_of_the_previous_life_is_not_heard_in_a_new_call() -> None:
    ports = free_ports(4)
    rtp: dict[str, Any] = {"ports": ports}
    async with party("127.0.0.1:9") as old:
        async with exchange(rtp=rtp) as before:
            old.target = before.address
            address = (await old.call()).media_address
        async with exchange(rtp=rtp) as ours, party(ours.address) as ann:
            late = asyncio.create_task(send(old.rtp, address, packets(said(2500))))
            await asyncio.sleep(0.2)
            answer = await ann.call()
            assert answer.media_address == address
            told = await ours.call()
            for index in range(75):
                ann.speak(index, address=address)
                await asyncio.sleep(0.02)
            late.cancel()
            heard = np.concatenate([np.frombuffer(frame.caller, np.int16) for frame in told.frames]).astype(np.int32)
            await ann.bye()
    assert len(told.frames) > 50
    assert np.abs(heard).max() < LOUD
