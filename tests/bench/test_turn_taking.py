from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from bench.overlaps.cases import Case, Kind
from bench.turn_ends.calls import LEAD_MS, Call, Pause, SpokenTurn
from bench.turn_ends.utterances import Utterance
from bench.turn_taking import overlaps, turn_ends
from bench.turn_taking.line import Line
from bench.turn_taking.overlaps import Played
from tests.bench.held import START_NS, noise, payloads, recording, stream
from tests.peers import wire
from tests.peers.speech import Samples

FRAMES = 500
WAITED_MS = 20
"""Every packet of the caller is on the call clock one tick later."""


def speech(ms: int, *, seed: int) -> Samples:
    return np.random.default_rng(seed).integers(-9000, 9000, ms * 8, dtype=np.int16)


def spoken_agent(*spans: tuple[int, int]) -> list[bytes]:
    """Packets of an agent who speaks in these spans of the call clock, ms."""
    loud, silent = noise(FRAMES, seed=3), wire.quiet(FRAMES * 20)
    speaks = [any(first <= tick * 20 < last for first, last in spans) for tick in range(FRAMES)]
    return [loud[tick] if speaks[tick] else silent[tick] for tick in range(FRAMES)]


def line(folder: Path, said: dict[int, Samples], agent: list[bytes], record: Mapping[str, object]) -> Line:
    """A call in which the caller says something at some ms, as sent."""
    pcm = np.zeros(FRAMES * 160, dtype=np.int16)
    for at_ms, sound in said.items():
        pcm[at_ms * 8 : at_ms * 8 + len(sound)] = sound
    caller = payloads(pcm.tobytes())
    file = recording(folder, caller, agent, shift_ms=WAITED_MS)
    return Line(caller=stream(caller), agent=stream(agent), recording=file, record=record)


def utterance(kind: str) -> Utterance:
    return Utterance("held out", "nobody", kind, "words", ())


def test_turns_are_judged_by_the_agents_packets(tmp_path: Path) -> None:
    parts = [speech(600, seed=1), speech(500, seed=2), speech(500, seed=4)]
    pcm = np.zeros(9000 * 8, dtype=np.int16)
    for at_ms, part in zip((LEAD_MS, 5000, 6000), parts, strict=True):
        pcm[at_ms * 8 : at_ms * 8 + len(part)] = part
    turns = (
        SpokenTurn(utterance("statement"), LEAD_MS, LEAD_MS + 600, ()),
        SpokenTurn(utterance("open word"), 5000, 6500, (Pause(5500, 6000),)),
    )
    call = Call("held out", "nobody", "line", turns, pcm.tobytes())
    # 440 ms after the first turn's end; into the pause of the second, then after it
    agent = spoken_agent((3540, 4500), (5900, 6100), (7000, 7500))
    recorded = {"turn": 1, "speech_end_ms": 3140, "jitter_buffer": 20, "endpointing": 400, "total": 420}
    seen = turn_ends.judge(line(tmp_path, {0: pcm}, agent, {"latency": [recorded]}), call, START_NS)
    first, second = seen
    assert first.answer_ms == pytest.approx(460, abs=21), "from the packet with the last sample"
    assert first.measured is not None
    assert first.measured.buffering == pytest.approx(WAITED_MS)
    assert first.answered
    assert second.answered
    assert [(pause.ms, pause.cut_off) for pause in second.pauses] == [(500, True)]


@pytest.mark.parametrize("cut", [True, False])
def test_an_overlap_is_judged_from_its_first_audible_packet(
    tmp_path: Path, cut: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlaps, "spoken_words", lambda pcm, _: len(pcm) // 16000)
    sound = np.concatenate([np.zeros(800, np.int16), speech(400, seed=5)])
    case = Case("x", Kind.NOISE, "held-out", "", sound, 1000, 0, None, None)
    # the sound is audible on the wire from the packet at 4100 ms
    agent = spoken_agent((3000, 4240), (4600, 6000)) if not cut else spoken_agent((3000, 4240), (6000, 6400))
    text = overlaps._TEXTS[0]
    reply = {"role": "agent", "text": text, "at_ms": 3000, "end_ms": 4260, "interrupted": cut, "heard": "Your order"}
    record = {"turns": [reply], "pauses": [{"at_ms": 4220, "onset_ms": 4120, "reason": "noise"}]}
    found = line(tmp_path, {4000: sound}, agent, record)
    (seen,) = overlaps.judge(found, [Played(case, text, START_NS + 4_000_000_000)])
    assert (seen.cut, seen.reason, seen.right) == (cut, "noise", not cut)
    assert seen.stopped_ms == pytest.approx(120, abs=1)
    assert seen.resumed_ms == (None if cut else pytest.approx(500, abs=1))
    assert (seen.heard, seen.audible) == ((2, 1) if cut else (None, None)), "1.26 s of audio"
