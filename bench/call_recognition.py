"""What the product understands of a caller, through the whole path of a call: a softphone speaks, the record tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench.latency import parts
from bench.report import Figure, Rate, Report
from bench.telephone_speech import Case, digits, sentences
from bench.transcription import Score, score
from bench.understanding import CallerTurn, Understood, by_voices, scored, turn_rates, understood
from gateway.media.audio import SAMPLE_BYTES, SAMPLE_RATE
from gateway.providers.stt.embedded import embedded_recognisers
from tests.interop.product import Product, ProductPlan, running_product, shipped_assistant
from tests.peers.softphone import Softphone, SoftphonePlan, running_softphone
from tests.peers.speech import write_wav

SUMMARY = "sentences and four-digit strings as the product understands them in calls; about 8 minutes"
METHOD = (
    "pjsua2 softphone over SIP and RTP (PCMU) on loopback, one call at a time; it plays the utterances of "
    "bench/telephone_speech.py (line noise at -62 dBFS) one after another, each after the short reply to the one "
    "before; shipped assistant, embedded transcriber and voice, a model that waits for anything or for four digits; "
    "understood is what the caller's turns in the call's record say, several turns of one utterance joined, all words "
    "of a missed one deleted; WER after the normaliser of bench/transcription.py (case, punctuation, numbers as "
    "words); a string is exact when the dialogue's digits_in makes it of the text; reference: the same speech cut "
    "offline, where Silero finds it"
)
SENTENCES, DIGIT_STRINGS, SEED = 30, 4, 7
UTTERANCES = 18
"""In a call: none is longer than five minutes."""
_ANSWER_SECONDS, _QUIET_SECONDS = 6.0, 0.2


@dataclass(frozen=True, slots=True)
class Questions:
    """Calls of one kind: what is said in them, how the agent opens, and what it waits for."""

    name: str
    cases: Sequence[Case]
    opening: str
    expects: str

    def assistant(self) -> dict[str, Any]:
        model = {"provider": "bench.brief_model:BriefModel", "reply": "Okay.", "expects": self.expects}
        return {**shipped_assistant(), "firstMessage": self.opening, "model": model}


@dataclass(frozen=True, slots=True)
class Heard:
    """One call."""

    utterances: list[Understood]
    record: dict[str, Any]


async def measure(folder: Path) -> Report:
    """Run it; about eight minutes."""
    kinds = [
        Questions("sentences", list(sentences(SENTENCES)), "Please speak.", "anything"),
        Questions("digits", list(digits(DIGIT_STRINGS, seed=SEED)), "Please say four digits.", "digits:4"),
    ]
    figures: list[Figure | Rate] = []
    reference: list[Figure | Rate] = []
    notes: list[str] = []
    for kind in kinds:
        calls = await _calls(folder / kind.name, kind)
        found = [one for call in calls for one in call.utterances]
        figures += [*scored(found).rates(kind.name), *turn_rates(kind.name, found)]
        figures += _by_voices(kind, found)
        figures += parts([call.record for call in calls], name=f"{kind.name}, own account")
        reference += _offline(kind.cases).rates(f"{kind.name}, cut offline")
        notes += [f"not right: {failure}" for failure in scored(found).failures]
    return Report("call_recognition", METHOD, figures, reference, notes)


def _by_voices(kind: Questions, found: Sequence[Understood]) -> list[Rate]:
    """The same for each group of voices, where there are several."""
    groups = by_voices(found)
    if len(groups) < 2:
        return []
    return [rate for name, group in groups.items() for rate in scored(group).rates(f"{kind.name}, {name}")]


def _offline(cases: Sequence[Case]) -> Score:
    (one,) = score(embedded_recognisers()["embedded"], cases).values()
    return one


async def _calls(folder: Path, kind: Questions) -> list[Heard]:
    plan = ProductPlan(folder / "parley", kind.assistant())
    async with running_product(plan) as product:
        return [
            await _call(product, folder / f"call-{first}", kind.cases[first : first + UTTERANCES])
            for first in range(0, len(kind.cases), UTTERANCES)
        ]


async def _call(product: Product, folder: Path, cases: Sequence[Case]) -> Heard:
    """Say everything in one call, each utterance after the agent's answer to the one before."""
    before = len(product.records())
    began_ns = []
    async with running_softphone(SoftphonePlan(folder)) as phone:
        files = [
            write_wav(folder / f"{index}.wav", np.frombuffer(one.pcm, np.int16)) for index, one in enumerate(cases)
        ]
        phone.dial(f"sip:demo@{product.address}")
        await _answer(phone)
        for file, case in zip(files, cases, strict=True):
            phone.play(file)
            played = await phone.wait_for("played", seconds=40)
            began_ns.append(played["at_ns"] - len(case.pcm) // SAMPLE_BYTES * 1_000_000_000 // SAMPLE_RATE)
            await _answer(phone)
        phone.hang_up()
        await phone.wait_for("ended")
    record = (await product.wait_for_records(before + 1))[-1]
    answered_ms = round(datetime.fromisoformat(record["answered_at"]).timestamp() * 1000)
    turns = [CallerTurn(turn["at_ms"], turn["text"]) for turn in record["turns"] if turn["role"] == "caller"]
    return Heard(understood(cases, [at_ns // 1_000_000 - answered_ms for at_ns in began_ns], turns), record)


async def _answer(phone: Softphone) -> None:
    """Wait until the agent has spoken and is quiet; go on without it when it says nothing in time."""
    spoke = await phone.next_event("far-silence", seconds=_ANSWER_SECONDS)
    while spoke and await phone.next_event("far-speech", seconds=_QUIET_SECONDS):
        spoke = await phone.next_event("far-silence", seconds=_ANSWER_SECONDS)
