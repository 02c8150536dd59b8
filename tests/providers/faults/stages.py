"""Those who do the stages that a trial is not about, in this process and at once; and what all models answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from gateway.media.audio import SAMPLE_BYTES, ms_to_samples
from gateway.providers.base import (
    OUTSIDE_CALL,
    CallContext,
    ChatRequest,
    ReplyEnd,
    ReplyPart,
    SpokenWord,
    TextDelta,
    VoiceCapabilities,
    VoiceChunk,
)
from tests.providers.emulators.answers import Answer, Asked
from tests.providers.emulators.streaming_voice import said
from tests.providers.emulators.tone_words import GAP_MS, WORD_MS, encode
from tests.providers.faults.caller import QUESTIONS, RecordedEar, Recordings
from tests.worker.fakes import ScriptedStream, ScriptedTranscriber

GREETING = "Hello."
_REST = "North south east river."


def answer_to(question: str) -> str:
    """What every model answers."""
    return f"{question.capitalize()}. {_REST}"


class Answers:
    """A model's mind: answers the last question of a conversation, or goes on behind what it said of the answer.

    `asked` are the conversations that it was shown, as roles and texts.
    """

    def __init__(self) -> None:
        self.asked: list[list[tuple[str, str]]] = []

    def __call__(self, asked: Asked) -> Answer:
        messages = list(asked.messages)
        self.asked.append(messages)
        questions = [index for index, message in enumerate(messages) if message[0] == "user" and _is_question(message)]
        if not questions:
            return Answer("Yes.")
        begun = " ".join(text.strip() for role, text in messages[questions[-1] :] if role == "assistant")
        return Answer(answer_to(messages[questions[-1]][1].strip(" .").lower()).removeprefix(begun))


def _is_question(message: tuple[str, str]) -> bool:
    return message[1].strip(" .").lower() in QUESTIONS


class AnsweringModel:
    """Answers at once.

    :param trial: whose `Answers` in `minds` it speaks
    """

    minds: ClassVar[dict[str, Answers]] = {}

    def __init__(self, trial: str) -> None:
        self._answers = self.minds[trial]

    async def reply(self, request: ChatRequest) -> AsyncIterator[ReplyPart]:
        messages = [(message.role, message.content) for message in request.messages]
        messages += [("assistant", request.said)] if request.said else []
        for token in self._answers(Asked(messages)).tokens():
            yield TextDelta(token)
        yield ReplyEnd()


class RecordedTranscriber(ScriptedTranscriber):
    """Knows what the caller says, also when it listens from the middle of a call on."""

    known: ClassVar[Recordings] = {}

    async def open(self, context: CallContext = OUTSIDE_CALL) -> RecordedStream:
        return RecordedStream((), 0, 0, closed=lambda: None)


class RecordedStream(ScriptedStream):
    def _line(self, start_ms: int) -> str:
        ear = RecordedEar(RecordedTranscriber.known)
        ear.push(
            bytes(self._audio[max(0, ms_to_samples(start_ms - self._audio_start)) * SAMPLE_BYTES :]) + bytes(16000)
        )
        return " ".join(word.text for word in ear.words)


class ToneWordVoice:
    """Speaks tone words at once, and tells their times."""

    capabilities = VoiceCapabilities(word_times=True)

    async def speak(self, text: str, context: CallContext = OUTSIDE_CALL) -> AsyncIterator[VoiceChunk]:
        pcm, step = encode(text), ms_to_samples(WORD_MS + GAP_MS)
        for index, word in enumerate(said(text)):
            start = index * step
            times = SpokenWord(word.text, start, start + ms_to_samples(WORD_MS))
            yield VoiceChunk(pcm[start * SAMPLE_BYTES : (start + step) * SAMPLE_BYTES], (times,))
