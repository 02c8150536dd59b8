"""What holds for the turn machine whatever happens, in whatever order."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import get_args

import pytest

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.endpointing_rules import EndpointingPlan, EndpointingRule, Pattern, SmartEndpointing
from gateway.conversation.fillers import FillerPlan
from gateway.conversation.keypad import KeypadPlan
from gateway.conversation.overlap import OverlapPlan
from gateway.conversation.plan import TurnPlan
from gateway.conversation.silence import Prompt, SilencePlan
from gateway.conversation.states import ALWAYS, NEXT, RULES, TIMERS, State
from gateway.conversation.turn import TurnMachine
from gateway.conversation.voicemail import VoicemailPlan
from tests.conversation.ledger import Ledger

SEQUENCES = 10_000
EVENTS = 30

PLANS = (
    TurnPlan(greeting="Hello."),
    TurnPlan(),
    TurnPlan(greeting="Hi.", greeting_interruptible=False, farewell="Bye now."),
    TurnPlan(greeting="Hello.", voicemail=VoicemailPlan("Please call back.", watch_ms=8_000)),
    TurnPlan(voicemail=VoicemailPlan()),
    TurnPlan(overlap=OverlapPlan(num_words=2, acknowledgements=("okay",), interruptions=("stop",))),
    TurnPlan(keypad=KeypadPlan(enabled=False), endpointing=EndpointingPlan(smart=SmartEndpointing.SERVER)),
    TurnPlan(
        keypad=KeypadPlan(timeout_ms=0),
        fillers=FillerPlan(delay_ms=300),
        silence=SilencePlan(9_000, "Goodbye.", (Prompt(3_000, ("Hello?", "You there?"), most=9, begins_anew=True),)),
        max_duration_ms=30_000,
    ),
    TurnPlan(
        greeting="Hello.",
        endpointing=EndpointingPlan(
            (EndpointingRule(9000, customer=Pattern("four")),), SmartEndpointing.FUNCTION, "3000 * x"
        ),
    ),
)
TEXTS = (
    "",
    "hello",
    "please leave a message after the tone",
    "okay",
    "stop",
    "my number is",
    "what time is it",
    "yes",
    "four two",
)


class Chaos:
    """Random events. Ids are mostly those that the machine knows, sometimes any."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.at = 0
        self.segments = [1]
        self.replies = [1]
        self.utterances = [1]
        self.questions = [1]
        self.end_ms = 0
        self.pauses = 0
        self.makers: list[Callable[[], e.Event]] = [
            lambda: e.SpeechStarted(self.at, max(0, self.at - self.random.randrange(200))),
            lambda: e.SpeechStarted(self.at, max(0, self.at - self.random.randrange(200))),
            lambda: e.SpeechPaused(self.at, max(0, self.at - self.random.randrange(200))),
            self.end_speech,
            self.end_speech,
            lambda: e.TurnEndJudged(self.at, self.end_ms, self.random.random()),
            lambda: e.EndpointingAnswered(
                self.at, self.pick(self.questions), self.random.choice((None, 0, 900, 15_000))
            ),
            lambda: e.Transcribed(self.at, self.pick(self.segments), self.random.choice(TEXTS)),
            lambda: e.Transcribed(self.at, self.segments[-1], self.random.choice(TEXTS)),
            lambda: e.PartialHeard(self.at, self.random.choice(TEXTS)),
            lambda: e.BeepHeard(self.at, max(0, self.at - 80)),
            lambda: e.EchoHeard(self.at, 20.0),
            lambda: e.SpeechMeasured(
                self.at, self.end_ms, self.random.choice((None, -20.0, 0.0)), self.random.random()
            ),
            self.fail_transcriber,
            lambda: e.KeyPressed(self.at, self.random.choice("12#*")),
            self.queue,
            self.queue,
            lambda: e.UtteranceVoiced(self.at, self.pick(self.utterances), 8000, self.random.random() < 0.8),
            self.report,
            self.report,
            self.pause,
            self.pause,
            lambda: e.ReplyFinished(self.at, self.pick(self.replies), self.random.choice(("anything", "yes-no"))),
            lambda: e.ReplyFailed(self.at, self.pick(self.replies), "failed", "why", self.random.random() < 0.5),
            lambda: e.ToolStarted(self.at, self.pick(self.replies), "t", 5000),
            lambda: e.ToolEnded(self.at, self.pick(self.replies), "t"),
            lambda: e.EndRequested(self.at, self.pick(self.replies), "assistant-ended-call"),
            lambda: e.SayRequested(
                self.at, "Attention.", self.random.random() < 0.2, at_once=self.random.random() < 0.5
            ),
            lambda: e.AnswerRequested(self.at),
            lambda: e.MuteChanged(self.at, self.random.random() < 0.3),
            lambda: e.ListeningChanged(self.at, self.random.random() < 0.7),
            self.hand_over,
            lambda: e.HoldChanged(self.at, self.random.random() < 0.5),
        ]

    def pick(self, known: list[int]) -> int:
        return self.random.choice(known[-3:]) if self.random.random() < 0.95 else self.random.randrange(50)

    def end_speech(self) -> e.Event:
        self.end_ms = max(0, self.at - self.random.randrange(200))
        return e.SpeechEnded(self.at, self.end_ms)

    def fail_transcriber(self) -> e.Event:
        """Rarely: it ends the call."""
        if self.random.random() < 0.9:
            return e.PartialHeard(self.at, "")
        return e.TranscriberFailed(self.at, "pipeline-error-custom-transcriber-failed", "why")

    def hand_over(self) -> e.Event:
        """Rarely: it ends the conversation here."""
        if self.random.random() < 0.8:
            return e.PartialHeard(self.at, "")
        return e.HandoffRequested(self.at, self.random.choice(("", "One moment.")))

    def queue(self) -> e.Event:
        self.utterances.append(self.utterances[-1] + 1)
        text = self.random.choice(("One two three.", "Is that right?", "Done."))
        interruptible, filler = self.random.random() < 0.8, self.random.random() < 0.2
        reply = self.pick(self.replies)
        return e.UtteranceQueued(self.at, reply, self.utterances[-1], text, interruptible, filler)

    def report(self) -> e.Event:
        state = self.random.choice(tuple(e.PlayoutState))
        return e.PlayoutReported(self.at, self.pick(self.utterances), self.random.randrange(9000), state)

    def pause(self) -> e.Event:
        self.pauses += 1
        utterance = self.pick(self.utterances)
        return e.PauseNoticed(self.at, self.pauses, self.at, utterance, self.random.randrange(8000), self.at + 500)

    def next(self, machine: TurnMachine) -> e.Event:
        if self.random.random() < 0.3 and machine.deadline is not None:
            self.at = max(self.at, machine.deadline)
            return e.TimePassed(self.at)
        self.at += self.random.choice((0, 20, 100, 300, 1000))
        return self.random.choice(self.makers)()

    def learn(self, commands: Iterable[c.Command]) -> None:
        for command in commands:
            match command:
                case c.Transcribe(segment=segment):
                    self.segments.append(segment)
                case c.AskEndpointing(question=question):
                    self.questions.append(question)
                case c.PrepareReply(reply=reply) | c.PrepareSpeech(reply=reply):
                    self.replies.append(reply)


def run(seed: int, *, hang_up: bool) -> tuple[TurnMachine, Ledger]:
    chaos, ledger = Chaos(seed), Ledger()
    machine = TurnMachine(chaos.random.choice(PLANS))

    def feed(event: e.Event) -> None:
        ledger.event(event)
        commands = machine.handle(event)
        chaos.learn(commands)
        for command in commands:
            ledger.command(command)
        assert (machine.deadline is None) == (machine.state is State.CLOSED), machine.state
        assert machine.deadline is None or machine.deadline > chaos.at, f"{machine.state} waits for the past"
        assert machine.armed <= TIMERS[machine.state], f"{machine.state} waits for {machine.armed}"

    feed(e.Started(0))
    feed(e.Answered(0))
    for _ in range(EVENTS):
        feed(chaos.next(machine))
    if hang_up:
        feed(e.CallEnded(chaos.at))
    for _ in range(2_000):
        if machine.deadline is None:
            break
        chaos.at = machine.deadline
        feed(e.TimePassed(chaos.at))
    return machine, ledger


@pytest.mark.parametrize("part", range(4))
def test_no_sequence_of_events_sticks_or_answers_twice(part: int) -> None:
    for seed in range(part, SEQUENCES, 4):
        hang_up = seed % 3 == 0
        try:
            machine, ledger = run(seed, hang_up=hang_up)
            assert machine.state is State.CLOSED
            ledger.close(ended_by_agent=not hang_up)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error


def test_every_event_is_among_the_random_ones() -> None:
    chaos = Chaos(1)
    made = {type(maker()) for maker in chaos.makers for _ in range(100)}
    assert made | {e.Started, e.Answered, e.CallEnded, e.TimePassed} == set(get_args(e.Event))


def test_every_rule_names_a_method() -> None:
    names = {name for rules in RULES.values() for name in rules.values()} | set(ALWAYS.values())
    timers = {f"_on_{timer}" for timers in TIMERS.values() for timer in timers}
    assert not [name for name in names | timers if not callable(getattr(TurnMachine, name, None))]


def test_every_state_but_the_last_can_be_left() -> None:
    assert set(NEXT) == set(TIMERS) == set(RULES) == set(State)
    assert all(NEXT[state] and TIMERS[state] for state in State if state is not State.CLOSED)
