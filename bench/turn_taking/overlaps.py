"""Sounds of the caller over the agent, by SIP: cases of the labelled set, judged by packets, record and words."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.caller import held_call
from bench.overlaps.cases import USUAL_DBFS, Case, Kind
from bench.turn_taking.agent import Direction
from bench.turn_taking.line import Line, first_audible_sample
from bench.turn_taking.words import first_word_lost, spoken_words
from gateway.commands.provider.word_errors import normalised
from tests.interop.conversation import in_call
from tests.interop.product import Product
from tests.peers.softphone import Softphone, SoftphonePlan
from tests.peers.speech import RATE, Samples, synthetic, write_wav

CASES_IN_A_CALL = 8
SUBSET = {
    Kind.INTERRUPTION: 12,
    Kind.OVER_ECHO: 2,
    Kind.BACKCHANNEL: 8,
    Kind.NOISE: 8,
    Kind.ECHO: 3,
    Kind.SIDE_TALK: 4,
}
SEED = 1
ECHO_DB = 20.0
"""How much weaker the line of an echo case sends back what it hears."""
ANSWER = "All right."
_TEXTS = (
    "Your order left our warehouse this morning, and the driver will call you half an hour before he comes.",
    "We are open from Monday to Friday, from nine in the morning until six in the evening, and on Saturdays until two.",
    "The repair takes about three working days, and we will send you a message as soon as it is ready.",
    "To change your address I need your customer number, which you find at the top of your last letter.",
)
_USUAL = "I have a question about the order that I made last week"
_LATEST_MS = 2200
"""Of the agent's speech: late enough to be in its midst, early enough to be over before its end."""
_FAR_TALK_SECONDS, _QUIET_SECONDS = 12.0, 1.8
_NOISE_SECONDS = 14
_STOP_MS = 60
"""A pause is faded out by then; what sounds later is the agent who goes on."""
_BEFORE_MS, _AFTER_MS = 150, 600
"""Around a sound, in which a pause is its doing."""


@dataclass(slots=True)
class SeenOverlap:
    """A sound over the agent's speech. Times in ms from the sound's first audible packet on the wire (from the agent's
    first for echo), None: it did not happen.

    `stopped` is the agent's last packet before it fell silent for it, `resumed` its next. `heard` are the words of the
    agent that the record says were heard, `audible` those in the captured audio, both when the agent was cut.
    """

    kind: Kind
    name: str
    cut: bool
    reason: str
    stopped_ms: float | None = None
    resumed_ms: float | None = None
    heard: int | None = None
    audible: int | None = None
    first_word_lost: bool | None = None

    @property
    def right(self) -> bool:
        """The agent yielded the floor, or kept it, as the sound wants."""
        return self.cut == self.kind.cuts


@dataclass(frozen=True, slots=True)
class Played:
    """A case in a call: what was said, and when it was asked for."""

    case: Case
    text: str
    asked_ns: int


def material(every: Sequence[Case], *, everything: bool) -> list[Case]:
    """The cases to be tried: all, or some of each kind from the held-out half, clean and in noise by turns."""
    if everything:
        return list(every)
    chosen = []
    dice = random.Random(SEED)
    for kind, count in SUBSET.items():
        held_out = [case for case in every if case.kind is kind and case.half == "held-out"]
        for number in range(count):
            noisy = number % 2 == 1
            of_line = [case for case in held_out if (case.snr_db is not None) == noisy and case not in chosen]
            chosen.append(dice.choice(of_line))
    dice.shuffle(chosen)
    return chosen


async def hold(product: Product, folder: Path, cases: Sequence[Case], direction: Direction) -> list[SeenOverlap]:
    """Hold one call with some cases after one another."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    before, played = len(product.records()), []
    async with in_call(SoftphonePlan(folder), f"sip:demo@{product.address}") as captured:
        await captured.phone.far_end_spoke()
        for number, case in enumerate(cases):
            text = _TEXTS[case.agent % len(_TEXTS)]
            direction.say(text)
            played.append(await _try(captured.phone, folder / f"{number}", case, text, direction))
    held = await held_call(product, captured, before)
    return await asyncio.to_thread(judge, Line.of(held), played)


async def _try(phone: Softphone, stem: Path, case: Case, text: str, direction: Direction) -> Played:
    """The caller asks, the agent answers, the sound comes, and both fall silent."""
    if case.snr_db is not None:
        phone.play(write_wav(stem.with_suffix(".noise.wav"), _noise(case.snr_db)))
    usual = case.usual if case.usual is not None else synthetic(_USUAL, "awb")
    await _say(phone, write_wav(stem.with_suffix(".usual.wav"), usual))
    asked_ns = int((await phone.wait_for("far-speech"))["at_ns"])
    direction.say(ANSWER)
    if case.echo is not None:
        phone.echo(ECHO_DB)
    if len(case.sound):
        await asyncio.sleep(min(case.after_ms, _LATEST_MS) / 1000)
        asked_ns = await _say(phone, write_wav(stem.with_suffix(".wav"), case.sound))
    await _until_quiet(phone)
    if case.echo is not None:
        phone.echo(None)
    return Played(case, text, asked_ns)


async def _say(phone: Softphone, file: Path) -> int:
    """Play a file to its end, beside what plays already; returns when it began, ns."""
    phone.play(file)
    while (event := await phone.wait_for("playing"))["file"] != str(file):
        pass
    while (await phone.wait_for("played"))["file"] != str(file):
        pass
    return int(event["at_ns"])


async def _until_quiet(phone: Softphone) -> None:
    """Wait until the agent has said nothing for a while, whatever it said meanwhile."""
    deadline = time.time_ns() + int(_FAR_TALK_SECONDS * 1e9)
    since_ns = time.time_ns()
    while time.time_ns() < min(deadline, since_ns + int(_QUIET_SECONDS * 1e9)):
        await asyncio.sleep(0.1)
        told = [event for event in phone.events if event["event"] in ("far-speech", "far-silence")]
        if told and told[-1]["event"] == "far-speech":
            since_ns = time.time_ns()


def _noise(snr_db: float) -> Samples:
    rms = 32768 * 10 ** ((USUAL_DBFS - snr_db) / 20)
    noise: Samples = (np.random.default_rng(SEED).standard_normal(_NOISE_SECONDS * RATE) * rms).astype(np.int16)
    return noise


def judge(line: Line, played: Sequence[Played]) -> list[SeenOverlap]:
    """What became of each sound of a call."""
    turns = [turn for turn in line.record["turns"] if turn["role"] == "agent"]
    replies = [turn for turn in turns if any(turn["text"] == text for text in _TEXTS)]
    onsets = [_onset_ns(line, one) for one in played]
    ends = [*onsets[1:], line.agent.end_ns]
    seen = []
    for one, onset_ns, until_ns in zip(played, onsets, ends, strict=True):
        onset_ms = line.alignment.clock_ms(onset_ns)
        said = [turn for turn in replies if turn["at_ms"] <= onset_ms + _BEFORE_MS and turn["text"] == one.text]
        if said:
            seen.append(_seen(line, one, said[-1], onset_ns, until_ns))
    return seen


def _onset_ns(line: Line, played: Played) -> int:
    sound = played.case.sound
    if not len(sound):
        return int(next((at for at in line.agent_loud_ns if at > played.asked_ns - 200_000_000), line.agent.end_ns))
    return line.sent_ns(line.place(sound, played.asked_ns) + first_audible_sample(sound))


def _seen(line: Line, played: Played, reply: dict[str, Any], onset_ns: int, until_ns: int) -> SeenOverlap:
    case, onset_ms = played.case, line.alignment.clock_ms(onset_ns)
    last_ms = onset_ms + len(case.sound) / 8 + _AFTER_MS if len(case.sound) else reply["end_ms"]
    pauses = [one for one in line.record["pauses"] if onset_ms - _BEFORE_MS <= one["at_ms"] <= last_ms]
    seen = SeenOverlap(case.kind, case.name, bool(reply["interrupted"]), pauses[-1]["reason"] if pauses else "")
    loud = line.agent_loud_ns
    if pauses or seen.cut:
        silent_ns = line.wall_ns((pauses[0]["at_ms"] if pauses else reply["end_ms"]) + _STOP_MS)
        sounding = loud[(loud >= onset_ns) & (loud <= silent_ns)]
        after = loud[loud > silent_ns]
        seen.stopped_ms = (sounding[-1] - onset_ns) / 1e6 if len(sounding) else None
        seen.resumed_ms = (after[0] - onset_ns) / 1e6 if len(after) and not seen.cut else None
    if seen.cut:
        _compare_heard(line, played, reply, seen)
    if case.kind.cuts:
        _compare_understood(line, case, seen, onset_ms, line.alignment.clock_ms(until_ns))
    return seen


def _compare_heard(line: Line, played: Played, reply: dict[str, Any], seen: SeenOverlap) -> None:
    """The words that the record counts as heard beside those in the audio that was sent."""
    first_ns, last_ns = line.wall_ns(reply["at_ms"]), line.wall_ns(reply["end_ms"] + _STOP_MS)
    seen.heard = len(normalised(reply["heard"] or ""))
    seen.audible = spoken_words(line.agent_pcm(first_ns, last_ns), played.text)


def _compare_understood(line: Line, case: Case, seen: SeenOverlap, onset_ms: float, until_ms: float) -> None:
    turns = [turn for turn in line.record["turns"] if turn["role"] == "caller"]
    texts = [turn["text"] for turn in turns if onset_ms - 1000 <= turn["at_ms"] < until_ms - 1000]
    seen.first_word_lost = first_word_lost(case.words, " ".join(texts))
