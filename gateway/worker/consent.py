"""The session that asks whether the call may be recorded, before the assistant has the call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from gateway.assistant.artifact_plan import RecordingConsentPlan
from gateway.assistant.tool import RecordingConsentTool, ToolBase
from gateway.conversation.commands import CloseReply
from gateway.conversation.templates import render
from gateway.errors import ProviderError
from gateway.providers.base import ChatMessage, ChatRequest, LanguageModel, ReplyEnd, ReplyPart, TextDelta, ToolCall
from gateway.recording.consent import ANSWER_TOOL, JUDGE, Answer, answer_of, judged
from gateway.tools.port import Done
from gateway.worker.journal import SessionJournal
from gateway.worker.opening import Opening
from gateway.worker.tool_port import HandOff

MOST_QUESTIONS = 3
"""An answer that is unclear so often is no consent."""
JUDGE_SECONDS = 8.0
Spawn = Callable[..., asyncio.Task[Any]]
BEGIN: dict[str, str] = {"type": ANSWER_TOOL}
"""As a destination: the assistant that the caller wanted."""


class Consent:
    """Asks, takes the answer, and gives the call to the assistant.

    It is the language model of its session: what the caller says comes to it as a request for a reply. A reply may be
    made and never heard, so what follows from an answer is a tool call, which only a reply that counts makes.

    :param plan: its message rendered
    :param model: of the assistant, asked about answers that are not plain
    :param tell: journals the answer
    :param proceed: gives the call to the assistant
    :param spawn: starts a task that the session owns
    """

    def __init__(
        self,
        plan: RecordingConsentPlan,
        model: LanguageModel,
        *,
        tell: Callable[[bool], None],
        proceed: Callable[[], Awaitable[Done]],
        spawn: Spawn,
    ) -> None:
        self._plan = plan
        self._model = model
        self._tell = tell
        self._proceed = proceed
        self._spawn = spawn
        self._waiting: asyncio.Task[Any] | None = None

    def closed(self, reply: CloseReply) -> None:
        """What was being said is over: whoever was told, and stays on the line from here on, consents by that."""
        told = bool(reply.text) and not reply.interrupted
        if self._plan.type == "stay-on-line" and told and self._waiting is None:
            self._waiting = self._spawn(self._wait(), name="consent to the recording")

    async def answer(self, *, granted: bool) -> Done:
        """The caller said yes or no. Without a consent the assistant has the call, too, unless a tool is to be used."""
        self._tell(granted)
        if not granted and self._plan.decline_tool:
            return Done(True, "The caller declined.")
        return await self._proceed()

    async def reply(self, request: ChatRequest) -> AsyncIterator[ReplyPart]:
        """The caller said something, or the answer has been taken."""
        answered = next((one for one in reversed(request.messages) if one.role == "tool"), None)
        if answered is not None:
            async for part in self._decline(request):
                yield part
        elif not (asked := sum(one.role == "assistant" for one in request.messages)):
            yield TextDelta(self._plan.message)
        elif self._plan.type == "stay-on-line":
            yield TextDelta("" if self._waiting is not None else self._plan.message)
        else:
            async for part in self._judge(request, asked):
                yield part
        yield ReplyEnd()

    async def _decline(self, request: ChatRequest) -> AsyncIterator[ReplyPart]:
        """Use the tool for it, once."""
        used = {call.name for one in request.messages for call in one.tool_calls}
        tool = next((one.name for one in request.tools if one.name not in used), None)
        yield ToolCall("recording-declined", tool, {}) if tool else TextDelta("")

    async def _judge(self, request: ChatRequest, asked: int) -> AsyncIterator[ReplyPart]:
        said = next((one.content for one in reversed(request.messages) if one.role == "user"), "")
        answer = answer_of(said)
        if answer is Answer.UNCLEAR:
            yield TextDelta("")
            answer = await self._ask(said, request)
        if answer is Answer.UNCLEAR and asked < MOST_QUESTIONS:
            yield TextDelta(self._plan.message)
        else:
            yield ToolCall("recording-consent", ANSWER_TOOL, {"granted": answer is Answer.YES})

    async def _ask(self, said: str, request: ChatRequest) -> Answer:
        question = ChatMessage("system", JUDGE.format(question=self._plan.message))
        asked = ChatRequest([question, ChatMessage("user", said)], context=request.context)
        words = ""
        try:
            async with asyncio.timeout(JUDGE_SECONDS):
                async for part in self._model.reply(asked):
                    words += part.text if isinstance(part, TextDelta) else ""
        except (ProviderError, TimeoutError):
            return Answer.UNCLEAR
        return judged(words)

    async def _wait(self) -> None:
        await asyncio.sleep(self._plan.wait_seconds)
        await self.answer(granted=True)


def consent_of(
    opening: Opening, model: LanguageModel, journal: SessionJournal, hand_off: HandOff, spawn: Spawn
) -> Consent | None:
    """That of a session that asks for it."""
    plan = opening.consent
    if plan is None:
        return None
    return Consent(
        plan.model_copy(update={"message": render(plan.message, opening.variables)}),
        model,
        tell=lambda granted: journal.write("recording-consent", type=plan.type, granted=granted),
        proceed=lambda: hand_off(BEGIN),
        spawn=spawn,
    )


def consent_tools(opening: Opening) -> Sequence[ToolBase]:
    """What such a session has beside the tools of its assistant."""
    return [RecordingConsentTool()] if opening.consent is not None else []
