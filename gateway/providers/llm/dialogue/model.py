"""The dialogue engine as a language model.

It keeps nothing: every request's messages are played through the engine from the start, so a call can go on in another
worker, and what the caller did not hear does not matter.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from pydantic import BaseModel, ConfigDict

from gateway.providers.base import ChatMessage, ChatRequest, LanguageModel, ReplyEnd, ReplyPart, TextDelta, ToolCall
from gateway.providers.credentials import Credential
from gateway.providers.llm.dialogue.definition import Dialogue
from gateway.providers.llm.dialogue.engine import DialogueEngine
from gateway.providers.llm.dialogue.load import load_dialogue
from gateway.providers.llm.dialogue.state import Answer, DialogueState

PLAIN = Dialogue.model_validate(
    {
        "greeting": "Hello!",
        "fallback": "I am sorry, I cannot help with that yet: this assistant has no language model.",
        "intents": {
            "goodbye": {"patterns": [r"\b(good ?-?bye?|bye|hang up)\b"], "answer": "Goodbye!", "end_call": True},
        },
    }
)
"""Of an assistant that names no model where there is no key for one."""


class Options(BaseModel):
    """`file` is the dialogue's YAML file, `dialogue` the same written in place. Without either it is one that takes no
    requests."""

    model_config = ConfigDict(extra="forbid")

    file: Path | None = None
    dialogue: Dialogue | None = None


def make(options: Options, credential: Credential) -> LanguageModel:
    """The dialogue of the file.

    :raises ConfigError: the file cannot be read, or is wrong
    """
    return DialogueModel(load_dialogue(options.file) if options.file else options.dialogue or PLAIN)


class DialogueModel:
    """A dialogue behind the interface of a language model.

    :param clock: the time of day, for answers like "we are open now"
    """

    def __init__(self, dialogue: Dialogue, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._engine = DialogueEngine(dialogue)
        self._clock = clock

    async def reply(self, request: ChatRequest) -> AsyncGenerator[ReplyPart, None]:
        """The engine's answer to the last message. A tool that the request does not offer is not called."""
        answer = self._replay(request.messages)
        if answer.text:
            yield TextDelta(answer.text)
        action = answer.action
        if action is not None and any(tool.name == action.name for tool in request.tools):
            yield ToolCall(f"call_{uuid4().hex[:16]}", action.name, action.arguments)
        yield ReplyEnd(expects=answer.expects)

    def _replay(self, messages: Sequence[ChatMessage]) -> Answer:
        """The answer that is due after the last message."""
        now = self._clock()
        state, answer = DialogueState(), self._engine.greeting(now)
        tools: dict[str | None, str] = {}
        for message in messages:
            tools |= {call.id: call.name for call in message.tool_calls}
            if message.role == "user":
                state, answer = self._engine.heard(state, message.content, now)
            elif message.role == "tool":
                tool = tools.get(message.tool_call_id, "")
                state, answer = self._engine.result(state, tool, message.content, now)
        return answer
