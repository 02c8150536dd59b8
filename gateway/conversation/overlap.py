"""What caller speech over the agent's voice is: an interruption, an acknowledgement, noise, echo or talk in the room.

The gateway has paused (or has not noticed, then the voice goes on) and waits for one decision. While it is paused a cut
can wait, for nobody hears the difference; a resume cannot. So the rules look for reasons to go on, and at the deadline
what goes on speaking has the floor:

1. Speech much quieter than the caller's own is somebody else in the room (`SIDE_TALK_DB`).
2. Speech that ended is what its words say, once they are known: an interruption phrase cuts; acknowledgement phrases
   alone, hesitations and nothing at all do not; nor do the agent's own words, which are echo. Other words cut when
   there are as many as the plan asks for.
3. Words of speech that goes on cut when the agent is not paused. While it is, they wait for the rest: the beginning of
   "I see" is easily taken for something else.
4. No speech by the slower, better detector within `CONFIRM_MS` is noise; so is a burst shorter than the voice time.
5. At the deadline speech that goes on cuts, unless the plan counts words. But when it began as an acknowledgement, the
   agent goes on while it is judged anew: a detector notices the end of speech 150 ms late, and later in noise. And what
   was too faint to pause the agent does not cut it without a word or without pitch. Speech that ended is what the words
   of its beginning say; without any it resumes: words that come later can still cut.

A plan without acknowledgements needs no words: speech cuts after the plan's voice time. A silence shorter than
`DIP_MS` is no end of speech.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

CONFIRM_MS = 300
DIP_MS = 120
MARGIN_MS = 40
"""The verdict leaves this long before the gateway would decide by itself."""
DECIDE_MS = 700
"""Bound for an overlap that the gateway did not pause for."""
LOOK_UNPAUSED_MS = 400
"""While the agent goes on the deadline is sooner, and to find no words takes a recogniser twice as long."""
LOOK_MS = 480
"""Speech that goes on is transcribed this long after its onset: enough of an acknowledgement to tell it by, and its
text comes before the deadline."""
LONGEST_ACKNOWLEDGEMENT_MS = 900
GRACE_MS = 300
"""Speech that began as an acknowledgement and goes on this long after the resume is more than one."""
COVERED_MS = 120
"""The words of a span that ends this long before the speech does are the words of the speech."""
SIDE_TALK_DB = -9.0
"""Quieter than the caller's usual level by this is not the caller. A voice across the room is 12 dB down or more, a
caller who murmurs an acknowledgement rarely above 6."""
VOICED = 0.1
"""Speech has pitch in more of its frames than this; coughs and breath have less."""

_TOKEN = re.compile(r"[\w'-]+")
_HESITATION = re.compile(r"[uhm-]+")
_BEGINNINGS = frozenset(("uh", "huh"))
"""Said once, they begin a sentence or ask back."""
_ECHO_PAIRS = 3
_ECHO_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class OverlapPlan:
    """The assistant's stopSpeakingPlan in ms; phrases in lower case."""

    voice_ms: int = 200
    num_words: int = 0
    acknowledgements: tuple[str, ...] = ()
    interruptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Overlap:
    """What is known of an overlap at `at`.

    `speech_ms` is the length of the latest speech by the worker's detector and `end_ms` its end, while it is not
    `speaking`. `text` holds the words up to `text_to_ms`, None while none are known. `agent` is what the agent has been
    saying. `over_usual_db` is the loudness of the speech compared with this caller's usual one, `voiced` the share of
    its frames that have pitch; None while unknown. `decide_by_ms` is the last moment for a decision. `again`: it was an
    acknowledgement already, and went on.
    """

    at: int
    onset_ms: int
    decide_by_ms: int
    paused: bool = True
    speaking: bool = False
    speech_ms: int = 0
    end_ms: int = 0
    text: str | None = None
    text_to_ms: int = 0
    agent: str = ""
    over_usual_db: float | None = None
    voiced: float | None = None
    again: bool = False

    @property
    def ended(self) -> bool:
        """The speech is over, and not only dipped."""
        return not self.speaking and self.at >= self.end_ms + DIP_MS


@dataclass(frozen=True, slots=True)
class Ruling:
    cut: bool
    reason: str


def judge(overlap: Overlap, plan: OverlapPlan) -> Ruling | None:
    """Decide, or None to look again at `next_look`."""
    if is_side_talk(overlap.over_usual_db):
        return Ruling(False, "side-talk")
    return _by_words(overlap, plan) or _by_sound(overlap, plan) or _by_deadline(overlap, plan)


def is_side_talk(over_usual_db: float | None) -> bool:
    """Whether speech of this loudness is not the caller's."""
    return over_usual_db is not None and over_usual_db <= SIDE_TALK_DB


def next_look(overlap: Overlap, plan: OverlapPlan) -> int:
    """When `judge` may know more although nothing happened."""
    looks = [overlap.decide_by_ms, overlap.onset_ms + CONFIRM_MS]
    if overlap.speaking and not plan.acknowledgements:
        looks.append(overlap.at + max(0, plan.voice_ms - overlap.speech_ms))
    if not overlap.speaking:
        looks.append(overlap.end_ms + DIP_MS)
    return min((look for look in looks if look > overlap.at), default=overlap.at)


def _by_words(overlap: Overlap, plan: OverlapPlan) -> Ruling | None:
    if overlap.text is None:
        return None
    kind = classify(overlap.text, plan, agent=overlap.agent)
    whole = not overlap.speaking and overlap.text_to_ms >= overlap.end_ms - COVERED_MS
    if kind == "interruption":
        return Ruling(True, kind) if whole or not overlap.paused else None
    return Ruling(False, kind) if whole and overlap.ended else None


def _by_sound(overlap: Overlap, plan: OverlapPlan) -> Ruling | None:
    if overlap.speaking:
        cut = not plan.acknowledgements and not plan.num_words and overlap.speech_ms >= plan.voice_ms
        return Ruling(True, "interruption") if cut else None
    short = overlap.speech_ms < plan.voice_ms
    if overlap.ended and short and overlap.at >= overlap.onset_ms + CONFIRM_MS:
        return Ruling(False, "noise")
    return None


def _by_deadline(overlap: Overlap, plan: OverlapPlan) -> Ruling | None:
    if overlap.at < overlap.decide_by_ms:
        return None
    if overlap.speaking:
        if not overlap.again and _began_as_acknowledgement(overlap, plan):
            return Ruling(False, "backchannel")
        if not overlap.paused and _is_faint_noise(overlap):
            return Ruling(False, "noise")
        enough = overlap.speech_ms >= plan.voice_ms and not plan.num_words
        return Ruling(True, "interruption") if enough else Ruling(False, "timeout")
    kind = classify(overlap.text, plan, agent=overlap.agent) if overlap.text is not None else "timeout"
    return Ruling(kind == "interruption", kind)


def _is_faint_noise(overlap: Overlap) -> bool:
    wordless = overlap.text is not None and not overlap.text.strip()
    return wordless or (overlap.voiced is not None and overlap.voiced < VOICED)


def _began_as_acknowledgement(overlap: Overlap, plan: OverlapPlan) -> bool:
    if overlap.text is None or overlap.speech_ms > LONGEST_ACKNOWLEDGEMENT_MS:
        return False
    return classify(overlap.text, plan, agent=overlap.agent) == "backchannel"


def classify(text: str, plan: OverlapPlan, *, agent: str = "") -> str:
    """interruption, backchannel, echo or noise, by the words alone. `agent` is what the agent has been saying."""
    words = _TOKEN.findall(text.lower())
    if not words:
        return "noise"
    if _repeats(words, _TOKEN.findall(agent.lower())):
        return "echo"
    spoken = f" {' '.join(words)} "
    if any(f" {phrase} " in spoken for phrase in plan.interruptions):
        return "interruption"
    if _only_acknowledges(words, plan.acknowledgements):
        return "backchannel"
    return "interruption" if len(words) >= max(1, plan.num_words) else "backchannel"


def _repeats(words: list[str], agent: list[str]) -> bool:
    """Most pairs of neighbouring words are the agent's. Fewer than `_ECHO_PAIRS` may be a question about them."""
    pairs = list(pairwise(words))
    said = set(pairwise(agent))
    return len(pairs) >= _ECHO_PAIRS and sum(pair in said for pair in pairs) >= _ECHO_SHARE * len(pairs)


def _only_acknowledges(words: list[str], phrases: tuple[str, ...]) -> bool:
    """The words are nothing but acknowledgement phrases, one after the other, and hesitations."""
    if not phrases or (len(words) == 1 and words[0] in _BEGINNINGS):
        return False
    known = {tuple(_TOKEN.findall(phrase)) for phrase in phrases}
    index = 0
    while index < len(words):
        step = next((n for n in (3, 2, 1) if tuple(words[index : index + n]) in known), 0)
        if not step and not _HESITATION.fullmatch(words[index]):
            return False
        index += step or 1
    return True
