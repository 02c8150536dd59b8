"""`parley dial` over SIP: a voicemail of Asterisk's gets its message, a human is greeted, and he is told more."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from tests.interop.hearing import transcribe
from tests.interop.product import REPOSITORY, Product, ProductPlan, running_product, shipped_assistant
from tests.peers import speech
from tests.peers.asterisk import Asterisk, running_asterisk
from tests.peers.ports import LOOPBACK
from tests.peers.softphone import SoftphonePlan, running_softphone

GREETING = "Good day, this is the dentist. You have an appointment tomorrow."
MESSAGE = "Remember your appointment tomorrow at nine. The dentist is looking forward to seeing you."
GREETED_WITHIN_MS = 1_300
"""After the hello ended: a second, and what two jitter buffers and a busy machine add."""
LEAD_MS = (100, 1_000)
"""The message must not begin before the recorder does, nor make it think that nobody speaks."""
LOUD = 500

pytestmark = [pytest.mark.models, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]


@dataclass(frozen=True, slots=True)
class Office:
    """A product that is registered at a PBX."""

    product: Product
    pbx: Asterisk

    async def parley(self, *arguments: str) -> tuple[int, str]:
        """Run the command line against the product; its exit status and all it printed."""
        settings = self.product.plan.folder / "parley.yaml"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway.cli", *arguments, "--config", str(settings)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )
        async with asyncio.timeout(90):
            output, _ = await process.communicate()
        return process.returncode or 0, output.decode()


def lead_ms(recording: Path) -> float:
    """Silence before the first word of a recording that begins at the beep's end."""
    loud = np.flatnonzero(np.abs(speech.read_wav(recording).astype(np.int32)) > LOUD)
    return float(loud[0]) / 8


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    voicemail = {"voicemailDetection": {"provider": "vapi"}, "voicemailMessage": MESSAGE}
    assistant = {**shipped_assistant(), "firstMessage": GREETING, **voicemail}
    async with running_asterisk() as pbx:
        trunk = {
            "name": "office",
            "registrar": f"sip:{pbx.address}",
            "username": "parley",
            "password": pbx.plan.parley_password,
        }
        plan = ProductPlan(folder, assistant, trunks=[trunk], changes={"outbound": {"direct": [LOOPBACK]}})
        async with running_product(plan) as product:
            await pbx.registered("parley")
            yield Office(product, pbx)


@pytest.mark.scenario("MED-10", peer="Asterisk 22", transport="udp")
@pytest.mark.scenario("MED-11", peer="Asterisk 22", transport="udp")
async def test_the_message_is_on_the_voicemail_from_its_first_word_to_its_last(office: Office) -> None:
    status, printed = await office.parley("dial", "304", "--wait")
    assert status == 0, printed
    assert [line.split(":")[0] for line in printed.splitlines()][-2:] == ["answered", "ended"]
    assert printed.splitlines()[-1] == "ended: voicemail"
    (record,) = await office.product.wait_for_records(1, number="304")
    assert record["end_reason"] == "voicemail"
    assert [(turn["role"], turn["heard"]) for turn in record["turns"]] == [("agent", MESSAGE)]
    assert [note["detail"].split()[0] for note in record["notes"] if note["event"] == "answered-by"] == ["machine"]
    assert LEAD_MS[0] <= lead_ms(office.pbx.folder / "message.wav") <= LEAD_MS[1]
    recorded = " ".join(await transcribe(office.pbx.folder / "message.wav"))
    assert recorded.startswith("remember your appointment"), recorded
    assert recorded.rstrip(".").endswith("seeing you"), recorded


async def test_a_human_is_greeted_right_after_his_hello(office: Office, tmp_path: Path) -> None:
    hello = speech.write_wav(tmp_path / "hello.wav", speech.synthetic("Hello?", "rms"))
    async with running_softphone(SoftphonePlan(tmp_path / "ann", user="ann")) as phone:
        dialling = asyncio.create_task(office.parley("dial", f"sip:ann@{LOOPBACK}:{phone.plan.sip_port}"))
        await phone.wait_for("incoming")
        phone.answer()
        await phone.wait_for("answered")
        await asyncio.sleep(0.5)
        await phone.say(hello)
        said_ns = phone.events[-1]["at_ns"]
        greeted = await phone.wait_for("far-speech", seconds=5)
        status, printed = await dialling
        assert (status, printed.splitlines()[-1]) == (0, "answered")
        call = printed.split(":")[0]
        await phone.far_end_spoke()
        said = await office.parley("say", call[:8], "We have moved to Baker Street. Goodbye.", "--end")
        assert said == (0, "")
        await phone.wait_for("ended", seconds=20)
        recording = phone.plan.recording
    assert (greeted["at_ns"] - said_ns) / 1e6 <= GREETED_WITHIN_MS
    heard = " ".join(await transcribe(recording))
    assert "dentist" in heard
    assert "baker street" in heard
    (record,) = await office.product.wait_for_records(1, number="ann")
    assert record["end_reason"] == "assistant-ended-call-after-message-spoken"
    assert [note["detail"].split()[0] for note in record["notes"] if note["event"] == "answered-by"] == ["human"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("303",), "303 is busy"),
        (("sip:ann@192.0.2.1",), "192.0.2.1 may not be called"),
        (("304", "--trunk", "mobile"), "There is no trunk 'mobile'; name one of office"),
    ],
)
async def test_why_a_call_was_not_placed_or_answered_is_one_sentence(
    office: Office, arguments: tuple[str, ...], says: str
) -> None:
    status, printed = await office.parley("dial", *arguments)
    assert status == 1
    assert says in printed.splitlines()[-1]
