"""What a reply sends to the gateway: held back until the reply is committed, then sent as it comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from gateway.conversation.events import Event, UtteranceQueued, UtteranceVoiced, WordSpan
from gateway.link.v1 import link_pb2 as pb
from gateway.media.audio import SAMPLE_BYTES
from gateway.providers.base import SpokenWord, VoiceChunk


class OutputPort(Protocol):
    """The session, as a reply's output sees it."""

    def now(self) -> int:
        """Call clock, ms."""

    def dispatch(self, event: Event) -> None:
        """Tell the turn machine."""

    def send(self, event: pb.WorkerEvent, *, urgent: bool = False) -> None:
        """Send to the gateway."""

    def next_utterance(self) -> int:
        """A new utterance id."""

    def audio_sent(self, turn: int, utterance: int) -> None:
        """Audio of the answer to this turn went out."""


class ReplyOutput:
    """The utterances of one reply. Ids are given when they are sent, so that they increase in the order of playing."""

    def __init__(self, reply: int, turn: int, port: OutputPort) -> None:
        self.reply = reply
        self.turn = turn
        self._port = port
        self._held: list[Callable[[], None]] | None = []
        self._closed = False
        self._utterance = 0
        self._offset = 0
        self._open = False
        self._filler = False

    def commit(self) -> None:
        """Send what was held back; from now on nothing is."""
        held, self._held = self._held or [], None
        for step in held:
            step()

    def close(self) -> None:
        """Drop what is held and all that comes."""
        self._closed, self._held = True, None

    def when_committed(self, step: Callable[[], None]) -> None:
        """Run `step` in its order among the audio, never before the commit."""
        if self._closed:
            return
        if self._held is None:
            step()
        else:
            self._held.append(step)

    def begin(self, text: str, *, interruptible: bool, filler: bool = False) -> None:
        """Open an utterance."""
        self.when_committed(lambda: self._begin(text, interruptible, filler))

    def chunk(self, chunk: VoiceChunk) -> None:
        """Audio of the open utterance."""
        self.when_committed(lambda: self._send(chunk.pcm, chunk.words, final=False))

    def end(self) -> None:
        """The open utterance has all its audio."""
        self.when_committed(lambda: self._send(b"", (), final=True))

    def abort(self) -> None:
        """The voice failed: an open utterance ends where it is."""
        if self._open:
            self.end()

    def _begin(self, text: str, interruptible: bool, filler: bool) -> None:
        self._utterance, self._offset, self._open = self._port.next_utterance(), 0, True
        self._filler = filler
        announcement = pb.Utterance(
            utterance=self._utterance, text=text, interruptible=interruptible, turn=self.turn, filler=filler
        )
        self._port.send(pb.WorkerEvent(utterance=announcement))
        self._port.dispatch(UtteranceQueued(self._port.now(), self.reply, self._utterance, text, interruptible, filler))

    def _send(self, pcm: bytes, words: Sequence[SpokenWord], *, final: bool) -> None:
        if words:
            known = [pb.Word(text=word.text, start=word.start, end=word.end) for word in words]
            self._port.send(pb.WorkerEvent(words=pb.Words(utterance=self._utterance, words=known)))
        audio = pb.UtteranceAudio(utterance=self._utterance, offset=self._offset, pcm=pcm, final=final)
        self._port.send(pb.WorkerEvent(audio=audio), urgent=not self._offset)
        self._offset += len(pcm) // SAMPLE_BYTES
        if pcm and not self._filler:
            self._port.audio_sent(self.turn, self._utterance)
        self._open = not final
        spans = tuple(WordSpan(word.text, word.start, word.end) for word in words)
        self._port.dispatch(UtteranceVoiced(self._port.now(), self._utterance, self._offset, final, spans))
