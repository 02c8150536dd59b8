"""Conversations as scripts: a turn machine with a clock, and the parties' usual moves."""

from __future__ import annotations

from typing import TypeVar

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.overlap import OverlapPlan
from gateway.conversation.plan import TurnPlan
from gateway.conversation.states import State
from gateway.conversation.turn import TurnMachine

Wanted = TypeVar("Wanted", bound=c.Command)

ACKNOWLEDGEMENTS = ("okay", "mhm", "yes")
PLAN = TurnPlan(wait_ms=400, overlap=OverlapPlan(acknowledgements=ACKNOWLEDGEMENTS, interruptions=("stop", "wait")))


class Talk:
    """A machine with a clock: `at` moves time and lets every deadline on the way pass."""

    def __init__(self, plan: TurnPlan = PLAN, *, answered: bool = True, started: e.Started | None = None) -> None:
        self.machine = TurnMachine(plan)
        self.now = 0
        self.all: list[c.Command] = []
        self.last: list[c.Command] = []
        self.utterance = 0
        self.feed(started or e.Started(0))
        if answered:
            self.feed(e.Answered(0))

    def feed(self, event: e.Event) -> list[c.Command]:
        self.last = self.machine.handle(event)
        self.all += self.last
        return self.last

    def at(self, ms: int) -> list[c.Command]:
        """Let time pass until `ms`; returns what came of it."""
        passed: list[c.Command] = []
        while (deadline := self.machine.deadline) is not None and deadline <= ms:
            passed += self.feed(e.TimePassed(deadline))
        self.now = ms
        self.last = passed
        return passed

    def of(self, kind: type[Wanted]) -> list[Wanted]:
        return [command for command in self.all if isinstance(command, kind)]

    def in_state(self, state: State) -> bool:
        return self.machine.state is state

    # ------------------------------------------------------------ what parties do

    def caller_says(self, text: str, start: int, end: int) -> None:
        """Speech, its end noticed 120 ms late, its transcript 150 ms after it was asked for."""
        self.at(start + 60)
        self.feed(e.SpeechStarted(self.now, start))
        self.at(end + 120)
        self.feed(e.SpeechEnded(self.now, end))
        self.at(end + 160)
        asked = self.of(c.Transcribe)[-1]
        self.at(end + 310)
        self.feed(e.Transcribed(self.now, asked.segment, text))

    def agent_says(self, *texts: str, finished: bool = True, interruptible: bool = True) -> int:
        """The committed reply is queued, clause by clause; returns its id."""
        reply = self.of(c.CommitReply)[-1].reply
        for text in texts:
            self.utterance += 1
            self.feed(e.UtteranceQueued(self.now, reply, self.utterance, text, interruptible))
            self.feed(e.UtteranceVoiced(self.now, self.utterance, 8000, True))
        if finished:
            self.feed(e.ReplyFinished(self.now, reply))
        return reply

    def played(self, utterance: int, position: int = 8000, state: e.PlayoutState = e.PlayoutState.FINISHED) -> None:
        self.feed(e.PlayoutReported(self.now, utterance, position, state))

    def paused(self, onset: int, position: int) -> None:
        self.feed(e.PauseNoticed(self.now, 1, onset, self.utterance, position, onset + 800))


def speaking(*texts: str, interruptible: bool = True) -> Talk:
    """A talk in which the agent has begun to answer at 2000 ms."""
    talk = Talk()
    talk.caller_says("what time is it", 1000, 1400)
    talk.at(2000)
    talk.agent_says(*(texts or ("It is half past ten in the morning.",)), interruptible=interruptible)
    assert talk.in_state(State.SPEAKING)
    return talk
