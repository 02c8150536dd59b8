"""Vapi's hooks in a session: what is done when the caller is silent or interrupts, after a time, and at the end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from itertools import count
from typing import Any, Protocol

import structlog

from gateway.assistant.hooks import (
    Action,
    CallEndingHook,
    Hook,
    InterruptedHook,
    MessageAction,
    SayAction,
    TimeElapsedHook,
    ToolAction,
)
from gateway.conversation import commands as c
from gateway.conversation.context import Added
from gateway.conversation.events import AnswerRequested, Event, SayRequested
from gateway.conversation.templates import render
from gateway.errors import ConfigError, ProviderError
from gateway.providers.base import ChatMessage, ChatRequest, LanguageModel, TextDelta, ToolCall
from gateway.tools.kind import Surroundings
from gateway.tools.outcome import ToolOutcome
from gateway.tools.toolbox import GRACE_SECONDS, Toolbox
from gateway.worker.journal import SessionJournal

logger = structlog.get_logger(__name__)

ASK_SECONDS = 15.0
TOOK_FLOOR_MS = 1000
"""Who is interrupted so soon after beginning to answer has begun while the caller was not done."""
_ROLES = ("system", "user", "assistant")


class Hooked(Protocol):
    """The session, as hooks see it."""

    journal: SessionJournal

    def now(self) -> int:
        """Call clock, ms."""

    def dispatch(self, event: Event) -> None:
        """Tell the turn machine."""

    @property
    def turn(self) -> int:
        """The last turn that was taken."""


class Hooks:
    """Carries out the hooks of one assistant.

    :param around: what the tools of hooks run in
    :param goodbye: said when a hook ends the call
    :param ask: what the model says to these messages, behind the conversation
    :param spawn: starts a task that the session owns
    :param choose: one of several texts
    """

    def __init__(
        self,
        hooks: Sequence[Hook],
        *,
        session: Hooked,
        around: Surroundings,
        goodbye: str,
        ask: Callable[[Sequence[ChatMessage]], Awaitable[str]],
        spawn: Callable[..., asyncio.Task[Any]],
        choose: Callable[[Sequence[str]], str] = random.choice,
    ) -> None:
        self._hooks = hooks
        self._session = session
        self._around = around
        self._goodbye = goodbye
        self._ask = ask
        self._spawn = spawn
        self._choose = choose
        self._began_ms = 0
        self._interrupted = False
        self._clocks: list[asyncio.Task[None]] = []
        self._running: set[asyncio.Task[None]] = set()
        self._numbers = count(1)

    @property
    def busy(self) -> bool:
        """A hook is being carried out."""
        return bool(self._running)

    # ------------------------------------------------------------ what happens

    def run_clock(self) -> None:
        """The call was answered `session.now()` ago."""
        if self._clocks:
            return
        now = self._session.now()
        for hook in self._hooks:
            if isinstance(hook, TimeElapsedHook) and (left := hook.options.seconds - now / 1000) > 0:
                self._clocks.append(self._spawn(self._after(left, hook), name="hook on time"))

    async def _after(self, seconds: float, hook: Hook) -> None:
        await asyncio.sleep(seconds)
        self._start(hook)

    def watch(self, command: c.Command) -> None:
        """A command of the turn machine: a reply begins, or is interrupted, which counts once."""
        match command:
            case c.CommitReply():
                self._began_ms, self._interrupted = self._session.now(), False
            case c.CutUtterances(reason="interruption") | c.GiveVerdict(cut=True, reason="interruption" | "timeout"):
                if not self._interrupted:
                    self._interrupted = True
                    self._interruption()

    def _interruption(self) -> None:
        early = self._session.now() - self._began_ms < TOOK_FLOOR_MS
        on = "customer.speech.interrupted" if early else "assistant.speech.interrupted"
        for hook in self._hooks:
            if isinstance(hook, InterruptedHook) and hook.on == on:
                self._start(hook)

    def carry_out(self, number: int) -> None:
        """The hook of this number is due."""
        self._start(self._hooks[number])

    def ending(self, reason: str) -> None:
        """The call is over, for this endedReason. What other hooks began ends with it."""
        for task in [*self._clocks, *self._running]:
            task.cancel()
        for hook in self._hooks:
            if isinstance(hook, CallEndingHook) and hook.holds(reason):
                self._start(hook)

    async def close(self) -> None:
        """The session is over: what is done at the end may take a moment, then it is given up."""
        for clock in self._clocks:
            clock.cancel()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=GRACE_SECONDS)
            for task in late:
                task.cancel()

    # ------------------------------------------------------------ what is done

    def _start(self, hook: Hook) -> None:
        self._session.journal.note("hook", detail=f"{hook.on} {hook.name}".strip())
        task = self._spawn(self._do_all(hook), name=f"hook {hook.on}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _do_all(self, hook: Hook) -> None:
        """One action after the other: what one says is in the queue before the next begins."""
        for action in hook.do:
            try:
                await self._do(action)
            except (ConfigError, ProviderError, TimeoutError) as error:
                why = str(error) or f"no answer within {ASK_SECONDS:.0f} s"
                logger.warning("hook failed", on=hook.on, error=why)
                self._session.journal.note("hook-failed", detail=f"{hook.on}: {why}")

    async def _do(self, action: Action) -> None:
        match action:
            case SayAction(exact=[_, *_] as texts):
                self._say(self._rendered(self._choose(texts)))
            case SayAction(prompt=prompt):
                async with asyncio.timeout(ASK_SECONDS):
                    self._say(await self._ask(self._prompted(prompt)))
            case MessageAction(message=message):
                role = message.role if message.role in _ROLES else "system"
                text = self._rendered(message.content)
                wanted = {"answer": True} if action.trigger_response_enabled else {}
                self._session.journal.record(Added(self._session.turn, role, text), **wanted)
                if action.trigger_response_enabled:
                    self._session.dispatch(AnswerRequested(self._session.now()))
            case ToolAction(tool=tool) if tool.type == "endCall":
                self._say(self._goodbye, end_call=True)
            case ToolAction():
                await self._use(action)

    async def _use(self, action: ToolAction) -> None:
        """Run a tool. The model asked for nothing, so it gets no arguments but those that the tool itself has."""
        toolbox = Toolbox([action.tool], self._around, spawn=self._spawn)
        names = [definition.name for definition in toolbox.definitions]
        if not names:
            raise ConfigError(f"the tool {action.tool.type} is not carried out here")
        id_ = f"hook-{self._session.now()}-{next(self._numbers)}"
        call = ToolCall(id_, names[0], {})
        try:
            outcome: ToolOutcome = await toolbox.run(call, self._session.turn, 0, _Said(self._say))
        except asyncio.CancelledError:
            await toolbox.close()
            raise
        if outcome.say or outcome.ended_reason:
            self._say(outcome.say or self._goodbye, end_call=bool(outcome.ended_reason))

    def _say(self, text: str, *, end_call: bool = False) -> None:
        if text.strip():
            self._session.dispatch(SayRequested(self._session.now(), text, end_call_after=end_call))

    def _prompted(self, prompt: str | Sequence[Mapping[str, Any]] | None) -> list[ChatMessage]:
        if isinstance(prompt, str):
            return [ChatMessage("system", self._rendered(prompt))]
        texts = [(str(one.get("role", "system")), one.get("content") or one.get("message")) for one in prompt or ()]
        return [ChatMessage(role, self._rendered(str(text or ""))) for role, text in texts]

    def _rendered(self, text: str) -> str:
        return render(text, self._around.port.variables)


class _Said:
    """What a hook's tool says while it runs."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def say(self, text: str, *, interruptible: bool = True) -> None:
        """As soon as the assistant has the floor."""
        self._say(text)

    async def heard(self) -> None:
        """At once: it is said beside the tool."""


async def written(model: LanguageModel, request: ChatRequest) -> str:
    """What a model answers, as one text.

    :raises ProviderError: it does not
    """
    async with aclosing(model.reply(request)) as parts:  # type: ignore[type-var]  # every model is a generator
        return "".join([part.text async for part in parts if isinstance(part, TextDelta)]).strip()
