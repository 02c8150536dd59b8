"""The books of the turn machine: who holds the floor, what is timed, what is to be done."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque

from gateway.conversation import commands as c
from gateway.conversation import endpointing, overlap
from gateway.conversation import events as e
from gateway.conversation.agent import AgentReply
from gateway.conversation.caller import CallerTurn, Segment
from gateway.conversation.commands import Command, SpeechKind
from gateway.conversation.endpointing_request import EndpointingRequest
from gateway.conversation.fillers import Fillers
from gateway.conversation.heard import SpokenUtterance
from gateway.conversation.plan import TurnPlan
from gateway.conversation.silence import Silence
from gateway.conversation.states import NEXT, TIMERS, State
from gateway.conversation.timers import Timers

TRANSCRIBE_MS = 100
"""Silence after which a segment is transcribed, in the hope that it is the turn's end."""
TRANSCRIPT_MS = 11_000
"""A transcript that has not come by then is given up: the transcribers do so a second earlier, and say why."""
SEGMENT_MS = 20_000
"""Speech without a pause is transcribed in pieces of this length."""
REPLY_MS = 15_000
"""A reply that shows nothing for this long has failed: the worker gives a model up earlier, and says so."""
PLAYOUT_MS = 3_000
"""An utterance that has audio and does not move for this long is cut."""
VOICE_MS = 10_000
"""The same for one that waits for its audio: the worker gives a voice up earlier, and says so."""
OPENING_MS = 180_000
ENDING_MS = 15_000
LAST_WORDS_MS = 8_000
"""The longest call may last this much longer, for a goodbye."""
ASIDE_MS = 1_500
"""An acknowledgement this short before the end of a question answers it."""
ONSET_LAG_MS = 250
"""The gateway's detector may be this much ahead of the worker's."""
REST_MS = 300
"""Between a decision for the agent and the next look at the same speech."""
SPECULATIONS = 4
"""Replies that are prepared in vain before the machine waits for the end of the turn."""


class Floor(ABC):
    """State and timers. A state is entered by `_enter` alone."""

    def __init__(self, plan: TurnPlan) -> None:
        self.state = State.OPENING
        self.turn = 0
        self.caller = CallerTurn(keypad=plan.keypad)
        self.reply: AgentReply | None = None
        self._plan = plan
        self._now = 0
        self._commands: list[Command] = []
        self._timers = Timers()
        self._pace = endpointing.CallerPace()
        self._taken_ms = 0
        self._last_id = 0
        self._closing: AgentReply | None = None
        self._expects = "anything"
        self._said = ""
        self._request = EndpointingRequest()
        self._speculations = 0
        self._says: deque[e.SayRequested] = deque()
        self._not_before = 0
        self._silence = Silence(plan.silence)
        self._fillers = Fillers(plan.fillers)
        self._asked_ms = 0
        self._covered_ms = 0
        self._reply_by = 0
        self._held = False
        self._listening = True
        self._tools: set[str] = set()
        self._covered_tools: set[str] = set()
        self._tools_until = 0
        self._pauses: dict[int, e.PauseNoticed] = {}
        self._last_pause = 0
        self._overlap_ms = 0
        self._decide_by_ms = 0
        self._overlap_text: str | None = None
        self._overlap_text_to = 0
        self._look: c.Transcribe | None = None
        self._burst_ms = 0
        self._overlapped_again = -1
        self._measured: e.SpeechMeasured | None = None
        self._aside: Segment | None = None
        self._ending: str | None = None
        self._leaving = False
        self._muted = False
        self._answer_wanted = False
        self._time_is_up = False
        self._failure: c.Fail | None = None
        self._timers.set("opening", OPENING_MS)

    @abstractmethod
    def _idle(self) -> None:
        """The agent has nothing to say: give the floor to whom it belongs."""

    def _enter(self, state: State) -> None:
        """Change the state: disarm what it does not wait for, arm what it always waits for."""
        if state is not self.state:
            assert state in NEXT[self.state], f"{self.state} → {state}"
            self.state = state
        self._timers.keep(TIMERS[state])
        now = self._now
        if state is State.WAITING:
            self._timers.set("silence", max(self._silence.next, now + 1))
        elif state is State.LISTENING:
            self._timers.set("segment", max(self.caller.onset_ms, now - SEGMENT_MS + 1) + SEGMENT_MS)
        elif state is State.THINKING:
            if self.reply is None or not self.reply.only_filled:
                self._reply_by = now + REPLY_MS
            self._timers.set("reply", max(self._reply_by, self._tools_until + REPLY_MS))
            self._arm_filler()
            self._watch_speech("reopen", self._plan.overlap.voice_ms)
        elif state is State.SPEAKING:
            self._expect_playout()
            self._watch_speech("overrun", overlap.DECIDE_MS, rest_ms=REST_MS)
        elif state is State.ENDING:
            self._timers.set("ending", now + ENDING_MS)

    def _arm_filler(self) -> None:
        """Cover the silence when nothing of the reply is heard for a while. On hold nobody hears it, or hears music."""
        if self._held:
            self._timers.clear("filler")
            return
        reply = self.reply
        if reply is not None and reply.kind is SpeechKind.REPLY and not reply.finished and not reply.filled:
            heard = bool(reply.utterances)
            self._timers.set("filler", self._fillers.due_ms(reply.turn, self._now, None if heard else self._asked_ms))

    @property
    def _covers(self) -> bool:
        """The agent only covers the wait for the words of a turn that is still to be taken."""
        return self.reply is not None and self.reply.kind is SpeechKind.COVER

    def _expect_playout(self) -> None:
        """What plays moves on soon; it may take longer when the voice has yet to make it, and on hold any time."""
        if self._held:
            self._timers.clear("playout")
            return
        playing = self.reply.playing if self.reply is not None else None
        waits_for_voice = playing is None or playing.dry
        self._timers.set("playout", self._now + (VOICE_MS if waits_for_voice else PLAYOUT_MS))

    def _watch_speech(self, timer: str, enough_ms: int, *, rest_ms: int = 1) -> None:
        """The caller speaks already while the agent gets the floor: look again when that was for long enough."""
        if self.caller.speaking and self.reply is not None and self.reply.interruptible:
            self._timers.set(timer, max(self._now + rest_ms, self.caller.onset_ms + enough_ms))

    def _emit(self, command: Command) -> None:
        self._commands.append(command)

    def _id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _is_committed(self, reply: int) -> bool:
        return self.reply is not None and self.reply.id == reply and self.reply.committed

    def _utterance(self, number: int) -> SpokenUtterance | None:
        for reply in (self.reply, self._closing):
            if reply is not None and number in reply.utterances:
                return reply.utterances[number]
        return None
