"""One text, spoken by one voice after another: what is passed on of their audio, and which words are left.

What was passed on cannot be taken back. So, while enough audio is ahead of what the caller hears, the beginning of a
word is held until the word is whole; a voice that breaks off then leaves no word half said, and the next one goes on at
a border. Held audio costs nothing: it is released before the caller would miss it. Words and samples count from the
start of the text, whoever spoke. No clock and no socket: every call takes its time in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gateway.media.audio import FRAME_SAMPLES, SAMPLE_BYTES, SAMPLE_RATE
from gateway.providers.base import SpokenWord, VoiceChunk
from gateway.providers.failover.rendition import Rendition

AHEAD_SECONDS = 0.15
"""Audio that is kept ahead of the caller's ear: what comes later is played late."""
_STEP = 3 * FRAME_SAMPLES


@dataclass(slots=True)
class SpokenText:
    """:param text: what is to be said"""

    text: str
    _rendition: Rendition = field(init=False)
    _base: int = 0
    _passed: int = 0
    _given: int = 0
    _switched: bool = False
    _untold: tuple[SpokenWord, ...] = ()
    _heard_until: float = float("-inf")

    def __post_init__(self) -> None:
        self._rendition = Rendition(self.text)

    @property
    def rest(self) -> str:
        """The words that are not passed on whole."""
        return self._rendition.rest(self._passed)

    @property
    def runs_dry_at(self) -> float:
        """When the caller has heard all audio that came, played at once."""
        return self._heard_until + self._held / SAMPLE_RATE

    @property
    def due(self) -> float | None:
        """When held audio must be released; None when none is held."""
        return self._heard_until - AHEAD_SECONDS if self._held >= FRAME_SAMPLES else None

    @property
    def plausible(self) -> bool:
        """What this voice made is speech, by its length and level."""
        return self._rendition.plausible

    def begin(self, *, timed: bool, pace: float) -> str:
        """A voice begins, and the one before it is given up; returns the text for it."""
        text = self.rest
        self._switched = self._switched or self._base + self._passed > 0
        self._untold += self._new_words()
        self._base += self._passed
        self._passed = self._given = 0
        self._rendition = Rendition(text, timed=timed, pace=pace, trimmed=self._switched)
        return text

    def take(self, chunk: VoiceChunk, now: float) -> VoiceChunk | None:
        """The voice's next audio; returns what is to be passed on."""
        self._rendition.push(chunk)
        return self._pass(self._wanted(now), now)

    def release(self, now: float) -> VoiceChunk | None:
        """Pass on what is due; something, where anything is held."""
        least = min(self._passed + _STEP, self._rendition.samples)
        return self._pass(max(least, self._wanted(now)), now)

    def _wanted(self, now: float) -> int:
        """All words that are whole; where that is too little, as much as keeps audio ahead of the caller's ear."""
        border = max(self._rendition.border(), self._passed)
        heard_until = max(self._heard_until, now) + (border - self._passed) / SAMPLE_RATE
        missing = AHEAD_SECONDS - (heard_until - now)
        if missing <= 0 or self._held < FRAME_SAMPLES:
            return border
        return min(border + max(_STEP, round(missing * SAMPLE_RATE)), self._rendition.samples)

    def finish(self, now: float) -> VoiceChunk | None:
        """The voice has said all of its text."""
        self._rendition.finish()
        return self._pass(self._rendition.samples, now)

    def measured_pace(self) -> float | None:
        """Samples per character of a voice that has said all of its text; None where that says little."""
        return self._rendition.measured_pace()

    @property
    def _held(self) -> int:
        return self._rendition.samples - self._passed

    def _pass(self, until: int, now: float) -> VoiceChunk | None:
        if until <= self._passed:
            return None
        pcm = bytes(self._rendition.pcm[self._passed * SAMPLE_BYTES : until * SAMPLE_BYTES])
        self._heard_until = max(self._heard_until, now) + (until - self._passed) / SAMPLE_RATE
        self._passed = until
        words, self._untold = self._untold + self._new_words(), ()
        return VoiceChunk(pcm, words)

    def _new_words(self) -> tuple[SpokenWord, ...]:
        """The words that became whole, unless nobody told them and the length of the whole will tell them better."""
        if not (self._rendition.timed or self._switched):
            return ()
        whole = [word for word in self._rendition.words if word.end <= self._passed]
        new, self._given = whole[self._given :], len(whole)
        return tuple(replace(word, start=word.start + self._base, end=word.end + self._base) for word in new)
