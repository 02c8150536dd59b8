"""A recorded conversation once more with another plan: what would have happened.

The caller does what was recorded, when it was recorded. Transcripts, replies and their playout come as long after the
machine asked for them, or committed them, as they came then, though that may be at another moment and under another
id. What was never recorded is not invented: a transcript that was not asked for then is empty, and a reply has no
words. Nor does the caller react to what is new, so the further from the first difference, the less it tells.
"""

from __future__ import annotations

import heapq
import itertools
import sys
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.plan import TurnPlan
from gateway.conversation.recording import Recording, Step
from gateway.conversation.replay import ReplayedStep
from gateway.conversation.turn import TurnMachine

Value = TypeVar("Value")

LATE_MS = 60
"""A timer that was recorded up to this long after its deadline is the same one."""
EMPTY_TEXT_MS = 200
CUT_MS = 20
REPORTED_MS = 500
"""The end of what was cut then was reported by this time."""


def rehearse(recording: Recording, plan: TurnPlan) -> list[ReplayedStep]:
    """The steps with what was decided then and what is decided with `plan`, in the order of time. A decision that moved
    stands at both moments; commands have the ids that they had then."""
    return _Rehearsal(recording, plan).run()


@dataclass(slots=True)
class _Reply:
    """A reply as it was recorded: when it was prepared and committed, and the steps that tell of it."""

    prepared: c.PrepareReply | c.PrepareSpeech
    prepared_ms: int
    committed_ms: int | None = None
    steps: list[Step] = field(default_factory=list)


class _Rehearsal:
    def __init__(self, recording: Recording, plan: TurnPlan) -> None:
        self._machine = TurnMachine(plan)
        self._due: list[tuple[int, int, e.Event, Step | None]] = []
        self._places: dict[int, tuple[int, int]] = {}
        """Of each step: the time that the machine took it for, which never runs backwards, and its number."""
        self._numbers = itertools.count(len(recording.steps))
        self._now = 0
        self._replies: dict[int, _Reply] = {}
        self._answers: dict[tuple[str, int], tuple[c.Command, int, Step | None]] = {}
        self._timers: list[Step] = []
        self._then: dict[tuple[str, int], int] = {}
        """The id then of each id now, by the field that holds it."""
        self._unpaired: dict[int, Step] = {id(step): step for step in recording.steps if step.commands}
        self._done: list[tuple[int, int, ReplayedStep]] = []
        self._read(recording.steps)

    # ------------------------------------------------------------ what was recorded

    def _read(self, steps: Iterable[Step]) -> None:
        owners: dict[int, int] = {}
        at = 0
        for number, step in enumerate(steps):
            at = max(at, step.event.at)
            self._places[id(step)] = (at, number)
            self._place(step, owners)
            for command in step.commands:
                self._note(command, at)
        self._last_ms = at

    def _place(self, step: Step, owners: dict[int, int]) -> None:
        """Keep a step for its time (the caller's), for its reply, for its question, or as a timer."""
        event = step.event
        match event:
            case e.TimePassed():
                self._timers.append(step)
            case e.Transcribed(segment=number):
                self._answered("segment", number, step)
            case e.EndpointingAnswered(question=number):
                self._answered("question", number, step)
            case e.UtteranceQueued(reply=reply, utterance=utterance):
                owners[utterance] = reply
                self._belongs(reply, step)
            case e.UtteranceVoiced(utterance=utterance) | e.PlayoutReported(utterance=utterance):
                self._belongs(owners.get(utterance, 0), step)
            case e.ReplyFinished() | e.ReplyFailed() | e.ToolStarted() | e.ToolEnded() | e.EndRequested():
                self._belongs(event.reply, step)
            case _:
                self._repeat(step, 0)

    def _answered(self, name: str, number: int, step: Step) -> None:
        if known := self._answers.get((name, number)):
            self._answers[name, number] = (known[0], known[1], step)

    def _belongs(self, reply: int, step: Step) -> None:
        if reply in self._replies:
            self._replies[reply].steps.append(step)

    def _note(self, command: c.Command, at: int) -> None:
        match command:
            case c.Transcribe(segment=number):
                self._answers["segment", number] = (command, at, None)
            case c.AskEndpointing(question=number):
                self._answers["question", number] = (command, at, None)
            case c.PrepareReply() | c.PrepareSpeech():
                self._replies[command.reply] = _Reply(command, at)
            case c.CommitReply(reply=reply) if reply in self._replies:
                self._replies[reply].committed_ms = at

    # ------------------------------------------------------------ time

    def run(self) -> list[ReplayedStep]:
        """Live it to its end, or to the last moment that was recorded."""
        while True:
            until = self._due[0][:2] if self._due else (self._last_ms + 1, 0)
            deadline = self._machine.deadline
            if deadline is not None and (timer := self._timer(deadline))[:2] < until:
                self._take(*timer)
            elif self._due:
                self._take(*heapq.heappop(self._due))
            else:
                break
        for step in self._unpaired.values():
            self._done.append((*self._places[id(step)], ReplayedStep(step.event, step.commands, (), None, None)))
        return [step for _, _, step in sorted(self._done, key=lambda done: done[:2])]

    def _timer(self, deadline: int) -> tuple[int, int, e.Event, Step | None]:
        """The timer that was recorded for this deadline, some ms late as it was; else one in time."""
        index = bisect_left(self._timers, deadline, key=lambda step: step.event.at)
        if index < len(self._timers) and self._timers[index].event.at <= deadline + LATE_MS:
            step = self._timers[index]
            return (*self._places[id(step)], step.event, step)
        return (deadline, sys.maxsize, e.TimePassed(deadline), None)

    def _push(self, at: int, event: e.Event) -> None:
        """Something that was never recorded."""
        heapq.heappush(self._due, (at, next(self._numbers), event, None))

    def _repeat(self, step: Step, shift_ms: int, **ids: int) -> None:
        """A recorded step, this much later than then."""
        at, number = self._places[id(step)]
        event = _changed(step.event, {**({"at": at + shift_ms} if shift_ms else {}), **ids})
        heapq.heappush(self._due, (at + shift_ms, number, event, step))

    def _take(self, at: int, number: int, event: e.Event, step: Step | None) -> None:
        """Feed the machine. A step that comes when it came is compared with what it gave then."""
        self._now = max(self._now, at)
        commands = self._machine.handle(event)
        recorded: tuple[c.Command, ...] = ()
        if step is not None and self._places[id(step)][0] == at:
            recorded = step.commands
            self._unpaired.pop(id(step), None)
        for command in commands:
            self._answer(command, self._now)
        now = tuple(self._as_then(command) for command in commands)
        replayed = ReplayedStep(event, recorded, now, self._machine.deadline, self._machine.state)
        self._done.append((self._now, number, replayed))

    # ------------------------------------------------------------ the parties' answers

    def _answer(self, command: c.Command, at: int) -> None:
        match command:
            case c.Transcribe():
                self._answer_question("segment", command.segment, command, at)
            case c.AskEndpointing():
                self._answer_question("question", command.question, command, at)
            case c.PrepareReply() | c.PrepareSpeech():
                self._prepare(command, at)
            case c.CommitReply(reply=reply):
                self._commit(reply, at)
            case c.StopReply(reply=reply):
                self._due = [entry for entry in self._due if getattr(entry[2], "reply", None) != reply]
                heapq.heapify(self._due)
            case c.CutUtterances(up_to=up_to):
                self._cut(up_to, at)

    def _answer_question(self, name: str, number: int, asked: Any, at: int) -> None:
        """The answer to the recorded question that is most like this one, as long after it."""
        alike = [
            (_overlap_ms(then, asked), -abs(then.end_ms - asked.end_ms), key)
            for (kind, key), (then, _, _) in self._answers.items()
            if kind == name and isinstance(then, c.Transcribe | c.AskEndpointing)
        ]
        best = max(alike, default=(0, 0, 0))
        _, asked_ms, step = self._answers[name, best[2]] if best[0] > 0 else (asked, at, None)
        if best[0] > 0:
            self._then[name, number] = best[2]
        if step is not None:
            self._repeat(step, at - asked_ms, **{name: number})
        elif name == "segment":
            self._push(at + EMPTY_TEXT_MS, e.Transcribed(at + EMPTY_TEXT_MS, number, ""))

    def _prepare(self, prepared: c.PrepareReply | c.PrepareSpeech, at: int) -> None:
        """Find the reply that was recorded to the same text, best one that was heard, best of the same turn."""
        free = set(self._replies) - {then for (name, _), then in self._then.items() if name == "reply"}
        alike = [
            (reply.committed_ms is not None, reply.prepared.turn == prepared.turn, -number, number)
            for number, reply in self._replies.items()
            if number in free and type(reply.prepared) is type(prepared) and reply.prepared.text == prepared.text
        ]
        if not alike:
            return
        number = max(alike)[-1]
        self._then["reply", prepared.reply] = number
        reply = self._replies[number]
        early = [s for s in reply.steps if reply.committed_ms is None or self._before(s, reply.committed_ms)]
        self._tell(prepared.reply, early, at - reply.prepared_ms)

    def _commit(self, number: int, at: int) -> None:
        reply = self._replies.get(self._then.get(("reply", number), 0))
        if reply is None or reply.committed_ms is None:
            self._push(at, e.ReplyFinished(at, number))
            return
        later = [step for step in reply.steps if not self._before(step, reply.committed_ms)]
        self._tell(number, later, at - reply.committed_ms)

    def _before(self, step: Step, at: int) -> bool:
        return self._places[id(step)][0] < at

    def _tell(self, number: int, steps: Iterable[Step], shift_ms: int) -> None:
        for step in steps:
            self._repeat(step, shift_ms, **({"reply": number} if hasattr(step.event, "reply") else {}))

    def _cut(self, up_to: int, at: int) -> None:
        """What plays ends, unless its end came at this moment anyway."""
        of_it = [entry for entry in self._due if getattr(entry[2], "utterance", up_to + 1) <= up_to]
        if all(step is not None and self._places[id(step)][0] == when for when, _, _, step in of_it):
            ends = (e.PlayoutState.CUT, e.PlayoutState.FINISHED)
            soon = [entry[2] for entry in of_it if entry[0] <= at + REPORTED_MS]
            if any(isinstance(event, e.PlayoutReported) and event.state in ends for event in soon):
                return
        self._due = [entry for entry in self._due if entry not in of_it]
        heapq.heapify(self._due)
        for utterance in {entry[2].utterance for entry in of_it if isinstance(entry[2], e.PlayoutReported)}:
            positions = [
                step.event.position
                for _, _, step in self._done
                if isinstance(step.event, e.PlayoutReported) and step.event.utterance == utterance
            ]
            cut = e.PlayoutReported(at + CUT_MS, utterance, max(positions, default=0), e.PlayoutState.CUT)
            self._push(at + CUT_MS, cut)

    def _as_then(self, command: c.Command) -> c.Command:
        """The command with the ids that were recorded for the same things."""
        changes: dict[str, Any] = {
            name: self._then[name, number]
            for name in ("segment", "question", "reply")
            if (number := getattr(command, name, None)) is not None and (name, number) in self._then
        }
        return _changed(command, changes)


def _changed(value: Value, changes: dict[str, Any]) -> Value:
    return replace(value, **changes) if changes else value  # type: ignore[type-var]


def _overlap_ms(then: c.Transcribe | c.AskEndpointing, now: c.Transcribe | c.AskEndpointing) -> int:
    return min(then.end_ms, now.end_ms) - max(then.start_ms, now.start_ms)
