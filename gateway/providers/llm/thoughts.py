"""Thoughts that a model writes into its text, between <think> and </think>, as Qwen and DeepSeek do on servers that do
not take them out."""

from __future__ import annotations

_BEGIN, _END = "<think>", "</think>"


class ThoughtFilter:
    """Passes what is to be spoken. What may become a tag is held back until it is one, or none."""

    def __init__(self) -> None:
        self._held = ""
        self._thinking = False
        self._after_thought = False

    def push(self, text: str) -> str:
        """The next piece of text; returns what of it, and of what was held, is to be spoken."""
        self._held += text
        spoken = ""
        while (at := self._held.find(_END if self._thinking else _BEGIN)) >= 0:
            spoken += "" if self._thinking else self._spoken(self._held[:at])
            self._held = self._held[at + len(_END if self._thinking else _BEGIN) :]
            self._after_thought = self._thinking
            self._thinking = not self._thinking
        keep = _overlap(self._held, _END if self._thinking else _BEGIN)
        ready, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return spoken if self._thinking else spoken + self._spoken(ready)

    def finish(self) -> str:
        """The text has ended; returns what was held back."""
        return "" if self._thinking else self._spoken(self._held)

    def _spoken(self, text: str) -> str:
        """The empty lines behind a thought belong to it."""
        if self._after_thought:
            text = text.lstrip()
            self._after_thought = not text
        return text


def _overlap(text: str, tag: str) -> int:
    """How many characters at the end of the text begin the tag."""
    return next((count for count in range(min(len(text), len(tag) - 1), 0, -1) if text.endswith(tag[:count])), 0)
