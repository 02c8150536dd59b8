"""What caller speech over the agent's voice is: an interruption, an acknowledgement, or noise.

The gateway has paused (or has not noticed, then the voice goes on) and waits for one decision:

1. Words decide when they are known. An interruption phrase cuts; acknowledgement phrases alone do not; other words cut
   when there are as many as the plan asks for.
2. Speech that ended and was transcribed as nothing is noise.
3. Speech that goes on cuts after the plan's voice time, but not before an acknowledgement could have ended
   (`ACKNOWLEDGEMENT_MS`), when the plan knows any. A plan that counts words is not satisfied by sound.
4. No speech by the slower, better detector within `CONFIRM_MS` is noise; so is a burst shorter than the voice time.
5. At the deadline speech that still goes on cuts, anything else resumes: words that come later can still cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ACKNOWLEDGEMENT_MS = 450
CONFIRM_MS = 300
MARGIN_MS = 40
"""The verdict leaves this long before the gateway would decide by itself."""
DECIDE_MS = 500
"""Bound for an overlap that the gateway did not pause for."""

_TOKEN = re.compile(r"[\w'-]+")


@dataclass(frozen=True, slots=True)
class OverlapPlan:
    """The assistant's stopSpeakingPlan in ms; phrases in lower case."""

    voice_ms: int = 200
    num_words: int = 0
    acknowledgements: tuple[str, ...] = ()
    interruptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Overlap:
    """What is known of an overlap at `at`. `heard` is when the worker's detector confirmed speech; `text` is None while
    no transcript is known; `decide_by_ms` is the last moment for a decision."""

    at: int
    onset_ms: int
    speaking: bool
    speech_ms: int
    text: str | None
    decide_by_ms: int


@dataclass(frozen=True, slots=True)
class Ruling:
    cut: bool
    reason: str


def judge(overlap: Overlap, plan: OverlapPlan) -> Ruling | None:
    """Decide, or None to look again at `next_look`."""
    return _by_words(overlap, plan) or _by_sound(overlap, plan)


def next_look(overlap: Overlap, plan: OverlapPlan) -> int:
    """When `judge` may know more although nothing happened."""
    looks = [overlap.decide_by_ms]
    if overlap.speaking and not plan.num_words:
        looks.append(overlap.onset_ms + enough_ms(plan))
    if not overlap.speaking and overlap.speech_ms < plan.voice_ms:
        looks.append(overlap.onset_ms + CONFIRM_MS)
    return min(look for look in looks if look > overlap.at) if max(looks) > overlap.at else overlap.at


def enough_ms(plan: OverlapPlan) -> int:
    """Speech of this length is an interruption."""
    return max(plan.voice_ms, ACKNOWLEDGEMENT_MS) if plan.acknowledgements else plan.voice_ms


def _by_words(overlap: Overlap, plan: OverlapPlan) -> Ruling | None:
    if overlap.text is None:
        return None
    verdict = classify(overlap.text, plan)
    if verdict == "interruption":
        return Ruling(True, verdict)
    return None if overlap.speaking else Ruling(False, verdict)


def _by_sound(overlap: Overlap, plan: OverlapPlan) -> Ruling | None:
    if overlap.speaking and not plan.num_words and overlap.speech_ms >= enough_ms(plan):
        return Ruling(True, "interruption")
    short = not overlap.speaking and overlap.speech_ms < plan.voice_ms
    if short and overlap.at >= overlap.onset_ms + CONFIRM_MS:
        return Ruling(False, "noise")
    if overlap.at < overlap.decide_by_ms:
        return None
    long_enough = overlap.speaking and overlap.speech_ms >= plan.voice_ms
    return Ruling(long_enough and not plan.num_words, "timeout")


def classify(text: str, plan: OverlapPlan) -> str:
    """interruption, backchannel or noise, by the words alone."""
    words = _TOKEN.findall(text.lower())
    if not words:
        return "noise"
    spoken = f" {' '.join(words)} "
    if any(f" {phrase} " in spoken for phrase in plan.interruptions):
        return "interruption"
    if _only_acknowledges(words, plan.acknowledgements):
        return "backchannel"
    return "interruption" if len(words) >= max(1, plan.num_words) else "backchannel"


def _only_acknowledges(words: list[str], phrases: tuple[str, ...]) -> bool:
    """The words are nothing but acknowledgement phrases, one after the other."""
    known = {tuple(_TOKEN.findall(phrase)) for phrase in phrases}
    index = 0
    while index < len(words):
        step = next((n for n in (3, 2, 1) if tuple(words[index : index + n]) in known), 0)
        if not step:
            return False
        index += step
    return True
