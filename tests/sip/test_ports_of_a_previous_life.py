"""A gateway that starts again has the ports of the one before, to which old far ends may still send."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from tests.peers.ports import LOOPBACK, free_ports
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
            await old.call()
        async with exchange(rtp=rtp) as ours, party(ours.address) as ann, asyncio.TaskGroup() as senders:
            # a port rests within one process: whichever of them the new call has, the old far end sends there
            late = [
                senders.create_task(send(old.rtp, (LOOPBACK, port), packets(said(2500))))
                for port in range(ports[0], ports[1] + 1)
            ]
            await asyncio.sleep(0.2)
            address = (await ann.call()).media_address
            assert ports[0] <= address[1] <= ports[1]
            told = await ours.call()
            for index in range(75):
                ann.speak(index, address=address)
                await asyncio.sleep(0.02)
            for one in late:
                one.cancel()
            heard = np.concatenate([np.frombuffer(frame.caller, np.int16) for frame in told.frames]).astype(np.int32)
            await ann.bye()
    assert len(told.frames) > 50
    assert np.abs(heard).max() < LOUD
