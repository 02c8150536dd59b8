"""A simulated ear: edges of speech with a detector's delays, and transcripts with a recogniser's mistakes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from random import Random

from gateway.conversation import events as e
from gateway.conversation.commands import Transcribe
from tests.conversation.simulation.conditions import Conditions
from tests.conversation.simulation.schedule import Schedule
from tests.conversation.simulation.sounds import Kind, Line, Sound

ONSET_MS = 64
PAUSE_MS = 100
"""Of quiet, after which speech may be over."""
GAPS = 0.3
"""How often a sound has a gap of that length inside."""
HANGOVER_MS = 120
"""Shorter pauses are no edges."""
SHORTEST_MS = 64
"""Shorter sounds are not noticed."""
PARTIAL_MS = 300
MEASURED_MS = (200, 450)
"""After an onset it is known how the speech sounds."""
SIDE_TALK_DB = -14.0
ECHO_KNOWN = 0.7
JUDGEMENT_MS = (20, 250)
NOTICED = {Kind.STATEMENT: 1.0, Kind.BACKCHANNEL: 0.95, Kind.NOISE: 0.35, Kind.ECHO: 0.35, Kind.SIDE_TALK: 0.8}
"""How often the detector takes a sound for speech."""
LATE_MS = (2_000, 8_000)
WRONG = ("", "thank you", "okay", "stop", "you", "I think so and", "seven")


class Ear:
    """Hears the line and tells the turn machine.

    :param tell: takes events for the turn machine
    """

    def __init__(
        self, schedule: Schedule, conditions: Conditions, random: Random, line: Line, tell: Callable[[e.Event], None]
    ) -> None:
        self.mistakes = 0
        self._schedule = schedule
        self._conditions = conditions
        self._random = random
        self._line = line
        self._tell = tell
        self._held = False
        self._speaking = False
        self._end_ms = 0
        self._waiting: deque[Transcribe] = deque()
        self._busy = False
        self._partials = random.random() < conditions.partials
        self._beeps_wanted = False

    # ------------------------------------------------------------ edges

    def hears(self, sound: Sound) -> None:
        """A sound begins."""
        if sound.end_ms - sound.start_ms < SHORTEST_MS or self._random.random() > NOTICED[sound.kind]:
            return
        delay = ONSET_MS + self._random.randint(*self._conditions.edge_ms)
        onset = max(0, sound.start_ms + self._random.randint(-10, 30))
        self._schedule.after(delay, lambda: self._begin(onset, sound.end_ms))
        self._schedule.after(delay + self._random.randint(*MEASURED_MS), lambda: self._measure(sound, onset))

    def hear_again(self, since_ms: int) -> None:
        """The audio since then comes at once, to an ear that is new: one sound after the other."""
        if self._held:
            return
        for sound in self._line.since(since_ms):
            start = max(sound.start_ms, since_ms)
            if sound.end_ms > self._schedule.now - HANGOVER_MS:
                self.hears(replace(sound, start_ms=start))
            elif sound.end_ms - start >= SHORTEST_MS and self._random.random() <= NOTICED[sound.kind]:
                now, self._end_ms = self._schedule.now, sound.end_ms
                self._tell(e.SpeechStarted(now, start))
                self._tell(e.SpeechPaused(now, sound.end_ms))
                self._tell(e.SpeechEnded(now, sound.end_ms))

    def _measure(self, sound: Sound, onset: int) -> None:
        if not self._speaking or self._held:
            return
        if sound.kind is Kind.ECHO and self._random.random() < ECHO_KNOWN:
            self._tell(e.EchoHeard(self._schedule.now, 20.0))
        elif sound.kind is not Kind.ECHO:
            level = SIDE_TALK_DB if sound.kind is Kind.SIDE_TALK else self._random.choice((None, -3.0, 0.0, 2.0))
            voiced = 0.05 if sound.kind is Kind.NOISE else 0.6
            self._tell(e.SpeechMeasured(self._schedule.now, onset, level, voiced))

    def listen_for_beep(self, wanted: bool) -> None:
        """Tell of beeps, or no longer."""
        self._beeps_wanted = wanted

    def beep(self, end_ms: int) -> None:
        """The line beeps until then."""
        if self._beeps_wanted:
            self._schedule.at(end_ms + 60, lambda: self._tell(e.BeepHeard(self._schedule.now, end_ms)))

    def _begin(self, onset: int, end: int) -> None:
        if self._held:
            return
        end += self._random.randint(-20, 20)
        self._end_ms = max(self._end_ms, end, onset)
        if not self._speaking:
            self._speaking = True
            self._tell(e.SpeechStarted(self._schedule.now, onset))
            if self._partials:
                self._schedule.after(PARTIAL_MS, lambda: self._partial(onset))
        if end - onset > 2 * PAUSE_MS and self._random.random() < GAPS:
            self._schedule.at(
                self._random.randint(onset + PAUSE_MS, end), lambda: self._pause(self._schedule.now - PAUSE_MS)
            )
        self._schedule.at(self._end_ms + PAUSE_MS, lambda: self._pause(self._end_ms))
        delay = HANGOVER_MS + self._random.randint(*self._conditions.edge_ms)
        self._schedule.at(self._end_ms + delay, self._silence)

    def _pause(self, end: int) -> None:
        """The voice falls silent: at its end, or in a gap between two words."""
        if self._speaking and not self._held:
            self._tell(e.SpeechPaused(self._schedule.now, end))

    def _silence(self) -> None:
        if not self._speaking or self._schedule.now < self._end_ms + HANGOVER_MS:
            return
        self._speaking = False
        end = self._end_ms
        self._tell(e.SpeechEnded(self._schedule.now, end))
        if self._random.random() < self._conditions.judge:
            probability = round(self._random.random(), 2)
            self._schedule.after(
                self._random.randint(*JUDGEMENT_MS),
                lambda: self._tell(e.TurnEndJudged(self._schedule.now, end, probability)),
            )

    def _partial(self, onset: int) -> None:
        if self._speaking and not self._held:
            self._tell(e.PartialHeard(self._schedule.now, " ".join(self._line.words(onset, self._schedule.now))))
            self._schedule.after(PARTIAL_MS, lambda: self._partial(onset))

    def hold(self, held: bool) -> None:
        """Nothing is heard on hold: what follows does not belong to what came before."""
        self._held = held
        if held and self._speaking:
            self._tell(e.SpeechEnded(self._schedule.now, self._schedule.now))
        if held:
            self._speaking, self._end_ms = False, 0
        else:
            for sound in self._line.at(self._schedule.now):
                self.hears(replace(sound, start_ms=self._schedule.now))

    # ------------------------------------------------------------ transcripts

    def transcribe(self, command: Transcribe) -> None:
        """Ask for a text. One is made at a time; one that waits is dropped when a later one covers it."""
        self._waiting = deque(
            waiting
            for waiting in self._waiting
            if not (command.start_ms <= waiting.start_ms and command.end_ms >= waiting.end_ms)
        )
        self._waiting.append(command)
        self._next()

    def _next(self) -> None:
        if self._busy or not self._waiting:
            return
        self._busy = True
        asked = self._waiting.popleft()
        conditions, random = self._conditions, self._random
        if random.random() < conditions.transcriber_fails:
            reason = "pipeline-error-custom-transcriber-failed"
            self._tell(e.TranscriberFailed(self._schedule.now, reason, "The transcriber ended its stream."))
            return
        late = random.random() < conditions.transcript_late
        self.mistakes += late
        span = LATE_MS if late else conditions.transcript_ms
        self._schedule.after(random.randint(*span), lambda: self._answer(asked))

    def _answer(self, asked: Transcribe) -> None:
        self._busy = False
        text = " ".join(self._line.words(asked.start_ms, asked.end_ms))
        random, conditions = self._random, self._conditions
        if random.random() < conditions.transcript_lost:
            self.mistakes += 1
        else:
            if random.random() < conditions.transcript_wrong:
                self.mistakes, text = self.mistakes + 1, random.choice(WRONG)
            elif random.random() < conditions.transcript_empty:
                self.mistakes, text = self.mistakes + 1, ""
            self._tell(e.Transcribed(self._schedule.now, asked.segment, text))
        self._next()
