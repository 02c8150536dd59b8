"""linphone calls us: heard both ways, on hold and back, its keys."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import pytest_asyncio

from tests.peers import speech
from tests.peers.linphone import Linphone, LinphonePlan, running_linphone
from tests.sip.exchange import Exchange, Told, exchange
from tests.sip.voice import loud, voice

pytestmark = [pytest.mark.timeout(60), pytest.mark.asyncio(loop_scope="module")]
House = tuple[Exchange, Linphone]
_LOUD = 1000


def proven(scenario: str) -> pytest.MarkDecorator:
    return pytest.mark.scenario(scenario, peer="linphone", transport="udp")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    says = await asyncio.to_thread(lambda: speech.join(*[speech.human("vm-goodbye")] * 8))
    async with (
        exchange() as ours,
        running_linphone(LinphonePlan(tmp_path_factory.mktemp("linphone"), says)) as phone,
    ):
        yield ours, phone


@asynccontextmanager
async def called(house: House) -> AsyncIterator[Told]:
    ours, phone = house
    known = len(ours.calls)
    phone.command(f"call sip:700@{ours.address}")
    told = await ours.call(known)
    await phone.says("connected")
    yield told
    phone.command("terminate")
    await told.event("ended")


@proven("INV-02")
async def test_linphone_is_heard_and_hears_us(house: House) -> None:
    async with called(house) as told:
        await told.until(lambda one: sum(loud(frame.caller) for frame in one.frames) > 20, "its voice")
        told.leg.arm_pause(False)
        told.leg.play(1, 0, voice(1000).tobytes(), final=True)
        await told.until(lambda one: any(frame.finished for frame in one.frames), "the end of ours")
        await asyncio.sleep(0.3)
    assert await heard(house[1].plan.recording) > _LOUD


async def heard(recording: Path) -> int:
    """The loudest sample of what linphone wrote. It writes sound and head of the file when it has ended the call, and
    not in one go: silence may be what is not written yet."""
    loudest = 0
    for _ in range(50):
        with suppress(wave.Error, EOFError):
            samples = speech.read_wav(recording).astype(int)
            loudest = int(abs(samples).max(initial=0))
        if loudest > _LOUD:
            break
        await asyncio.sleep(0.1)
    return loudest


@proven("INV-04")
async def test_linphone_holds_the_call_and_takes_it_back(house: House) -> None:
    async with called(house) as told:
        house[1].command("pause")
        assert await told.event("hold") == (True,)
        await house[1].says("paused")
        house[1].command("resume")
        await told.until(lambda one: one.all("hold") == [(True,), (False,)], "the end of the hold")
        known = len(told.frames)
        await told.until(lambda one: any(loud(frame.caller) for frame in one.frames[known:]), "its voice again")


@proven("DTM-01")
async def test_keys_of_linphone_come_once_each(house: House) -> None:
    async with called(house) as told:
        for key in "19":
            house[1].command(key)
            await asyncio.sleep(0.5)
        await told.until(lambda one: one.all("digit") == [("1",), ("9",)], "two keys")
