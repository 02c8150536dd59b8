"""`parley call`: one call as a caller, from the command line."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from gateway.assistant.provider_settings import VoiceSettings
from gateway.errors import LegError
from gateway.observe import logging
from gateway.settings import LogSettings
from gateway.sip.softphone import SoftphoneCall, SoftphoneResult, place_call
from gateway.sip.softphone_audio import write_mono


def run(call: SoftphoneCall, *, say: Sequence[str], transcribe: bool, verbose: bool) -> None:
    """Place `call`, say `say` after its sound files, and print how it went.

    :param transcribe: print what the far end said, by the embedded transcriber
    :raises LegError: when the call was not answered
    """
    logging.configure(LogSettings(level="info" if verbose else "warning"))
    with tempfile.TemporaryDirectory(prefix="parley-call-") as folder:
        result = asyncio.run(_place(call, Path(folder), say=say, transcribe=transcribe))
    if not result.answered:
        raise LegError(f"{call.destination} did not answer: {result.status} {result.reason}.")
    console = Console(highlight=False, soft_wrap=True)
    for line in _report(call, result):
        console.print(line, markup=False)


async def _place(call: SoftphoneCall, folder: Path, *, say: Sequence[str], transcribe: bool) -> SoftphoneResult:
    spoken = [await _speech_file(text, folder / f"{number}.wav") for number, text in enumerate(say)]
    transcriber = _transcribe if transcribe else None
    return await place_call(replace(call, play=[*call.play, *spoken]), transcribe=transcriber)


async def _speech_file(text: str, file: Path) -> Path:
    from gateway.providers.registry import Providers

    voice = Providers().voice(VoiceSettings(provider="hibari"))
    write_mono(file, b"".join([chunk.pcm async for chunk in voice.speak(text)]))
    return file


def _transcribe(pcm: bytes) -> str:
    from gateway.commands.transcription import transcribe

    return transcribe(pcm)


def _report(call: SoftphoneCall, result: SoftphoneResult) -> list[str]:
    end = "the other side" if result.by_remote else "us"
    lines = [f"{result.duration_ms / 1000:.1f} s with {result.codec}, ended by {end} ({result.status} {result.reason})"]
    for said in result.said:
        answer = f"answered after {said.latency_ms} ms" if said.latency_ms is not None else "not answered"
        lines.append(f"line {said.line + 1} at {said.started_ms / 1000:.2f} s: {answer}")
    if media := result.statistics:
        lines.append(
            f"{media.packets_received} packets received, {media.packets_lost} lost, jitter {media.jitter_ms:.1f} ms"
        )
    lines += [f"recorded {file}" for file in (call.record, call.record_stereo) if file]
    if result.text is not None:
        lines += ["", result.text]
    return lines
