"""multimon-ng: what another program hears of keys in the audio."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import soxr

from tests.peers.missing import program
from tests.peers.speech import RATE, Samples

_RATE = 22050


def heard_keys(pcm: Samples, folder: Path) -> str:
    """The keys of a recording at 8000 Hz. :raises PeerMissing: when multimon-ng is not installed."""
    raw = folder / "line.raw"
    raw.write_bytes(soxr.resample(pcm, RATE, _RATE).astype(np.int16).tobytes())
    command = [program("multimon-ng", "multimon-ng"), "-q", "-t", "raw", "-a", "DTMF", str(raw)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return "".join(row.removeprefix("DTMF: ") for row in done.stdout.splitlines() if row.startswith("DTMF: "))
