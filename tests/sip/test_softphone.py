"""The softphone's own parts, and calls with a far end in another process."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from gateway.errors import ConfigError, LegError
from gateway.sip.softphone import SoftphoneCall, place_call, softphone_settings
from gateway.sip.softphone_audio import read_speech, write_mono, write_stereo
from gateway.sip.softphone_script import ScriptRules
from tests.peers.ports import LOOPBACK, free_port
from tests.sip.far_end import ANSWER_MS, GREETING_MS
from tests.sip.voice import voice


def loud_ms(path: Path, channel: int = 0) -> float:
    """How many ms of a recording are not silent."""
    samples, rate = soundfile.read(path, always_2d=True)
    frames = samples[:, channel][: len(samples) // 160 * 160].reshape(-1, 160)
    loud = int(np.count_nonzero(np.abs(frames).max(axis=1) > 0.02))
    return loud * 160_000 / int(rate)


@pytest.fixture
def line(tmp_path: Path) -> Path:
    """A line of 700 ms at 24 kHz."""
    path = tmp_path / "line.wav"
    soundfile.write(path, voice(700, rate=24000), 24000)
    return path


@asynccontextmanager
async def far_end() -> AsyncIterator[tuple[str, asyncio.StreamReader]]:
    """Its SIP URI and its output."""
    port = free_port()
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.sip.far_end", str(port), stdin=pipe, stdout=pipe
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        await said(process.stdout, "ready")
        yield f"sip:demo@{LOOPBACK}:{port}", process.stdout
    finally:
        process.stdin.close()
        async with asyncio.timeout(5):
            assert await process.wait() == 0


async def said(output: asyncio.StreamReader, beginning: str) -> str:
    """The next line of the far end that begins so."""
    async with asyncio.timeout(15):
        while True:
            line = (await output.readline()).decode().strip()
            if line.startswith(beginning):
                return line


async def test_a_conversation_of_two_lines(tmp_path: Path, line: Path) -> None:
    heard = tmp_path / "heard.wav"
    both = tmp_path / "both.wav"
    async with far_end() as (destination, _):
        call = SoftphoneCall(
            destination, play=[line, line], rules=ScriptRules(silence_ms=400), record=heard, record_stereo=both,
            limit_seconds=20,
        )  # fmt: skip
        result = await place_call(call, transcribe=lambda pcm: f"{len(pcm) // 16} ms")
    assert (result.answered, result.by_remote, result.status, result.codec) == (True, True, 200, "PCMU")
    assert result.reason == "finished"
    first, second = result.said
    assert first.started_ms >= GREETING_MS + 400
    assert first.ended_ms == first.started_ms + 700
    assert first.answered_ms is not None
    assert second.started_ms >= first.answered_ms + ANSWER_MS
    assert result.text == f"{result.duration_ms} ms"
    whole = GREETING_MS + 2 * ANSWER_MS
    assert loud_ms(heard) == pytest.approx(whole, abs=80)
    assert loud_ms(both, 0) == pytest.approx(1400, abs=80)
    assert loud_ms(both, 1) == pytest.approx(whole, abs=80)


@pytest.mark.parametrize("codec", ["PCMA", "G722", "opus"])
async def test_every_codec_carries_the_voice(codec: str, tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    async with far_end() as (destination, _):
        result = await place_call(SoftphoneCall(destination, codecs=[codec], record=heard, limit_seconds=2))
    assert result.codec == codec
    assert loud_ms(heard) == pytest.approx(GREETING_MS, abs=100)


async def test_a_call_over_tcp() -> None:
    async with far_end() as (destination, _):
        result = await place_call(SoftphoneCall(f"{destination};transport=tcp", limit_seconds=1))
    assert result.answered


async def test_digits_are_sent_and_the_limit_ends_the_call() -> None:
    async with far_end() as (destination, output):
        result = await place_call(SoftphoneCall(destination, digits="1#", limit_seconds=1.5))
        assert (await said(output, "digit"), await said(output, "digit")) == ("digit 1", "digit #")
        assert await said(output, "ended") == "ended 200 True"
    assert (result.answered, result.by_remote) == (True, False)


async def test_ctrl_c_hangs_up_and_the_result_is_given() -> None:
    async with far_end() as (destination, output):
        call = asyncio.create_task(place_call(SoftphoneCall(destination)))
        await asyncio.sleep(1.0)
        signal.raise_signal(signal.SIGINT)
        result = await call
        assert await said(output, "ended") == "ended 200 True"
    assert (result.answered, result.by_remote) == (True, False)


async def test_nobody_there_is_a_result_and_no_exception() -> None:
    result = await place_call(SoftphoneCall(f"sip:demo@{LOOPBACK}:{free_port()}", limit_seconds=0.5))
    assert not result.answered
    assert result.duration_ms == 0


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_a_file_of_any_rate_keeps_its_length_and_level(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "line.wav"
    soundfile.write(path, np.stack([voice(500, rate=rate)] * 2, axis=1), rate)
    samples = np.frombuffer(read_speech(path), dtype="<i2").astype(float)
    original = voice(500).astype(float)
    assert len(samples) == pytest.approx(len(original), abs=2)
    assert np.sqrt((samples**2).mean()) == pytest.approx(np.sqrt((original**2).mean()), rel=0.05)


def test_what_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_text("no sound")
    for path in (broken, tmp_path / "missing.wav"):
        with pytest.raises(ConfigError, match=path.name):
            read_speech(path)
    nowhere = tmp_path / "nowhere" / "out.wav"
    with pytest.raises(ConfigError, match=r"out\.wav"):
        write_mono(nowhere, b"\0\0")
    with pytest.raises(ConfigError, match=r"out\.wav"):
        write_stereo(nowhere, b"\0\0", b"\0\0")


def test_the_softphone_binds_the_address_that_reaches_the_far_end() -> None:
    settings = softphone_settings(SoftphoneCall("sip:demo@127.0.0.1"))
    assert settings.sip.host == LOOPBACK
    assert settings.sip.port == 0


@pytest.mark.parametrize("destination", ["demo", "http://x/", "sip:demo@no.such.host.invalid"])
def test_a_destination_that_cannot_be_called_is_said(destination: str) -> None:
    with pytest.raises(LegError):
        softphone_settings(SoftphoneCall(destination))
