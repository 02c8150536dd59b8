"""One call with one fault: what became of it, and what is left afterwards."""

from __future__ import annotations

import asyncio
import contextvars
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, cast

from gateway.conversation.fillers import HOLD, FillerPlan
from gateway.providers.credentials import Credentials
from gateway.providers.registry import Providers
from tests.providers.emulators.emulator import Emulator, running
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.tone_words import decode, sounds_like
from tests.providers.faults.caller import QUESTIONS, Recordings
from tests.providers.faults.kinds import SEGMENT_STT, WEB_SOCKET_TTS, ProviderKind, World
from tests.providers.faults.stages import GREETING, AnsweringModel, Answers, RecordedTranscriber, answer_to
from tests.worker.peer import PeerCall, attached, served

_TURN_SECONDS = 20.0
_INTO_SPEECH_SECONDS = 0.6
_INTO_ANSWER_SECONDS = 0.3
_BEGINNING = ["(the", "call", "begins.)"]
"""What a model is told that is not to begin a conversation itself."""
_FILLERS = {*FillerPlan().phrases, HOLD}

_TRIAL: contextvars.ContextVar[str] = contextvars.ContextVar("trial", default="")
_TASKS: weakref.WeakKeyDictionary[asyncio.Task[Any], str] = weakref.WeakKeyDictionary()


class Moment(Enum):
    """When the fault begins."""

    CALL_STARTS = "call start"
    CALLER_SPEAKS = "caller speaks"
    THINKING = "thinking"
    AGENT_SPEAKS = "agent speaks"


@dataclass(frozen=True, slots=True)
class Case:
    """:param stand_in: whether another is configured"""

    kind: ProviderKind
    moment: Moment
    fault: Kind
    stand_in: bool

    def __str__(self) -> str:
        stand_in = "stand-in" if self.stand_in else "alone"
        return f"{self.kind.title}, {self.moment.value}, {self.fault.value}, {stand_in}"


@dataclass
class Outcome:
    """:param reason: why the call ended, empty when it went on
    :param silence_ms: after each question, until the caller heard something
    :param problems: what must not be: words lost or heard twice, a wrong context, something left behind"""

    reason: str = ""
    silence_ms: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def expect(self, holds: bool, problem: str) -> None:
        if not holds:
            self.problems.append(problem)


async def run(case: Case, recordings: Recordings) -> Outcome:
    """Hold the call: a greeting, a question and its answer, and another one; the fault begins at its moment."""
    outcome, name = Outcome(), str(case)
    AnsweringModel.minds[name] = answers = Answers()
    RecordedTranscriber.known = recordings
    world = World(recordings, answers)
    async with AsyncExitStack() as outer, AsyncExitStack() as first:
        emulators = [provider.emulator(world) for provider in case.kind.providers(stand_in=case.stand_in)]
        if case.moment is Moment.CALL_STARTS:
            emulators[0].fault = _fault(case)
        for emulator, stack in zip(emulators, (first, outer), strict=False):
            await stack.enter_async_context(running(emulator))
        _TRIAL.set(name)
        async with _call(case, emulators) as call:
            conversation = _Conversation(case, call, emulators[0], first, outcome)
            await conversation.hold(recordings)
            _check_texts(conversation, answers, outcome)
        _TRIAL.set("")
        await _check_leftovers(name, emulators, outcome)
    return outcome


@asynccontextmanager
async def _call(case: Case, emulators: list[Emulator]) -> AsyncIterator[PeerCall]:
    """A call that is started, on a worker of its own: circuits of one trial are not those of another."""
    providers = case.kind.providers(stand_in=case.stand_in)
    credentials = [provider.credential(emulator) for provider, emulator in zip(providers, emulators, strict=True)]
    made = Providers(Credentials(credentials, environ={}))
    async with served(providers=made) as (worker, address), attached(address) as peer:
        call = peer.call()
        call.start(case.kind.assistant(str(case), stand_in=case.stand_in))
        yield call
        call.end()
        async with asyncio.timeout(15):
            await worker.idle.wait()
        await made.close()


def _fault(case: Case) -> Fault:
    """What is asked for in one piece is not answered in part."""
    after = 0 if case.kind is SEGMENT_STT else 2
    slow = 0.5 if case.kind is WEB_SOCKET_TTS else 1.0
    return Fault(case.fault, after=after, seconds=20.0 if case.fault is Kind.RATE_LIMITED else slow)


class _Conversation:
    """The caller's side."""

    def __init__(
        self, case: Case, call: PeerCall, emulator: Emulator, server: AsyncExitStack, outcome: Outcome
    ) -> None:
        self._case = case
        self.call = call
        self._emulator = emulator
        self._server = server
        self._outcome = outcome
        self.asked: list[str] = []
        """What the caller said."""

    async def hold(self, recordings: Recordings) -> None:
        if await self._until(lambda: bool(self.call.of("accepted"))):
            self.call.answer()
            if await self._until(lambda: self.turns >= 1):
                for number, question in enumerate(QUESTIONS):
                    if not await self._ask(question, recordings[question], faulty=number == 0):
                        break
        self._outcome.reason = self.reason

    async def _ask(self, question: str, pcm: bytes, *, faulty: bool) -> bool:
        """Whether it was answered."""
        self.asked.append(question)
        before, heard = self.turns, len(self._sounding)
        ends_ms = self.call.speak(pcm)
        if faulty and self._case.moment is Moment.CALLER_SPEAKS:
            await asyncio.sleep(_INTO_SPEECH_SECONDS)
            await self._strike()
        await self.call.until(lambda: self.call.now >= ends_ms)
        if faulty and self._case.moment is Moment.THINKING:
            await self._strike()
        await self._until(lambda: len(self._sounding) > heard)
        self._outcome.silence_ms.append(self.call.now - ends_ms)
        if faulty and self._case.moment is Moment.AGENT_SPEAKS:
            await asyncio.sleep(_INTO_ANSWER_SECONDS)
            await self._strike()
        return await self._until(lambda: self.turns > before)

    async def _strike(self) -> None:
        if self._case.fault is Kind.REFUSE:
            await self._server.aclose()
        else:
            await self._emulator.strike(_fault(self._case))

    async def _until(self, condition: Callable[[], bool]) -> bool:
        """Wait for it; False when the call ended instead, or nothing happened."""
        try:
            await self.call.until(lambda: condition() or self.reason, _TURN_SECONDS)
        except TimeoutError:
            self._outcome.problems.append("nothing happened")
            return False
        return condition()

    @property
    def turns(self) -> int:
        """Of the agent, that are over."""
        return len(self.told)

    @property
    def told(self) -> list[str]:
        """What was heard in them, as the journal has it; what only covers a silence is no turn."""
        heard = [_without_fillers(turn["heard"]) for turn in self.call.journal("agent-turn")]
        return [text for text in heard if text]

    @property
    def reason(self) -> str:
        """Why the call ended, if it did."""
        hangups = [action.hangup.reason for action in self.call.of("action") if action.HasField("hangup")]
        failures = [failure.reason for failure in self.call.of("failure")]
        refusals = [f"refused: {refused.reason}" for refused in self.call.of("refused")]
        return next(iter([*hangups, *failures, *refusals]), "")

    @property
    def _sounding(self) -> list[int]:
        """The utterances of which something was heard."""
        return [said.id for said in self.call.utterances.values() if any(said.pcm[: said.position * 2])]

    def tolerance(self, turn: int) -> int:
        """Words that may be heard twice or not at all: where a voice that tells no times is changed in a text, the
        place is reckoned."""
        case = self._case
        return int(turn == 1 and case.moment is Moment.AGENT_SPEAKS and case.kind.estimates)

    def played(self, turn: int) -> list[str]:
        """The words that the caller heard in the answer to a turn."""
        spoken = [said for said in self.call.utterances.values() if said.turn == turn and said.text not in _FILLERS]
        return [word for said in spoken for word, *_ in decode(bytes(said.pcm[: said.position * 2]))]


def _check_texts(conversation: _Conversation, answers: Answers, outcome: Outcome) -> None:
    call = conversation.call
    heard = [turn["text"] for turn in call.journal("caller-turn")]
    whole = not outcome.reason
    asked = conversation.asked
    outcome.expect(heard == asked[: len(heard)] and (len(heard) == len(asked) or not whole), f"understood {heard}")
    if not whole or len(asked) < len(QUESTIONS):
        return
    for turn, question in enumerate(asked, 1):
        words, played = sounds_like(answer_to(question)), conversation.played(turn)
        outcome.expect(_same(played, words, conversation.tolerance(turn)), f"played {played}")
        told = "".join(conversation.told[turn : turn + 1])
        outcome.expect(_words(told) == _words(answer_to(question)), f"told {told!r}")
    known = [GREETING, asked[0], answer_to(asked[0]), asked[1]]
    conversations = answers.asked or [[]]
    said = [_words(_without_fillers(text)) for role, text in conversations[-1] if role in ("user", "assistant")]
    last = [words for words in said if words and words != _BEGINNING]
    outcome.expect(last[: len(known)] == list(map(_words, known)), f"context {last}")


def _same(played: list[str], words: list[str], tolerance: int) -> bool:
    """Whether the one becomes the other by taking out, or putting in, so many neighbours at most."""
    longer, shorter = (played, words) if len(played) >= len(words) else (words, played)
    extra = len(longer) - len(shorter)
    return extra <= tolerance and any(longer[:at] + longer[at + extra :] == shorter for at in range(len(shorter) + 1))


def _without_fillers(text: str) -> str:
    for filler in _FILLERS:
        text = text.replace(filler, "")
    return text.strip()


def _words(text: str) -> list[str]:
    return [word.strip(".,").lower() for word in text.split()]


# ---------------------------------------------------------------- what is left


def note_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """From now on it is known to which trial a task belongs."""

    def make(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(coroutine, loop=loop, **options)
        context = options.get("context")
        _TASKS[task] = context.get(_TRIAL, "") if context is not None else _TRIAL.get()
        return task

    loop.set_task_factory(cast(Any, make))


async def _check_leftovers(name: str, emulators: list[Emulator], outcome: Outcome) -> None:
    """Neither a task of the trial nor a socket to its emulators, a moment later."""
    for _ in range(100):
        tasks = [task for task, trial in list(_TASKS.items()) if trial == name and not task.done()]
        sockets = [emulator for emulator in emulators if _connections_to(emulator.port)]
        if not tasks and not sockets:
            return
        await asyncio.sleep(0.02)
    outcome.expect(not tasks, f"tasks are left: {[task.get_coro() for task in tasks]}")
    outcome.expect(not sockets, f"sockets are left: {[type(emulator).__name__ for emulator in sockets]}")


_HELD = {"01", "02", "08"}
"""Established, being opened, and closed by the other side alone (proc(5), include/net/tcp_states.h)."""


def _connections_to(port: int) -> int:
    """Connections to a port of this machine that the client has not closed."""
    rows = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    return sum(int(row[2].rpartition(":")[2], 16) == port and row[3] in _HELD for row in rows)
