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

    def when_over(self, utterance: int, step: Callable[[], None]) -> None:
        """Do something when the utterance was heard to its end, or cut."""

    def audio_sent(self, turn: int, utterance: int) -> None:
        """Audio of the answer to this turn went out."""

    def speaks(self, utterance: int, item: str) -> None:
        """The utterance is an item of a model that speaks by itself."""

    def planned(self, turn: int, kind: str, text: str) -> None:
        """All that a reply says, passages marked: it can be said elsewhere."""

    def told(self, utterance: int, turn: int, text: str) -> None:
        """What an utterance says in all, where more came after its beginning."""


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
        self._text = ""
        self._grew = False

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

    def when_heard(self, step: Callable[[], None]) -> None:
        """Do something when all that was said so far is heard, or cut."""
        self.when_committed(lambda: self._port.when_over(self._utterance, step))

    def begin(self, text: str, *, interruptible: bool = True, filler: bool = False, item: str = "") -> None:
        """Open an utterance; `item` is what a model that speaks by itself calls it."""
        self.when_committed(lambda: self._begin(text, interruptible, filler, item))

    def chunk(self, chunk: VoiceChunk, *, text: str = "") -> None:
        """Audio of the open utterance, and words that it says behind those of its beginning."""
        self.when_committed(lambda: self._send(chunk.pcm, chunk.words, final=False, text=text))

    def end(self) -> None:
        """The open utterance has all its audio."""
        self.when_committed(lambda: self._send(b"", (), final=True))

    def abort(self) -> None:
        """The voice failed: an open utterance ends where it is."""
        if self._open:
            self.end()

    def _begin(self, text: str, interruptible: bool, filler: bool, item: str) -> None:
        self._utterance, self._offset, self._open = self._port.next_utterance(), 0, True
        self._filler, self._text, self._grew = filler, text, False
        if item:
            self._port.speaks(self._utterance, item)
        announcement = pb.Utterance(
            utterance=self._utterance, text=text, interruptible=interruptible, turn=self.turn, filler=filler
        )
        self._port.send(pb.WorkerEvent(utterance=announcement))
        self._port.dispatch(UtteranceQueued(self._port.now(), self.reply, self._utterance, text, interruptible, filler))

    def _send(self, pcm: bytes, words: Sequence[SpokenWord], *, final: bool, text: str = "") -> None:
        if words:
            known = [pb.Word(text=word.text, start=word.start, end=word.end) for word in words]
            self._port.send(pb.WorkerEvent(words=pb.Words(utterance=self._utterance, words=known)))
        audio = pb.UtteranceAudio(utterance=self._utterance, offset=self._offset, pcm=pcm, final=final)
        self._port.send(pb.WorkerEvent(audio=audio), urgent=not self._offset)
        self._offset += len(pcm) // SAMPLE_BYTES
        if pcm and not self._filler:
            self._port.audio_sent(self.turn, self._utterance)
        self._open = not final
        self._tell(text, final=final)
        spans = tuple(WordSpan(word.text, word.start, word.end) for word in words)
        self._port.dispatch(UtteranceVoiced(self._port.now(), self._utterance, self._offset, final, spans, text))

    def _tell(self, text: str, *, final: bool) -> None:
        self._grew = self._grew or bool(text)
        self._text = f"{self._text} {text}".strip()
        if final and self._grew:
            self._port.told(self._utterance, self.turn, self._text)
