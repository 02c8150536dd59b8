"""Providers that fail in the middle of a call: what the caller hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import median

from bench.report import Figure, Report, Target
from tests.interop.conversation import Conversation
from tests.interop.failover import (
    CHAINS,
    REPLY,
    Answered,
    Providers,
    Turn,
    answers,
    digits_recorded,
    digits_understood,
    hold,
    number_read_out,
    providers,
    question,
)
from tests.interop.product import Product
from tests.providers.emulators.fault import Fault, Kind

SUMMARY = "providers that fail in calls: gaps, silence and words lost or doubled, from captured RTP"
METHOD = (
    "pjsua2 softphones over SIP and RTP on loopback, tcpdump; some at a time; the providers are emulators of this "
    "machine that synthesise four times as fast as speech; settings of failover are the defaults, but for the breaker; "
    "the agent speaks in tones, a pair for each word, so that each word is heard surely in the captured RTP; the "
    "caller's digits are a human's, the emulated transcribers know the recordings, waitSeconds is 0.8 there, and what "
    "the product's recording holds of them is what a transcriber could hear; a gap is the longest silence between two "
    "words of an answer, 40 ms of it the voice's own; silence and delays count from the caller's last loud packet "
    "(below 0: before it); an outage is a provider that takes requests and never answers, with the breaker open after "
    "one failure, and its delay is the answer's against the median without the outage"
)
VOICE_CALLS, VOICE_TURNS = 2, 5
TRANSCRIBER_CALLS = 6
MODEL_CALLS, MODEL_TURNS = 2, 2
OUTAGE_TURNS = 6
DEAD_CALLS = 3
NUMBERS = ("48217309", "90357124", "17482035", "73904815")
VOICE_FAULTS: Mapping[str, tuple[str, Kind]] = {
    "streaming voice cut": ("streaming-voice", Kind.CUT),
    "HTTP voice cut": ("http-voice", Kind.CUT),
    "streaming voice hangs": ("streaming-voice", Kind.HANG_MID_STREAM),
    "HTTP voice hangs": ("http-voice", Kind.HANG_MID_STREAM),
}
MODEL_FAULTS = {
    "model hangs": Fault(Kind.HANG_AT_CONNECT),
    "model answers 500": Fault(Kind.SERVER_ERROR),
    "model cut mid-stream": Fault(Kind.CUT, after=6),
    "model hangs mid-stream": Fault(Kind.HANG_MID_STREAM, after=6),
}
_DEAD = Fault(Kind.SERVER_ERROR)
_PIECES = {"streaming-voice": 52, "http-voice": 30}
"""Messages in which a voice sends the reply."""


@dataclass(frozen=True, slots=True)
class Rig:
    """A running product and the providers' servers."""

    product: Product
    served: Providers
    folder: Path

    async def call(self, name: str, number: str, turns: Sequence[Turn], *, quiet_seconds: float = 1.0) -> Conversation:
        """Hold a call with its files in a folder of this name."""
        folder = self.folder / name.replace(" ", "-")
        return await hold(self.product, self.served, folder, number, turns, quiet_seconds=quiet_seconds)

    @property
    def asked(self) -> Path:
        return question(self.folder / "says")


@dataclass(frozen=True, slots=True)
class Found:
    """What a part of the benchmark found."""

    figures: Sequence[Figure]
    targets: Sequence[Target] = ()
    notes: Sequence[str] = ()


async def measure(folder: Path) -> Report:
    """Run it; about six minutes."""
    async with providers() as served, served.product(folder / "parley") as product:
        rig = Rig(product, served, folder)
        found = list(await asyncio.gather(voices(rig), transcribers(rig), models(rig)))
        found.append(await all_dead(rig))
    async with providers(breaker_failures=1) as served, served.product(folder / "parley-outage") as product:
        found.append(await outages(Rig(product, served, folder)))
    figures, targets, notes = (
        list(chain.from_iterable(parts))
        for parts in zip(*((one.figures, one.targets, one.notes) for one in found), strict=True)
    )
    return Report("failover", METHOD, figures, [], notes, targets=targets)


# ------------------------------------------------------------ voices


async def voices(rig: Rig) -> Found:
    """Voices that stop at many places of a text."""
    streaming, http = await asyncio.gather(_voice_kind(rig, "streaming-voice"), _voice_kind(rig, "http-voice"))
    heard = streaming | http
    everything = list(chain.from_iterable(heard.values()))
    figures = [Figure.of(f"{name}: gap", [one.gap_ms for one in each]) for name, each in heard.items()]
    targets = [
        Target("gap when a voice stops, longest", max(one.gap_ms for one in everything), 400),
        *_words("a voice stops", everything),
    ]
    return Found(figures, targets, list(_wrong(heard)))


async def _voice_kind(rig: Rig, number: str) -> dict[str, list[Answered]]:
    return {name: await _voice_answers(rig, name) for name, (called, _) in VOICE_FAULTS.items() if called == number}


async def _voice_answers(rig: Rig, name: str) -> list[Answered]:
    number, kind = VOICE_FAULTS[name]
    first, _ = CHAINS[number]
    count = VOICE_CALLS * VOICE_TURNS
    places = [1 + at * (_PIECES[number] - 2) // count for at in range(count)]
    turns = [Turn(rig.asked, {first: Fault(kind, after=place)}) for place in places]
    heard: list[Answered] = []
    for call in range(VOICE_CALLS):
        conversation = await rig.call(f"{name} {call}", number, turns[call::VOICE_CALLS])
        heard += answers(conversation.call)
    return heard


def _words(what: str, heard: Sequence[Answered]) -> list[Target]:
    """Nothing of the replies lost, nothing twice."""
    words = len(heard) * len(REPLY.split())
    return [
        Target(f"words of {words} lost when {what}", sum(one.lost for one in heard), 0, ""),
        Target(f"words of {words} heard twice when {what}", sum(one.doubled for one in heard), 0, ""),
    ]


def _wrong(heard: Mapping[str, Sequence[Answered]]) -> Iterator[str]:
    for name, each in heard.items():
        for at, one in enumerate(each):
            if one.lost or one.doubled or one.broken:
                yield f"{name}, answer {at}: {one.lost} lost, {one.doubled} twice, {one.broken} in part: {one.text}"


# ------------------------------------------------------------ transcribers


async def transcribers(rig: Rig) -> Found:
    """One is lost while the caller reads out a number; in other calls it falls silent."""
    calls = [await _transcriber_call(rig, call) for call in range(TRANSCRIBER_CALLS)]
    silent = [await _silent_transcriber_call(rig, call) for call in range(TRANSCRIBER_CALLS // 2)]
    wrong = sum(call.wrong for call in [*calls, *silent])
    digits = sum(call.digits for call in [*calls, *silent])
    usual = median(chain.from_iterable(call.usual for call in calls))
    figures = [
        Figure.of("answer, transcribers undisturbed", list(chain.from_iterable(call.usual for call in calls))),
        Figure.of("transcriber lost: answer later by", [call.disturbed - usual for call in calls]),
        Figure.of("transcriber silent: answer later by", [call.disturbed - usual for call in silent]),
    ]
    return Found(figures, [Target(f"digits of {digits} lost or doubled with a transcriber", wrong, 0, "")])


@dataclass(frozen=True, slots=True)
class _Understood:
    """A call: digits that came, digits wrong, and how late the answers were, ms."""

    digits: int
    wrong: int
    usual: Sequence[float]
    disturbed: float


async def _transcriber_call(rig: Rig, call: int) -> _Understood:
    """The first turn is undisturbed, in the second the transcriber is lost, the third is the substitute's."""
    said = [NUMBERS[(call + at) % len(NUMBERS)] for at in range(3)]
    lost_at = 0.6 + 4.8 * call / TRANSCRIBER_CALLS
    files = [number_read_out(rig.folder / "says", digits) for digits in said]
    turns = [Turn(files[0]), Turn(files[1], {"deepgram": _DEAD}, lost_at), Turn(files[2])]
    conversation = await rig.call(f"transcriber {call}", "transcriber", turns)
    first, disturbed, last = answers(conversation.call)
    came = digits_recorded(rig.product, conversation)
    wrong = _differences(came, digits_understood(conversation))
    return _Understood(len(came), wrong, [first.delay_ms, last.delay_ms], disturbed.delay_ms)


async def _silent_transcriber_call(rig: Rig, call: int) -> _Understood:
    """It takes all audio, and says nothing any more soon after the call began."""
    said = NUMBERS[call % len(NUMBERS)]
    rig.served.served["deepgram"].fault = Fault(Kind.HANG_MID_STREAM, after=1)
    turn = Turn(number_read_out(rig.folder / "says", said))
    conversation = await rig.call(f"silent transcriber {call}", "transcriber", [turn])
    rig.served.relieve(["deepgram"])
    (answered,) = answers(conversation.call)
    came = digits_recorded(rig.product, conversation)
    return _Understood(len(came), _differences(came, digits_understood(conversation)), [], answered.delay_ms)


def _differences(came: str, understood: str) -> int:
    """Digits that came and were not understood, and those that were understood too often or in a wrong place."""
    apart = sum(abs(came.count(digit) - understood.count(digit)) for digit in "0123456789")
    return apart or int(came != understood)


# ------------------------------------------------------------ models


async def models(rig: Rig) -> Found:
    """Models that fail before and in the middle of a reply."""
    heard = {name: await _model_answers(rig, {"together-ai": fault}, name) for name, fault in MODEL_FAULTS.items()}
    both = {name: Fault(Kind.HANG_AT_CONNECT, times=1) for name in CHAINS["model"]}
    heard["both models hang at first"] = await _model_answers(rig, both, "both hang")
    everything = list(chain.from_iterable(heard.values()))
    figures = [Figure.of(f"{name}: silence", [one.silence_ms for one in each]) for name, each in heard.items()]
    targets = [
        Target("silence when a model fails, longest", max(one.silence_ms for one in everything), 2500),
        *_words("a model fails", everything),
    ]
    return Found(figures, targets, list(_wrong(heard)))


async def _model_answers(rig: Rig, faults: Mapping[str, Fault], name: str) -> list[Answered]:
    heard: list[Answered] = []
    for call in range(MODEL_CALLS):
        turns = [Turn(rig.asked, faults)] * MODEL_TURNS
        conversation = await rig.call(f"{name} {call}", "model", turns, quiet_seconds=3.0)
        heard += answers(conversation.call)
    return heard


# ------------------------------------------------------------ outages


async def outages(rig: Rig) -> Found:
    """What an outage costs when it is known: answers without one, and those behind the one that opened the breaker."""
    found = await asyncio.gather(*(_outage(rig, number) for number in ("transcriber", "model", "streaming-voice")))
    return Found(*(list(chain.from_iterable(parts)) for parts in zip(*found, strict=True)))


async def _outage(rig: Rig, number: str) -> tuple[list[Figure], list[Target]]:
    file = number_read_out(rig.folder / "says", NUMBERS[0][:4]) if number == "transcriber" else rig.asked
    before = await _delays(rig, f"{number} before", number, file)
    rig.served.served[CHAINS[number][0]].fault = Fault(Kind.HANG_AT_CONNECT)
    await rig.call(f"{number} breaks", number, [Turn(file)], quiet_seconds=3.0)
    during = await _delays(rig, f"{number} during", number, file)
    extra = [ms - median(before) for ms in during]
    figures = [
        Figure.of(f"{number}: answer before the outage", before),
        Figure.of(f"{number}: later by, breaker open", extra),
    ]
    return figures, [Target(f"{number} out: later by, breaker open, p50", median(extra), 50)]


async def _delays(rig: Rig, name: str, number: str, file: Path) -> list[float]:
    """Half of the answers in one call, half in another."""
    found: list[float] = []
    for call in range(2):
        conversation = await rig.call(f"{name} {call}", number, [Turn(file)] * (OUTAGE_TURNS // 2))
        found += [one.delay_ms for one in answers(conversation.call)]
    return found


# ------------------------------------------------------------ all dead


async def all_dead(rig: Rig) -> Found:
    """Nobody is left at a stage, from the moment at which the caller begins to speak."""
    found = await asyncio.gather(*(_dead(rig, number) for number in ("transcriber", "model", "streaming-voice")))
    figures, notes = zip(*found, strict=True)
    return Found(figures, notes=notes)


async def _dead(rig: Rig, number: str) -> tuple[Figure, str]:
    turn = Turn(rig.asked, dict.fromkeys(CHAINS[number], _DEAD), ends=True)
    calls = [await rig.call(f"dead {number} {call}", number, [turn]) for call in range(DEAD_CALLS)]
    told = [one.sorry_ms for call in calls for one in answers(call.call)]
    reasons = ", ".join({str(call.record["end_reason"]) for call in calls})
    return Figure.of(f"no {number}: apology after", told), f"no {number}: endedReason {reasons}"
