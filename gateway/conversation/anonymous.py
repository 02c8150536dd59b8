"""Recordings without their words, for fixtures that anybody may read.

Every word becomes letters without a meaning, of the same length and case and the same ones wherever it comes; digits
and spoken digits change places. Punctuation stays, and so do the phrases of the plan. Words that a decision hangs on
stay as well: they are found by trying, so the anonymous recording gives the decisions that the true one gave.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass, replace
from enum import Enum
from random import Random
from typing import Any, TypeVar

from gateway.conversation.plan import TurnPlan
from gateway.conversation.recording import Recording, Step
from gateway.conversation.replay import as_decided_now
from gateway.errors import RecordingError

Spoken = TypeVar("Spoken")

_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|\d")
_LETTERS = "bcdfghjklmnpqrstvwxz"
"""Without vowels no word comes about by chance."""
_SPOKEN_DIGITS = (("one", "two", "six"), ("zero", "four", "five", "nine"), ("three", "seven", "eight"))
_TECHNICAL = frozenset({"reason", "expects", "source", "tool", "event"})
"""Fields that name a case, not what somebody said."""


def anonymous(recording: Recording, random: Random) -> tuple[Recording, frozenset[str]]:
    """The recording without its words, and the words that were left in it because decisions hang on them.

    :raises RecordingError: when it decides otherwise without its words
    """
    true = as_decided_now(recording)
    phrases = frozenset(word for text in _nested(asdict(true.plan)) for word in _words(text))
    replacements = _replacements(sorted(set(_all_words(true)) - phrases), random)

    def decides_the_same(words: Iterable[str]) -> bool:
        veiled = _veiled(true, {word: replacements[word] for word in words})
        return as_decided_now(veiled).steps == veiled.steps

    needed = _needed(list(replacements), decides_the_same)
    veil = {word: other for word, other in replacements.items() if word not in needed}
    if not decides_the_same(veil):
        raise RecordingError("The conversation is decided otherwise without its words, so it cannot be made anonymous.")
    return _veiled(true, veil), frozenset(needed)


def _needed(words: Sequence[str], decides_the_same: Callable[[Iterable[str]], bool]) -> set[str]:
    """The words that cannot be replaced without a change of decisions, by halving."""
    if decides_the_same(words):
        return set()
    if len(words) == 1:
        return set(words)
    half = len(words) // 2
    return _needed(words[:half], decides_the_same) | _needed(words[half:], decides_the_same)


def _replacements(words: Iterable[str], random: Random) -> dict[str, str]:
    """What each word becomes."""
    changed = dict(_places_changed("0123456789", random))
    for group in _SPOKEN_DIGITS:
        changed |= _places_changed(group, random)
    return {word: changed.get(word) or "".join(random.choice(_LETTERS) for _ in word) for word in words}


def _places_changed(group: Sequence[str], random: Random) -> dict[str, str]:
    """A circle in random order, so that nothing keeps its place."""
    order = random.sample(group, len(group))
    return dict(zip(order, [*order[1:], order[0]], strict=True))


def _veiled(recording: Recording, veil: Mapping[str, str]) -> Recording:
    def text(match: re.Match[str]) -> str:
        word = match[0]
        other = veil.get(word.lower(), word.lower())
        return "".join(new.upper() if old.isupper() else new for old, new in zip(word, other, strict=True))

    def veiled(said: str) -> str:
        return _TOKEN.sub(text, said)

    steps = [
        Step(_with_texts(step.event, veiled), tuple(_with_texts(c, veiled) for c in step.commands), step.deadline)
        for step in recording.steps
    ]
    return Recording(_with_texts(recording.plan, veiled), recording.version, steps)


def _with_texts(value: Spoken, change: Callable[[str], str]) -> Spoken:
    """An event, a command, a word or a plan with its own texts changed; what a plan has in parts of its own stays."""
    new: dict[str, Any] = {}
    for name, content in _contents(value):
        if isinstance(content, str) and not isinstance(content, Enum) and name not in _TECHNICAL:
            new[name] = change(content)
        elif isinstance(content, tuple) and any(map(is_dataclass, content)) and not isinstance(value, TurnPlan):
            new[name] = tuple(_with_texts(part, change) for part in content)
    return replace(value, **new) if new else value  # type: ignore[type-var]


def _contents(value: Any) -> Iterable[tuple[str, Any]]:
    return [(field.name, getattr(value, field.name)) for field in fields(value)]


def _all_words(recording: Recording) -> Iterable[str]:
    found: set[str] = set()

    def look(said: str) -> str:
        found.update(_words(said))
        return said

    _with_texts(recording.plan, look)
    for step in recording.steps:
        for value in (step.event, *step.commands):
            _with_texts(value, look)
    return found


def _words(text: str) -> list[str]:
    return [word.lower() for word in _TOKEN.findall(text)]


def _nested(plan: Mapping[str, Any]) -> Iterable[str]:
    """The texts in the parts of a plan: phrases and patterns, which are settings."""
    for value in plan.values():
        if not isinstance(value, str):
            yield from _strings(value)


def _strings(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _strings(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _strings(part)
