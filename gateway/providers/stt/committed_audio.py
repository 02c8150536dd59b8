"""Which audio is in which item of OpenAI's input buffer, and whose text is still to come.

The client commits the buffer; the server gives the audio a name (`input_audio_buffer.committed`), and later its text,
in any order ("Realtime transcription" guide: order is by `previous_item_id`, not by arrival). Here texts come out in
the order of their audio, each once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from gateway.providers.stt.connection import Recognised
from gateway.providers.stt.spoken_span import SpokenSpan


@dataclass(slots=True)
class _Item:
    spoken: SpokenSpan
    end_ms: int
    glance: bool
    name: str = ""
    text: str = ""
    """What came of it so far."""
    final: Recognised | None = None

    def placed(self, result: Recognised) -> Recognised:
        """A result of this audio with its times. It reaches to where the audio was committed."""
        words = self.spoken.words(result.text)
        start_ms = words[0].start_ms if words else self.end_ms
        final = result.final and not self.glance
        return replace(result, words=words, start_ms=start_ms, end_ms=self.end_ms, final=final)


class CommittedAudio:
    """The committed audio of one connection."""

    def __init__(self) -> None:
        self._items: deque[_Item] = deque()
        self._named: set[str] = set()
        self._asked = False

    def ask(self) -> None:
        """The text of all audio is wanted."""
        self._asked = True

    def answered(self) -> bool:
        """Whether there was a question, and all has its text; once."""
        answered = self._asked and not self._items
        self._asked = self._asked and not answered
        return answered

    def commit(self, spoken: SpokenSpan, end_ms: int, *, glance: bool = False) -> None:
        """This audio was committed.

        :param end_ms: where it ends, from the start of the connection's audio
        :param glance: it will be committed again, with what follows: its text is partial
        """
        self._items.append(_Item(spoken, end_ms, glance))

    def name(self, name: str) -> None:
        """The server gives the oldest audio that has none this name."""
        unnamed = next((item for item in self._items if not item.name), None)
        if name not in self._named and unnamed is not None:
            self._named.add(name)
            unnamed.name = name

    def delta(self, name: str, text: str) -> Recognised | None:
        """A piece of text; a partial result when nothing before it is outstanding."""
        item = self._item(name)
        if item is None or item.final is not None:
            return None
        item.text += text
        return item.placed(Recognised(item.text.strip(), 0, 0, False)) if item is self._items[0] else None

    def completed(self, name: str, result: Recognised) -> list[Recognised]:
        """The text of an item; what is now known without a gap. Its times are set here."""
        self.name(name)
        item = self._item(name)
        if item is None:
            return []
        item.final = item.placed(result)
        known = []
        while self._items and (final := self._items[0].final) is not None:
            self._items.popleft()
            known.append(final)
        if known:
            known[-1] = replace(known[-1], flushed=self.answered())
        return known

    def _item(self, name: str) -> _Item | None:
        return next((item for item in self._items if item.name == name), None)
