"""Who answered an outbound call: a human, or a machine that will record a message.

A human says a few words and waits; a machine goes on, and says what machines say. The rules:

1.  A beep is a machine, and so are words that only machines say ("after the tone", "you have reached").
2.  Somebody who asks for the caller's name or offers help wants an answer: a human, or a screening service, which is
    spoken to as one.
3.  Whoever speaks for long without waiting for an answer is a machine, unless he said such words.
4.  Everybody else who falls silent is a human, and so is whoever says nothing: when in doubt nobody is kept waiting.

A verdict for a human can be wrong, as a machine may pause after its first words. So what is heard later is still
compared with the words that are certain, for as long as the plan says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

SILENT_MS = 2_000
"""Nobody speaks for this long after the answer: speak first."""
KNOWN_PAUSE_MS = 500
"""Silence after words that are complete by themselves, such as "Hello?"."""
PAUSE_MS = 750
"""Silence after other short speech."""
UNREAD_MS = 1_200
"""Silence after which longer speech is judged without its words."""
HELLO_MS = 1_800
"""Humans rarely say more than this when they answer."""
LONG_MS = 5_500
"""Humans hardly ever say this much in one go before they wait."""
GAP_MS = 1_000
"""A shorter pause does not end a stretch of speech."""


class AnsweredBy(StrEnum):
    """Who is on the line."""

    HUMAN = "human"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class VoicemailPlan:
    """What is done about voicemail. `message` is left after the beep, empty to hang up at once; `by_sound` tells if
    length and beep count besides words. Times in ms since the answer: the beep is awaited until `beep_ms`, and until
    `watch_ms` words may still show that it is a machine."""

    message: str = ""
    by_sound: bool = True
    beep_ms: int = 30_000
    watch_ms: int = 35_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who answered, and by what that was known, for the record."""

    by: AnsweredBy
    reason: str


_CERTAIN = (
    r"(after|at|hear|following|for) the (tone|beep)",
    r"(?<!to )(?<!i )(?<!you )(leave|record) (us |me )?(a|your)( \w+)? message",
    r"leave (us |me )?your (name|number|details|contact)",
    r"(can ?t|cannot|can not|unable to|not able to) (come to|get to|take|answer) (the|your|my|this) (phone|call)",
    r"(no one|nobody|no agent) can (take|answer) your call",
    r"(nobody|no one|not anybody) is available to take",
    r"(get|come) back to you (as soon|when|shortly)",
    r"(call you back|return your call) (as soon|when|shortly)",
    r"the person at extension",
    r"the (person|number|party|subscriber|customer|mobile) you( ha| a)?(ve|re)? (are )?(call|dial|try|reach)",
    r"you ?(ve|have)? reached",
    r"(forwarded|transferred) to (an|the|a) (automat|auto|voice|answering)",
    r"voice ?mail (of|for|system|service|box)",
)
"""Said by no human, whatever the call is about."""
_GREETING = (
    *_CERTAIN,
    r"mail ?box",
    r"either (on the phone|away from)",
    r"(?<!he )(?<!they )(is|are|am|s|m|re) (currently |presently )?(un|not |un )available",
    r"(our|the) (office|store|shop)s? (is|are) (now |currently |presently )?closed",
    r"(nobody|no one|not anybody) is (here|available)",
    r"you know what to do",
    r"(when|once) you (are|re|have) (done|finished)",
    r"answering (machine|service)",
)
"""Said by no human who answers; later in a call a human may well not be available."""
_SCREENING = (
    r"(state|say|record|give|tell me) your name",
    r"reason for (your call|calling)",
    r"why you (are|re) calling",
    r"screening",
)
_OFFERS = (
    r"(can|may|could|shall) (i|we) take a message",
    r"(do|would) you (want|like) to leave",
    r"reached the right",
)
_WANTS_ANSWER = (
    *_OFFERS,
    r"how (can|may|could) (i|we) help",
    r"(can|may) (i|we) help you",
    r"what can (i|we) do for you",
    r"who( i)?s (this|that|calling|speaking|there)",
    r"who am i (speaking|talking)",
    r"speaking$",
)
_HELLO = re.compile(
    r"(hello|hi|hey|yes|yeah|yep|good (morning|afternoon|evening|day)|allo|hallo|(\w+ )?speaking|go ahead)"
    r"( hello| hi| yes)?"
)
_MACHINE = re.compile("|".join(_GREETING))
_MACHINE_LATER = re.compile("|".join(_CERTAIN))
_HUMAN = re.compile("|".join((*_SCREENING, *_WANTS_ANSWER)))
_ANSWERS = re.compile("|".join((*_SCREENING, *_OFFERS)))


def machine_words(text: str, *, later: bool = False) -> str:
    """The words of a text that only a machine says; empty when there are none, or an answer is wanted.

    :param later: the text is no answer to the ringing telephone, but was said in the conversation
    """
    said = _plain(text)
    found = (_MACHINE_LATER if later else _MACHINE).search(said)
    return found[0] if found and not _ANSWERS.search(said) else ""


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


class Answerer:
    """The evidence about who answered at `answered_ms` of the call clock. Times are ms of that clock."""

    def __init__(self, answered_ms: int, *, by_sound: bool) -> None:
        self._by_sound = by_sound
        self._speaking = False
        self._stretch_ms = 0
        self._quiet_ms = answered_ms
        self._text: str | None = None
        self._machine = ""
        self.spoke = False
        self.taken_for_human = False

    # ------------------------------------------------------------ evidence

    def speech_started(self, onset_ms: int) -> None:
        """Somebody speaks since then."""
        if not self.spoke or onset_ms - self._quiet_ms >= GAP_MS:
            self._stretch_ms = onset_ms
        self.spoke, self._speaking, self._text = True, True, None

    def speech_ended(self, end_ms: int) -> None:
        """And fell silent."""
        self._speaking, self._quiet_ms = False, max(self._quiet_ms, end_ms)

    def heard(self, text: str, *, complete: bool) -> None:
        """Words; `complete` when they are all that was said so far."""
        self._machine = self._machine or machine_words(text, later=self.taken_for_human)
        if complete and not self._speaking:
            self._text = _plain(text)

    def beeped(self) -> None:
        """A beep was heard."""
        if self._by_sound:
            self._machine = self._machine or "beep"

    # ------------------------------------------------------------ verdict

    def judge(self, now: int) -> Verdict | None:
        """Who answered, None while that is open."""
        if self._machine:
            return self.certain()
        if self._speaking:
            return self._long(now)
        if now < self._due():
            return None
        if not self.spoke:
            return Verdict(AnsweredBy.HUMAN, "silence")
        wanted = self._text is not None and bool(_HUMAN.search(self._text))
        return (None if wanted else self._long(self._quiet_ms)) or Verdict(AnsweredBy.HUMAN, self._text or "speech")

    def certain(self) -> Verdict | None:
        """A machine, if what was heard so far can be nothing else."""
        return Verdict(AnsweredBy.MACHINE, self._machine) if self._machine else None

    def next_look(self, now: int) -> int:
        """When to judge again without new evidence, ms of the call clock, later than `now`."""
        if not self._speaking:
            return max(now + 1, self._due())
        long_ms = self._stretch_ms + LONG_MS
        return long_ms if long_ms > now else now + LONG_MS

    def _long(self, until_ms: int) -> Verdict | None:
        if self._by_sound and until_ms - self._stretch_ms >= LONG_MS:
            return Verdict(AnsweredBy.MACHINE, f"{(until_ms - self._stretch_ms) / 1000:.1f} s of speech")
        return None

    def _due(self) -> int:
        if not self.spoke:
            return self._quiet_ms + SILENT_MS
        return self._quiet_ms + self._pause_ms()

    def _pause_ms(self) -> int:
        """The silence that ends what was said."""
        if self._text is None:
            return PAUSE_MS if self._quiet_ms - self._stretch_ms <= HELLO_MS else UNREAD_MS
        if not self._text or _HELLO.fullmatch(self._text) or _HUMAN.search(self._text):
            return KNOWN_PAUSE_MS
        return PAUSE_MS
