"""A simulated reply: a model that streams, tools, and a voice, each with its delays and failures."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any, Protocol

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.context import Fact, ToolCalled, ToolReturned
from gateway.conversation.passages import Clause, ClauseReader, clauses, marked, plain
from gateway.media.audio import SAMPLE_BYTES, ms_to_samples
from gateway.providers.base import SpokenWord, VoiceChunk
from gateway.providers.failover.reply_attempts import PATIENCE
from gateway.settings import FailoverSettings
from gateway.worker.output import OutputPort, ReplyOutput
from gateway.worker.voicing import OVERDUE_SECONDS, VOICE_SECONDS
from tests.conversation.simulation.conditions import Conditions
from tests.conversation.simulation.schedule import Process, Schedule, Signal, Steps

ANSWERS = (
    "Certainly.",
    "It is half past ten in the morning, and the office opens at eleven.",
    "Your order left the warehouse on Monday. It should be with you by Thursday, and the driver will call before.",
    "Would you like to hear the other dates as well?",
    "The fee is six pounds. <uninterruptible>It is not paid back.</uninterruptible> Shall I go on?",
    "Could you tell me the four digits of your customer number?",
    "<uninterruptible>This call is recorded.</uninterruptible> What else can I do for you?",
    "I have noted that. Let me read it back to you: a table for six, on Friday, at eight. Is that right?",
    "There are three ways to do this. The first is by post. The second is in our branch. The third is right now, here.",
)
EXPECTED = ("anything", "anything", "yes-no", "digits")
PIECE = 12
"""Characters that the model streams at once."""
CHUNK_MS = 400
TOOL_TIMEOUT_MS = 20_000
SLOW_TOOL_MS = (3_000, 20_000)
HANG_MS = round(PATIENCE * FailoverSettings().first_token_seconds * 1000)
SILENT_VOICE_MS = round(VOICE_SECONDS * 1000)
OVERDUE_MS = round(OVERDUE_SECONDS * 1000)


class Port(OutputPort, Protocol):
    """What a reply needs of its worker."""

    def record(self, fact: Fact, **details: Any) -> None:
        """Keep a fact."""

    def durable(self) -> Signal:
        """Set when the gateway has the journal so far."""

    def effect(self, tool: str) -> None:
        """A tool did what cannot be undone."""

    def take_repeated(self) -> Sequence[ToolCalled]:
        """Tool calls of an earlier worker that are made once more, told once."""

    def alive(self) -> bool:
        """The worker has the call."""


class SimulatedReply:
    """One reply. Run the steps of exactly one of `recite` and `answer`."""

    def __init__(
        self,
        schedule: Schedule,
        conditions: Conditions,
        random: Random,
        output: ReplyOutput,
        port: Port,
        character_ms: int,
    ) -> None:
        self.output = output
        self._character_ms = character_ms
        self._schedule = schedule
        self._conditions = conditions
        self._random = random
        self._port = port
        self._committed = Signal(schedule)
        self._clauses: deque[tuple[str, bool]] = deque()
        self._kind = c.SpeechKind.REPLY
        self._text: list[str] = []
        self._complete = False
        self._failed = False
        self._more = Signal(schedule)
        self._voice: Process | None = None
        self._phrase: Process | None = None
        self._awaited_since: int | None = None
        self._sounding = False
        self._covering = False
        self._texts = 0
        self._held: list[Callable[[], None]] = []

    def commit(self) -> None:
        """It may be heard, and tools may run."""
        self._committed.set()
        self.output.commit()

    def add(self, text: str, *, interruptible: bool = True) -> None:
        """Say this after what is said already."""
        self._clauses.append((text, interruptible))
        self._text.append(text if interruptible else marked(text))
        if self._complete:
            self._tell_whole()
        if self._awaited_since is None and not self._sounding:
            self._awaited_since = self._schedule.now
        self._more.set()

    def fill(self, text: str) -> None:
        """Say a filler, unless words are heard before it."""
        self._phrase = self._schedule.spawn(self._cover(text))

    def stop(self) -> None:
        """Nothing more of it is voiced."""
        for process in (self._voice, self._phrase):
            if process is not None:
                process.stop()

    def recite(self, command: c.PrepareSpeech) -> Steps:
        """Speak a fixed text."""
        self._kind, self._text = command.kind, [command.said] if command.said else []
        self._voice = self._schedule.spawn(self._speak("anything"))
        for clause in clauses(command.text):
            self.add(clause.text, interruptible=command.interruptible and clause.interruptible)
        self._end_of_text()
        yield 0

    def answer(self, command: c.PrepareReply) -> Steps:
        """Answer as a model does, with a tool before the answer at times."""
        random, conditions = self._random, self._conditions
        self._text = [command.said] if command.said else []
        self._voice = self._schedule.spawn(self._speak(random.choice(EXPECTED)))
        for called in self._port.take_repeated():
            yield self._committed
            yield from self._run_tool(called)
        if command.said:
            yield from self._think()
            if not self._failed:
                yield from self._stream(rest_of_answer(command.said, random))
                self._end_of_text()
            return
        if random.random() < conditions.tools:
            yield from self._think()
            if self._failed:
                return
            if random.random() < 0.3:
                self.add("Let me see.")
            yield self._committed
            if random.random() < conditions.ends_call:
                self._ends_call()
                return
            yield from self._tool(command)
        yield from self._think()
        if not self._failed:
            yield from self._stream(random.choice(ANSWERS))
            self._end_of_text()

    def _ends_call(self) -> None:
        reply, port = self.output.reply, self._port
        words = bool(self._clauses)
        self.output.when_committed(
            lambda: port.dispatch(e.EndRequested(port.now(), reply, "assistant-ended-call", False, words))
        )
        self._end_of_text()

    def _think(self) -> Steps:
        """The time to the first word; the model may fail, or hang and be given up."""
        yield self._random.randint(*self._conditions.model_ms)
        if self._random.random() < self._conditions.model_hangs:
            yield HANG_MS
            self._fail("The model sent nothing.")
        elif self._random.random() < self._conditions.model_fails:
            self._fail("The model failed.")

    def _stream(self, text: str) -> Steps:
        reader = ClauseReader()
        for start in range(0, len(text), PIECE):
            self._add(reader.push(text[start : start + PIECE]))
            yield self._random.randint(10, 60)
        self._add(reader.flush())

    def _add(self, parts: list[Clause]) -> None:
        for clause in parts:
            self.add(clause.text, interruptible=clause.interruptible)

    def _tool(self, command: c.PrepareReply) -> Steps:
        port = self._port
        repeatable = self._random.random() < 0.5
        called = ToolCalled(command.turn, f"call-{port.now()}-{self.output.reply}", "lookup", {"text": command.text})
        port.record(called, **({"repeatable": True} if repeatable else {}))
        yield from self._run_tool(called, effect=not repeatable)

    def _run_tool(self, called: ToolCalled, *, effect: bool = False) -> Steps:
        port, random, conditions = self._port, self._random, self._conditions
        port.dispatch(e.ToolStarted(port.now(), self.output.reply, called.id, TOOL_TIMEOUT_MS))
        ms = random.randint(*(SLOW_TOOL_MS if random.random() < conditions.tool_slow else conditions.tool_ms))
        ok = random.random() >= conditions.tool_fails
        ended = Signal(self._schedule)

        def end() -> None:
            # A tool belongs to the call: it ends although its reply was stopped, but not without its worker.
            if port.alive():
                text = "42" if ok else "It could not be reached."
                port.record(ToolReturned(called.turn, called.id, called.name, ok, text))
                port.dispatch(e.ToolEnded(port.now(), self.output.reply, called.id))
                ended.set()

        def begin() -> None:
            if port.alive():
                port.effect(called.id)
                self._schedule.after(ms, end)

        if effect:
            port.durable().then(begin)
        else:
            self._schedule.after(ms, end)
        yield ended

    def _end_of_text(self) -> None:
        self._complete = True
        self._tell_whole()
        self._more.set()

    def _tell_whole(self) -> None:
        turn, kind, text = self.output.turn, self._kind.value, " ".join(self._text)
        if text:
            self.output.when_committed(lambda: self._port.planned(turn, kind, text))

    def _fail(self, detail: str, *, part: str = "custom-llm-llm-failed", audible: bool = True) -> None:
        self._failed = True
        self.stop()
        self.output.abort()
        reason = f"pipeline-error-{part}"
        self._port.dispatch(e.ReplyFailed(self._port.now(), self.output.reply, reason, detail, audible=audible))

    # ------------------------------------------------------------ the voice

    def _speak(self, expects: str) -> Steps:
        while True:
            if not self._clauses and not self._complete:
                self._more = Signal(self._schedule)
                yield self._more
            elif self._clauses:
                yield from self._voice_clause(*self._clauses.popleft())
                self._sounding, self._awaited_since = False, None
                if self._failed:
                    return
            else:
                break
        reply, port = self.output.reply, self._port
        finished = lambda: port.dispatch(e.ReplyFinished(port.now(), reply, expects))  # noqa: E731
        self._put(lambda: self.output.when_committed(finished))

    def _voice_clause(self, text: str, interruptible: bool) -> Steps:
        random, conditions = self._random, self._conditions
        self._awaited_since = self._schedule.now
        yield random.randint(*conditions.voice_ms)
        if random.random() < conditions.voice_fails:
            yield SILENT_VOICE_MS
            self._fail("The voice sent nothing.", part="custom-voice-failed", audible=False)
            return
        self._sounding, self._awaited_since = True, None
        self._texts += 1
        self._put(partial(self.output.begin, text, interruptible=interruptible))
        yield from self._sound(text, self._put)
        self._put(self.output.end)

    def _cover(self, text: str) -> Steps:
        """A phrase beside a text that takes its time."""
        texts = self._texts
        if self._awaited_since is not None:
            yield max(0, self._awaited_since + OVERDUE_MS - self._schedule.now)
        if self._sounding or self._covering:
            return
        yield self._random.randint(*self._conditions.voice_ms)
        if self._covering or self._texts > texts:
            return
        self._covering = True
        self.output.begin(text, interruptible=True, filler=True)
        yield from self._sound(text, lambda step: step())
        self.output.end()
        self._covering = False
        held, self._held = self._held, []
        for step in held:
            step()

    def _put(self, step: Callable[[], None]) -> None:
        """Behind a phrase that is being said."""
        if self._covering:
            self._held.append(step)
        else:
            step()

    def _sound(self, text: str, put: Callable[[Callable[[], None]], None]) -> Steps:
        random, conditions = self._random, self._conditions
        words = spoken(text, self._character_ms)
        total = words[-1].end + ms_to_samples(60)
        known = random.random() < conditions.word_times
        for start in range(0, total, ms_to_samples(CHUNK_MS)):
            if start and random.random() < conditions.voice_stumbles:
                yield random.randint(*conditions.voice_ms) * 2
            end = min(start + ms_to_samples(CHUNK_MS), total)
            begun = tuple(word for word in words if start <= word.start < end) if known else ()
            put(partial(self.output.chunk, VoiceChunk(bytes((end - start) * SAMPLE_BYTES), begun)))
            yield random.randint(1, 20)


def spoken(text: str, character_ms: int) -> list[SpokenWord]:
    """When the words of a text are spoken, in samples."""
    words, at = [], 0
    for word in text.split():
        end = at + ms_to_samples(len(word) * character_ms)
        words.append(SpokenWord(word, at, end))
        at = end + ms_to_samples(character_ms)
    return words


def rest_of_answer(said: str, random: Random) -> str:
    """What a model says behind what was said of its answer."""
    before = said.split()
    for answer in ANSWERS:
        whole = plain(answer).split()
        start = next((n for n in range(len(before)) if before[n:] == whole[: len(before) - n]), len(before))
        if start < len(before):
            return " ".join(whole[len(before) - start :])
    return random.choice(ANSWERS)
