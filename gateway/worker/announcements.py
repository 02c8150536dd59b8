"""What the user's servers and clients want to follow of a conversation while it goes on, as entries of the journal.

`speech` is told of every call. The rest is much, so that it is told only when the assistant's `serverMessages` name it,
or its `clientMessages`: those that it leaves out count as Vapi's default where the call has a client, on the web.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.server_message import openai_tool_call
from gateway.providers.base import ToolCall
from gateway.worker.journal import SessionJournal

HANG_SECONDS = 5.0
"""A caller who waits so long for an answer waits longer than usual."""
TRANSCRIPT, MODEL_OUTPUT, AGENT_SPEECH = "transcript", "model-output", "assistant.speechStarted"
_CLIENT_CALLS = ("webCall", "vapi.websocketCall")
_CLIENT_DEFAULT = frozenset({TRANSCRIPT, MODEL_OUTPUT})


def wanted(assistant: Mapping[str, Any], call: Mapping[str, Any]) -> frozenset[str]:
    """The messages that the assistant's JSON asks for, among those that are told on request."""
    named = [str(one).partition("[")[0] for one in assistant.get("serverMessages") or () if one != _FINAL]
    client = assistant.get("clientMessages")
    if isinstance(client, list):
        named += [str(one) for one in client]
    elif call.get("type") in _CLIENT_CALLS:
        named += _CLIENT_DEFAULT
    return frozenset(named)


_FINAL = 'transcript[transcriptType="final"]'


class Announcements:
    """Sees the events and the commands of one session.

    :param messages: as `wanted` gives them
    """

    def __init__(self, journal: SessionJournal, messages: Iterable[str], *, turn: int) -> None:
        self._journal = journal
        self._messages = frozenset(messages)
        self._turn = turn
        self._texts: dict[int, tuple[int, str]] = {}
        """Of utterances that were queued and are not heard yet, with their replies."""
        self._kinds: dict[int, c.SpeechKind] = {}
        self._said: dict[int, str] = {}
        self._speaking = False
        self._caller_speaks = False
        self._waiting: asyncio.TimerHandle | None = None

    @property
    def of_model(self) -> bool:
        """What the model gives is told, piece by piece."""
        return MODEL_OUTPUT in self._messages

    def model_output(self, turn: int, output: str | ToolCall) -> None:
        """A piece of a reply, or a tool call."""
        told = output if isinstance(output, str) else openai_tool_call(output)
        self._journal.write("model-output", turn=turn, output=told)

    def see(self, event: e.Event) -> None:
        """The turn machine is told this."""
        match event:
            case e.SpeechStarted() if not self._caller_speaks:
                self._caller_speaks = True
                self._speech("user", "started")
            case e.SpeechEnded() if self._caller_speaks:
                self._caller_speaks = False
                self._speech("user", "stopped")
            case e.PartialHeard(text=text) if text and TRANSCRIPT in self._messages:
                self._journal.write("partial", text=text)
            case e.UtteranceQueued(reply=reply, utterance=utterance, text=text):
                self._texts[utterance] = (reply, text)
            case e.KeyPressed(digit=digit):
                self._journal.write("key", digit=digit)
            case e.SayRequested(text=text, end_call_after=after, interruptible=interruptible):
                self._journal.write("say", text=text, end_call_after=after, interruptible=interruptible)
            case e.PlayoutReported(utterance=utterance, position=position) if position:
                self._heard(utterance)

    def done(self, command: c.Command) -> None:
        """It wants this."""
        match command:
            case c.CommitTurn(turn=turn):
                self._turn = turn
                self._wait()
            case c.PrepareSpeech(reply=reply, kind=kind):
                self._kinds[reply] = kind
            case c.CloseReply(reply=reply):
                self._said.pop(reply, None)
                self._kinds.pop(reply, None)
                if self._speaking:
                    self._speaking = False
                    self._speech("assistant", "stopped")

    def close(self) -> None:
        """The session is over."""
        if self._waiting is not None:
            self._waiting.cancel()

    def _heard(self, utterance: int) -> None:
        reply, text = self._texts.pop(utterance, (0, ""))
        if not reply:
            return
        self.close()
        if not self._speaking:
            self._speaking = True
            self._speech("assistant", "started")
        if AGENT_SPEECH in self._messages:
            self._said[reply] = f"{self._said.get(reply, '')} {text}".strip()
            source = "force-say" if reply in self._kinds else "model"
            self._journal.write("agent-speech", text=self._said[reply], turn=self._turn, source=source)

    def _wait(self) -> None:
        self.close()
        self._waiting = asyncio.get_running_loop().call_later(HANG_SECONDS, self._hang)

    def _hang(self) -> None:
        self._journal.write("hang", turn=self._turn)

    def _speech(self, role: str, status: str) -> None:
        self._journal.write("speech", role=role, status=status, turn=self._turn)
