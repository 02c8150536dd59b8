"""Keys by tones and by INFO in real calls, and a press that comes by several ways."""

from __future__ import annotations

import asyncio
import audioop
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.media.audio import FRAME_SAMPLES, SAMPLE_BYTES
from tests.peers.multimon import heard_keys
from tests.peers.ports import LOOPBACK
from tests.sip.audio_packets import packets, send
from tests.sip.exchange import Told, exchange
from tests.sip.native.keytones import Pcm, Press
from tests.sip.party import Party, Received, party
from tests.sip.telephone_events import press

ROW = pytest.mark.scenario("DTM-03", peer="scripted party", transport="udp")
_QUIET = np.zeros(3200, dtype=np.int16)


def trunks(dtmf: str) -> list[dict[str, Any]]:
    return [{"name": "office", "allow": [LOOPBACK], "dtmf": dtmf}]


def without_events(ann: Party) -> str:
    lines = ann.sdp(payloads="0").splitlines()
    return "\r\n".join([line for line in lines if "101" not in line] + [""])


def tones(keys: str) -> Pcm:
    """What a telephone sends that presses these keys, between silence."""
    pressed = [Press(key, tone_ms=100, gap_ms=100, level_db=-15).pcm().astype(np.int16) for key in keys]
    return np.concatenate([_QUIET, *pressed, _QUIET])


def told_keys(told: Told) -> str:
    return "".join(key for (key,) in told.all("digit"))


async def sent_tones(ann: Party, answer: Received, keys: str) -> None:
    await send(ann.rtp, answer.media_address, packets(tones(keys)))
    await asyncio.sleep(0.3)


@ROW
async def test_tones_are_keys_where_no_events_were_negotiated_and_nobody_hears_them() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        answer = await ann.call(body=without_events(ann))
        told = await ours.call()
        await sent_tones(ann, answer, "159#")
        assert told_keys(told) == "159#"
        await ann.bye()
    heard = np.concatenate([np.frombuffer(frame.caller, np.int16) for frame in told.frames]).astype(np.float64)
    sent = tones("159#").astype(np.float64)
    assert np.sum(heard**2) < 0.6 * np.sum(sent**2), "the tones went on to the call"


@ROW
async def test_tones_are_no_keys_where_events_were_negotiated() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        answer = await ann.call()
        told = await ours.call()
        await sent_tones(ann, answer, "15")
        assert not told_keys(told)
        await ann.bye()


@ROW
async def test_a_press_that_comes_as_tones_as_events_and_by_info_is_told_once() -> None:
    async with exchange(trunks=trunks("inband")) as ours, party(ours.address) as ann:
        answer = await ann.call()
        told = await ours.call()
        sound = [one.datagram() for one in packets(tones("5"))]
        events = press("5", 3200)
        for index, data in enumerate(sound):
            ann.rtp.sendto(data, answer.media_address)
            if 20 <= index < 20 + len(events):
                head = bytes([0x80, 101]) + (5000 + index).to_bytes(2, "big") + (3200).to_bytes(4, "big")
                ann.rtp.sendto(head + b"\x00\x00\x12\x34" + events[index - 20].payload, answer.media_address)
            await asyncio.sleep(0.02)
        ann.request("INFO", body="5", headers=("Content-Type: application/dtmf",))
        await ann.response(200, "INFO")
        await told.event("digit")
        await asyncio.sleep(0.2)
        assert told_keys(told) == "5"
        await ann.bye()


@ROW
@pytest.mark.parametrize(("body", "key"), [("7", "7"), ("11\r\n", "#"), ("*", "*")])
async def test_a_bare_key_by_info(body: str, key: str) -> None:
    async with exchange() as ours, party(ours.address) as ann:
        await ann.call()
        told = await ours.call()
        ann.request("INFO", body=body, headers=("Content-Type: application/dtmf",))
        await ann.response(200, "INFO")
        assert await told.event("digit") == (key,)
        await ann.bye()


@ROW
async def test_keys_go_by_info_where_the_trunk_says_so() -> None:
    async with exchange(trunks=trunks("info")) as ours, party(ours.address) as ann:
        await ann.call()
        told = await ours.call()
        await told.event("answered")
        await told.until(lambda one: len(one.frames) > 2, "frames")
        sending = asyncio.create_task(told.leg.send_digits("9"))
        request = await ann.incoming("INFO")
        assert request.body.startswith("Signal=9\r\n")
        ann.respond(request, "200 OK")
        await sending
        await ann.bye()


@pytest.mark.scenario("DTM-03", peer="multimon-ng", transport="udp")
async def test_keys_go_as_tones_where_no_events_were_negotiated_while_playout_waits(tmp_path: Path) -> None:
    async with exchange() as ours, party(ours.address) as ann:
        await ann.call(body=without_events(ann))
        told = await ours.call()
        await told.until(lambda one: len(one.frames) > 5, "frames")
        await told.leg.send_digits("42#")
        told.leg.play(1, 0, b"\x10\x00" * 1600, final=True)
        await told.until(lambda one: any(frame.finished for frame in one.frames), "the utterance's end")
        received = [ann.rtp_received.get_nowait()[0] for _ in range(ann.rtp_received.qsize())]
        await ann.bye()
    line = b"".join(audioop.ulaw2lin(data[12:], SAMPLE_BYTES) for data in received)
    assert heard_keys(np.frombuffer(line, np.int16), tmp_path) == "42#"
    finished = next(frame.tick for frame in told.frames if frame.finished)
    began = next(frame.tick for frame in told.frames if any(frame.agent))
    assert (finished - began) * FRAME_SAMPLES >= 3 * 1600
