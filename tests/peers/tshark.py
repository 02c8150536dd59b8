"""Wireshark's dissectors: what another program makes of what was captured."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.peers.missing import program

_FIELDS = (
    "frame.time_epoch", "rtp.seq", "rtp.timestamp", "rtp.marker", "rtp.p_type", "rtp.ssrc",
    "rtpevent.event_id", "rtpevent.end_of_event", "rtpevent.duration",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DissectedPacket:
    """One RTP packet; `event`, `end` and `duration` are of a telephone event, None of audio. Time in seconds."""

    at: float
    sequence: int
    timestamp: int
    marker: bool
    payload_type: int
    ssrc: str
    event: int | None
    end: bool
    duration: int


def dissect_rtp(path: Path, *, to_port: int, event_type: int) -> list[DissectedPacket]:
    """The RTP that a capture has to a port, in the order in which it came.

    :param event_type: payload type of telephone events
    :raises PeerMissing: when tshark is not installed
    """
    command = [program("tshark", "tshark"), "-r", str(path), "-Y", f"rtp && udp.dstport == {to_port}", "-T", "fields"]
    command += ["-d", f"udp.port=={to_port},rtp", "-d", f"rtp.pt=={event_type},rtpevent"]
    for field in _FIELDS:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [_packet(line.split("\t")) for line in done.stdout.splitlines()]


def fields(file: Path, *names: str, only: str) -> list[tuple[str, ...]]:
    """These fields of each packet that a display filter lets through.

    :raises PeerMissing: when tshark is not installed
    """
    wanted = [word for name in names for word in ("-e", name)]
    command = [program("tshark", "tshark"), "-r", str(file), "-Y", only, "-T", "fields", *wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [tuple(line.split("\t")) for line in done.stdout.splitlines()]


def _packet(words: list[str]) -> DissectedPacket:
    at, sequence, timestamp, marker, kind, ssrc, event, end, duration = words
    return DissectedPacket(
        at=float(at),
        sequence=int(sequence),
        timestamp=int(timestamp),
        marker=marker in ("1", "True"),
        payload_type=int(kind),
        ssrc=ssrc,
        event=int(event) if event else None,
        end=end in ("1", "True"),
        duration=int(duration or 0),
    )
