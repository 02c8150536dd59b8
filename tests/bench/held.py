"""A held call made up: what its capture and its recording would be."""

from __future__ import annotations

import audioop
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bench.alignment import FRAME_SAMPLES
from gateway.media.recorder import Recorder
from tests.peers import wire
from tests.peers.rtp import RtpStream, streams

START_NS = 1_000_000_000_000


def noise(frames: int, *, seed: int) -> list[bytes]:
    """µ-law payloads of which no two are alike."""
    samples = np.random.default_rng(seed).integers(-8000, 8000, frames * FRAME_SAMPLES, dtype=np.int16)
    return payloads(samples.tobytes())


def payloads(pcm: bytes) -> list[bytes]:
    """PCM in µ-law packets, the last filled up with silence."""
    data = audioop.lin2ulaw(pcm, 2)
    return [data[at : at + FRAME_SAMPLES].ljust(FRAME_SAMPLES, b"\xff") for at in range(0, len(data), FRAME_SAMPLES)]


def stream(sent: Sequence[bytes], *, start_ns: int = START_NS) -> RtpStream:
    """The packets of one direction."""
    (found,) = streams(wire.stream(sent, start_ns=start_ns))
    return found


def recording(folder: Path, caller: Sequence[bytes], agent: Sequence[bytes], *, shift_ms: int) -> Path:
    """As the product makes it, with the caller's side `shift_ms` late."""
    jobs: list[Callable[[], object]] = []
    recorder = Recorder(folder / "call.wav", jobs.append)
    heard = bytes(shift_ms * 16) + audioop.ulaw2lin(b"".join(caller), 2)
    for tick, payload in enumerate(agent):
        frame = heard[tick * 320 : tick * 320 + 320].ljust(320, b"\0")
        recorder.add(tick, frame, audioop.ulaw2lin(payload, 2))
    recorder.close()
    for job in jobs:
        job()
    return folder / "call.wav"
