"""One case as a call in virtual time, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from bench.overlaps.cases import USUAL_DBFS, Case
from bench.overlaps.gateway import Gateway
from bench.overlaps.line import Line
from bench.overlaps.worker import Worker
from gateway.assistant.assistant import Assistant
from gateway.conversation import commands as c
from gateway.conversation.plan import TurnPlan
from gateway.media.audio import FRAME_BYTES, FRAME_MS, FRAME_SAMPLES, ms_to_samples, samples_to_ms
from gateway.providers.base import TranscriptHint
from gateway.providers.registry import make_detector
from gateway.providers.stt.embedded import embedded_recognisers
from gateway.providers.stt.segment import to_model_rate
from gateway.providers.tts.hibari import HibariSynthesiser, SpokenPiece
from tests.peers.speech import Samples

_AGENT = (
    "Your order left our warehouse this morning, and it is on its way to the address that you gave us.",
    "It should arrive on Thursday between nine and twelve, and the driver will call you half an hour before.",
    "We are open from Monday to Friday, from nine in the morning until six in the evening, and on Saturdays until two.",
    "The repair takes about three working days, and we will send you a message as soon as it is ready.",
    "There is a table for four at half past seven, or one for two at eight in the garden.",
    "To change your address I need your customer number, which you find at the top of your last letter.",
)
_ANSWER = "All right."
_AUDIBLE = 32768 * 10 ** (-45 / 20)
_EARLY_MS = 40
"""A first sound that is faint may be noticed before the onset as we measure it."""
_BEFORE_MS = 400
_AFTER_MS = 2500
_LONGEST_MS = 9000
"""After the onset: a turn that is not taken by then is none."""


@dataclass(slots=True)
class Outcome:
    """Times in ms from the onset of the sound (for echo, of the agent's speech); None: it did not happen.

    `stopped` is the last pause or cut before the verdict, `verdict` the first decision, `resumed` when the agent's
    audio left again, `pauses` how often it was paused, `turn` the text of the turn that the sound became,
    `alone` what the recogniser makes of the sound on the same line without an agent.
    """

    case: Case
    cut_ms: int | None = None
    stopped_ms: int | None = None
    verdict_ms: int | None = None
    resumed_ms: int | None = None
    reason: str = ""
    pauses: int = 0
    reaction_ms: list[int] = field(default_factory=list)
    timeouts: int = 0
    turn: str = ""
    alone: str = ""
    cut_before: bool = False
    """The agent was cut before there was any sound."""
    seconds: list[float] = field(default_factory=list)

    @property
    def right(self) -> bool:
        """The agent yielded the floor, or did not, as the sound wants it."""
        return (self.cut_ms is not None) == self.case.kind.cuts and not self.cut_before


def hold(case: Case) -> Outcome:
    """Hold the call of a case."""
    agent = [(text, _voiced(text)) for text in _texts(case)]
    answer = [(_ANSWER, _voiced(_ANSWER))]
    greeting = "" if case.usual is not None else " ".join(text for text, _ in agent)
    plan = TurnPlan.of(
        Assistant.model_validate({"model": {"provider": "dialogue"}, "firstMessage": greeting}), lambda text: text
    )
    worker = Worker(
        plan,
        detector=make_detector(),
        recogniser=embedded_recognisers()["embedded"],
        answers=[agent, *[answer] * 20],
    )
    line = Line(speech_dbfs=USUAL_DBFS, snr_db=case.snr_db, echo=case.echo, seed=case.after_ms)
    gateway = Gateway(line.frame, on_frame=worker.hear, on_report=worker.played, on_pause=worker.paused)
    worker.attach(gateway)
    onset_ms = _run(case, worker, gateway, line)
    outcome = _outcome(case, worker, gateway, onset_ms)
    if case.kind.cuts:
        outcome.alone = _alone(case)
    return outcome


def _alone(case: Case) -> str:
    line = Line(speech_dbfs=USUAL_DBFS, snr_db=case.snr_db, echo=None, seed=case.after_ms)
    line.say(case.sound, ms_to_samples(_BEFORE_MS))
    frames = ms_to_samples(2 * _BEFORE_MS) // FRAME_SAMPLES + len(case.sound) // FRAME_SAMPLES
    pcm = b"".join(line.frame(bytes(FRAME_BYTES)) for _ in range(frames))
    return embedded_recognisers()["embedded"].recognise(to_model_rate(pcm), TranscriptHint()).text


def _run(case: Case, worker: Worker, gateway: Gateway, line: Line) -> int:
    """Returns the onset of the sound, call clock."""
    if case.usual is not None:
        worker.known_text = "I have a question."
        line.say(case.usual, ms_to_samples(_BEFORE_MS))
    while not any(gateway.sounding):
        gateway.step()
        assert gateway.tick < 1000, f"the agent never spoke: {case.name}"
    worker.known_text = None
    began_ms = (gateway.tick - 1) * FRAME_MS
    if not len(case.sound):
        _until(gateway, began_ms + 12_000)
        return began_ms
    at = ms_to_samples(began_ms + case.after_ms) + case.agent
    line.say(case.sound, at)
    onset_ms = samples_to_ms(at) + _first_sound_ms(case.sound)
    end_ms = onset_ms + samples_to_ms(len(case.sound))
    _until(gateway, end_ms + _AFTER_MS)
    if case.kind.cuts:
        while not _turn(worker, onset_ms) and gateway.tick * FRAME_MS < onset_ms + _LONGEST_MS:
            gateway.step()
    return onset_ms


def _first_sound_ms(sound: Samples) -> int:
    """Where the first 10 ms begin that a listener can hear."""
    frames = sound[: len(sound) // 80 * 80].reshape(-1, 80).astype(np.float64)
    return int(np.argmax(np.mean(frames**2, axis=1) > _AUDIBLE**2)) * 10


def _until(gateway: Gateway, ms: int) -> None:
    while gateway.tick * FRAME_MS < ms:
        gateway.step()


def _turn(worker: Worker, onset_ms: int) -> str:
    turns = [command for _, command in worker.log if isinstance(command, c.CommitTurn)]
    return " ".join(turn.text for turn in turns if turn.end_ms > onset_ms)


def _outcome(case: Case, worker: Worker, gateway: Gateway, onset_ms: int) -> Outcome:
    outcome = Outcome(case, timeouts=gateway.timeouts, turn=_turn(worker, onset_ms), seconds=worker.transcriber.seconds)
    times = [(at - onset_ms, command) for at, command in worker.log]
    after = [(at, command) for at, command in times if at > -_EARLY_MS]
    outcome.cut_before = any(isinstance(command, c.CutUtterances) for at, command in times if at <= -_EARLY_MS)
    verdicts = [(at, command) for at, command in after if isinstance(command, c.GiveVerdict)]
    cuts = [at for at, command in after if isinstance(command, c.CutUtterances)]
    pauses = [pause for pause in gateway.onsets if pause.at_ms > onset_ms - _EARLY_MS]
    outcome.pauses = len(pauses)
    outcome.reaction_ms = [pause.at_ms - pause.onset_ms for pause in pauses]
    if cuts:
        outcome.cut_ms = cuts[0]
        outcome.reason = next(command.reason for _, command in after if isinstance(command, c.CutUtterances))
    if verdicts:
        outcome.verdict_ms, first = verdicts[0]
        outcome.reason = first.reason if outcome.cut_ms is None else outcome.reason
    elif cuts:
        outcome.verdict_ms = cuts[0]
    stops = [pause.at_ms + FRAME_MS - onset_ms for pause in pauses] + cuts
    outcome.stopped_ms = min(stops, default=None)
    if pauses and outcome.cut_ms is None:
        outcome.resumed_ms = _resumed(gateway.sounding, pauses[0].at_ms // FRAME_MS + 1) * FRAME_MS - onset_ms
    return outcome


def _resumed(sounding: Sequence[bool], tick: int) -> int:
    """The tick in which audio leaves again after a pause."""
    return next((at for at in range(tick + 1, len(sounding)) if sounding[at]), len(sounding))


def _texts(case: Case) -> list[str]:
    return [_AGENT[(case.agent + shift) % len(_AGENT)] for shift in range(2)]


@cache
def _voice() -> HibariSynthesiser:
    return HibariSynthesiser()


@cache
def _voiced(text: str) -> SpokenPiece:
    return _voice().synthesise(text)
