"""Habits of telephones and PBXs: hold, late offer, DTMF, CANCEL, TCP, G.722, Opus."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.interop.continuity import assert_continuous, from_ports, longest, to_ports
from tests.interop.product import Product
from tests.peers import speech
from tests.peers.baresip import Baresip, BaresipPlan, running_baresip
from tests.peers.capture import Capture, capture
from tests.peers.rtp import RtpStream, decode
from tests.peers.sipp import SippPlan, sipp
from tests.peers.softphone import SoftphonePlan, running_softphone
from tests.peers.talk import talkspurts

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]


def question() -> speech.Samples:
    """One question and enough silence for its answer."""
    return speech.join(speech.silence(1500), speech.synthetic("Can you hear me?"), speech.silence(4000))


@pytest.mark.parametrize(
    ("scenario", "transport"),
    [
        pytest.param(name, transport, marks=pytest.mark.scenario(row, peer="SIPp", transport=transport))
        for name, row in {
            "late_offer": "INV-01",
            "hold": "INV-04",
            "talking_call": "INV-02",
            "options": "TRK-02",
        }.items()
        for transport in ("udp", "tcp")
    ],
)
async def test_sipp_scenario(product: Product, tmp_path: Path, scenario: str, transport: str) -> None:
    plan = SippPlan(scenario, product.address, tmp_path, transport=transport, hold_ms=1500, audio=question())
    result = await sipp(plan, seconds=30)
    assert (result.successful, result.failed) == (1, 0), result.errors
    await product.wait_until_active(0)


async def _streams_of_a_call(
    product: Product, phone: Baresip, folder: Path, *, number: str, seconds: float
) -> tuple[RtpStream, RtpStream]:
    """Ours and the phone's stream of a call that lasts `seconds`."""
    async with capture(folder, ports=phone.plan.rtp_ports) as captured:
        phone.dial(f"sip:{number}@{product.address}")
        await phone.wait_for("CALL_ESTABLISHED")
        await asyncio.sleep(seconds)
        phone.command("hangup")
        await phone.wait_for("CALL_CLOSED")
    datagrams = captured.datagrams()
    ports = phone.plan.rtp_ports
    return longest(to_ports(datagrams, ports)), longest(from_ports(datagrams, ports))


@pytest.mark.scenario("INV-02", peer="baresip", transport="udp")
@pytest.mark.parametrize(
    ("codec", "timestamps"), [("PCMU/8000/1", 160), ("PCMA/8000/1", 160), ("G722/16000/1", 160), ("opus/48000/2", 960)]
)
async def test_baresip_is_heard_and_answered_in_every_codec(
    product: Product, tmp_path: Path, codec: str, timestamps: int
) -> None:
    number = "codec-" + codec.split("/")[0]
    async with running_baresip(BaresipPlan(tmp_path, question(), codec=codec)) as phone:
        ours, theirs = await _streams_of_a_call(product, phone, tmp_path, number=number, seconds=6)
    assert_continuous(ours, theirs, samples_per_packet=timestamps)
    (record,) = await product.wait_for_records(1, number=number)
    assert [turn["role"] for turn in record["turns"]][:3] == ["agent", "caller", "agent"]
    assert record["media"]["codec"].lower().startswith(codec.split("/")[0].lower())
    assert _loudness(phone.recording()) > 500, "baresip heard nothing"


def _loudness(recording: Path) -> int:
    return int(abs(speech.read_wav(recording).astype(int)).max())


@pytest.mark.scenario("DTM-01", peer="baresip", transport="udp")
async def test_digits_of_baresip_arrive_once_each(product: Product, tmp_path: Path) -> None:
    async with running_baresip(BaresipPlan(tmp_path, speech.silence(10_000))) as phone:
        phone.dial(f"sip:digits@{product.address}")
        await phone.wait_for("CALL_ESTABLISHED")
        await asyncio.sleep(1)
        for digit in "5590":
            phone.command("sndcode", digit)
            await asyncio.sleep(0.4)
        await asyncio.sleep(4)
        phone.command("hangup")
        await phone.wait_for("CALL_CLOSED")
    (record,) = await product.wait_for_records(1, number="digits")
    assert "".join(turn["text"] for turn in record["turns"] if turn["role"] == "caller") == "5590"


@pytest.mark.scenario("INV-04", peer="baresip", transport="udp")
async def test_hold_and_back_with_baresip(product: Product, tmp_path: Path) -> None:
    late_question = speech.join(speech.silence(6000), question())
    plan = BaresipPlan(tmp_path, late_question)
    async with running_baresip(plan) as phone, capture(tmp_path, ports=plan.rtp_ports) as captured:
        phone.dial(f"sip:held@{product.address}")
        await phone.wait_for("CALL_ESTABLISHED")
        for command in ("hold", "resume", "hold", "resume"):
            await asyncio.sleep(1)
            phone.command(command)
        await asyncio.sleep(10)
        phone.command("hangup")
        await phone.wait_for("CALL_CLOSED")
    await _assert_answered_after(4.5, captured, plan.rtp_ports)
    (record,) = await product.wait_for_records(1, number="held")
    assert record["end_reason"] == "customer-ended-call", record


@pytest.mark.scenario("INV-04", peer="softphone", transport="udp")
async def test_hold_and_back_with_the_softphone(product: Product, tmp_path: Path) -> None:
    plan = SoftphonePlan(tmp_path)
    file = speech.write_wav(tmp_path / "question.wav", speech.synthetic("Can you hear me?"))
    async with running_softphone(plan) as phone, capture(tmp_path, ports=plan.rtp_ports) as captured:
        phone.dial(f"sip:demo@{product.address}")
        await phone.wait_for("answered")
        await phone.wait_for("far-silence")
        phone.hold()
        await asyncio.sleep(1.5)
        phone.unhold()
        await asyncio.sleep(1)
        await phone.say(file)
        await phone.far_end_spoke()
        phone.hang_up()
        await phone.wait_for("ended")
    await _assert_answered_after(3.5, captured, plan.rtp_ports)


async def _assert_answered_after(seconds: float, captured: Capture, ports: tuple[int, int]) -> None:
    """The agent spoke `seconds` after its first packet, or later."""
    ours = longest(to_ports(captured.datagrams(), ports))
    last = talkspurts(decode(ours))[-1]
    assert (last.start_ns - ours.start_ns) / 1e9 > seconds, "nothing was said after the hold"


@pytest.mark.scenario("INV-11", peer="softphone", transport="udp")
async def test_calls_that_are_cancelled_at_any_moment_end(product: Product, tmp_path: Path) -> None:
    before = await product.metric("parley_calls_ended_total")
    async with running_softphone(SoftphonePlan(tmp_path)) as phone:
        for attempt in range(12):
            phone.dial(f"sip:demo@{product.address}")
            await asyncio.sleep(attempt * 0.004)
            phone.hang_up()
            await phone.wait_for("ended")
    await product.wait_until_active(0)
    assert await product.metric("parley_calls_ended_total") - before <= 12
    product.child.require_running()
