"""Who answered: the worker's ear and turn machine on recorded openings of calls, in virtual time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.answers import Opening, humans, humans_at_home, machines
from bench.report import Figure, Rate, Report
from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.plan import TurnPlan
from gateway.conversation.turn import TurnMachine
from gateway.conversation.voicemail import VoicemailPlan
from gateway.media.audio import FRAME_BYTES, FRAME_MS, SAMPLE_BYTES, ms_to_samples
from gateway.providers.base import TranscriptHint
from gateway.providers.registry import make_detector
from gateway.providers.stt.embedded import embedded_recognisers
from gateway.providers.stt.segment import to_model_rate
from gateway.worker.beep import BeepDetector
from gateway.worker.foreground import Foreground
from gateway.worker.voice_activity import VoiceActivity

SUMMARY = "voicemail or human on 122 openings of calls, and when the message begins; about 2 minutes"
METHOD = (
    "122 openings (bench/answers.py: 52 humans, 18 of them again in front of a television 18 dB below their voice, 52 "
    "machines with pauses and beeps; line noise at -58 dBFS) through "
    "8 kHz µ-law into the worker's speech detector, beep detector, embedded recogniser and turn machine, frame by "
    "frame in virtual time; a transcript comes 450 ms after it was asked for, the agent's audio 20 ms later; "
    "first message and voicemail message are both configured; a machine is right when it got the voicemail message, "
    "a human when he got the first message and nothing else"
)
TRANSCRIPT_MS = 450
"""What the embedded recogniser takes for a short segment on two cores that are busy."""
_START_MS = 20
_GREETING, _MESSAGE = "Good day, this is Ann of Smith and Sons.", "This is Ann of Smith and Sons. Please call back."
_MS_PER_CHARACTER = 60
_REPORT_MS = 100
_LAST_MS = 45_000
_SHORT_MS = 2_000

Recognise = Callable[[bytes], str]


@dataclass(slots=True)
class Answered:
    """What became of an opening, ms since the answer. `greeted_ms` and `message_ms` are when the agent's first sample
    of the one and of the last message left, None when it was not said."""

    opening: Opening
    greeted_ms: int | None = None
    message_ms: int | None = None
    verdict_ms: int | None = None
    noted: list[str] = field(default_factory=list)
    ended: str = ""

    @property
    def right(self) -> bool:
        if self.opening.machine:
            return self.message_ms is not None and self.ended == "voicemail"
        return self.greeted_ms is not None and self.message_ms is None


class Line:
    """One call in virtual time."""

    def __init__(self, opening: Opening, recognise: Recognise) -> None:
        self.answered = Answered(opening)
        self._recognise = recognise
        self._machine = TurnMachine(TurnPlan(greeting=_GREETING, voicemail=VoicemailPlan(_MESSAGE)))
        self._activity = VoiceActivity(make_detector())
        self._beeps: BeepDetector | None = None
        self._foreground: Foreground | None = None
        self._kinds: dict[int, c.PrepareSpeech] = {}
        self._coming: list[tuple[int, int, e.Event]] = []
        self._cut: set[int] = set()
        self._count = 0
        self._utterance = 0

    def run(self) -> Answered:
        """Until the call ends, or a human has been greeted."""
        self._feed(e.Started(0))
        self._feed(e.Answered(0))
        pcm = self.answered.opening.pcm
        for at in range(0, _LAST_MS, FRAME_MS):
            first = at // FRAME_MS * FRAME_BYTES
            self._frame(pcm[first : first + FRAME_BYTES].ljust(FRAME_BYTES, b"\0"), at)
            if self.answered.ended or (at * 16 > len(pcm) and not self.answered.opening.machine):
                break
        return self.answered

    def _frame(self, frame: bytes, at: int) -> None:
        now = at + FRAME_MS
        edges = self._activity.push(frame, at)
        for edge in self._foreground.push(frame, at, edges) if self._foreground is not None else edges:
            self._feed(edge)
        for end_ms in self._beeps.push(frame, at) if self._beeps is not None else ():
            self._feed(e.BeepHeard(now, end_ms))
        while self._coming and self._coming[0][0] <= now:
            self._arrive(heapq.heappop(self._coming)[2])
        while (deadline := self._machine.deadline) is not None and deadline <= now:
            self._feed(e.TimePassed(deadline))

    def _arrive(self, event: e.Event) -> None:
        if isinstance(event, e.PlayoutReported) and event.utterance in self._cut:
            return
        self._feed(event)

    def _feed(self, event: e.Event) -> None:
        for command in self._machine.handle(event):
            self._carry_out(command, event.at)

    def _later(self, event: e.Event) -> None:
        self._count += 1
        heapq.heappush(self._coming, (event.at, self._count, event))

    def _carry_out(self, command: c.Command, now: int) -> None:
        match command:
            case c.Transcribe():
                start, end = (ms_to_samples(ms) * SAMPLE_BYTES for ms in (command.start_ms, command.end_ms))
                text = self._recognise(self.answered.opening.pcm[start:end])
                self._later(e.Transcribed(now + TRANSCRIPT_MS, command.segment, text))
            case c.PrepareSpeech():
                self._kinds[command.reply] = command
            case c.CommitReply(reply=reply):
                self._speak(reply, now)
            case c.CutUtterances(up_to=last):
                self._cut |= set(range(last + 1))
                self._later(e.PlayoutReported(now + FRAME_MS, last, 0, e.PlayoutState.CUT))
            case c.Screen(beeps=beeps, foreground=foreground):
                self._beeps = (self._beeps or BeepDetector()) if beeps else None
                self._foreground = (self._foreground or Foreground()) if foreground else None
            case c.Note(detail=detail):
                self.answered.noted.append(detail)
                self.answered.verdict_ms = now
            case c.HangUp(reason=reason):
                self.answered.ended = reason

    def _speak(self, reply: int, now: int) -> None:
        """The agent's utterance plays from its first sample to its last, unless it is cut."""
        speech = self._kinds.get(reply)
        text = speech.text if speech else "I see."
        if speech and speech.kind is c.SpeechKind.VOICEMAIL:
            self.answered.message_ms = now + _START_MS
        elif self.answered.greeted_ms is None:
            self.answered.greeted_ms = now + _START_MS
        self._utterance += 1
        length_ms = len(text) * _MS_PER_CHARACTER
        interruptible = speech is None or speech.interruptible
        for event in self._utterance_events(reply, text, now + _START_MS, length_ms, interruptible):
            self._later(event)

    def _utterance_events(
        self, reply: int, text: str, start: int, length_ms: int, interruptible: bool
    ) -> Iterator[e.Event]:
        number = self._utterance
        yield e.UtteranceQueued(start, reply, number, text, interruptible)
        yield e.UtteranceVoiced(start, number, ms_to_samples(length_ms), True)
        yield e.ReplyFinished(start, reply)
        for ms in range(_REPORT_MS, length_ms, _REPORT_MS):
            yield e.PlayoutReported(start + ms, number, ms_to_samples(ms), e.PlayoutState.PLAYING)
        end = start + length_ms
        yield e.PlayoutReported(end, number, ms_to_samples(length_ms), e.PlayoutState.FINISHED)


def recogniser() -> Recognise:
    """The embedded recogniser on 8000 Hz PCM."""
    embedded = embedded_recognisers()["embedded"]

    def recognise(pcm: bytes) -> str:
        return embedded.recognise(to_model_rate(pcm), TranscriptHint()).text if pcm else ""

    return recognise


async def measure(folder: Path) -> Report:
    """Run it; about two minutes."""
    recognise = recogniser()
    people = [Line(opening, recognise).run() for opening in humans()]
    watching = [Line(opening, recognise).run() for opening in humans_at_home()]
    boxes = [Line(opening, recognise).run() for opening in machines()]
    wrong = [one for one in (*people, *watching, *boxes) if not one.right]
    notes = [f"not right: {one.opening.name}: {'; '.join(one.noted)}" for one in wrong]
    late = [one for one in boxes if one.right and one.greeted_ms is not None]
    notes += [f"greeted first: {one.opening.name}: {'; '.join(one.noted)}" for one in late]
    return Report("voicemail", METHOD, list(_figures(people, watching, boxes, len(late))), [], notes)


def _figures(
    people: Sequence[Answered], watching: Sequence[Answered], boxes: Sequence[Answered], late: int
) -> Iterator[Figure | Rate]:
    yield Rate.of("humans greeted", _count(people), len(people))
    yield Rate.of("humans greeted, television", _count(watching), len(watching))
    yield Rate.of("machines left a message", _count(boxes), len(boxes))
    yield Rate.of("machines that were greeted first", late, len(boxes))
    greeted = [(one, one.greeted_ms) for one in people if one.greeted_ms is not None]
    yield Figure.of("answer to first message, humans", [ms for _, ms in greeted])
    short = [ms for one, ms in greeted if one.opening.speech_ms <= _SHORT_MS]
    yield Figure.of("answer to first message, hello over by 2 s", short)
    waits = [ms - one.opening.speech_ms for one, ms in greeted]
    yield Figure.of("hello's end to first message", waits)
    at_home = [one.greeted_ms - one.opening.speech_ms for one in watching if one.greeted_ms is not None]
    yield Figure.of("hello's end to first message, television", at_home)
    yield Figure.of("answer to verdict, machines", [one.verdict_ms for one in boxes if one.verdict_ms is not None])
    left = [(one.message_ms, one.opening) for one in boxes if one.message_ms is not None]
    after = [ms - opening.beep_ms for ms, opening in left if opening.beep_ms is not None]
    yield Figure.of("beep's end to message", after)
    yield Rate.of("messages that began before the beep's end", sum(ms < 0 for ms in after), len(after))
    yield Figure.of("greeting's end to message, no beep", [ms - o.speech_ms for ms, o in left if o.beep_ms is None])


def _count(calls: Iterable[Answered]) -> int:
    return sum(one.right for one in calls)
