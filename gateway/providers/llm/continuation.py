"""Going on with a reply that another model began: how the model is asked to, and what is heard if it starts over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gateway.providers.base import ChatMessage, ChatRequest

_INSTRUCTION = (
    "(This is not from the caller. Your last message was cut off while you were writing it, and the caller has heard "
    "it as it stands. Write only what comes next, directly behind its last word. Do not repeat any of it, do not greet "
    "or apologise, and do not mention this.)"
)

_UNSPACED = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Scripts without spaces between words."""
_WORD = re.compile(rf"<[^<>]*>|[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
"""A tag, which is no word; a character of an unspaced script; or a word."""
_SURE_WORDS = 3
"""As many words at the end of what was said, said again, are a repetition and no chance."""
_CLOSING = ",.;:!?…)]}”’»。、！？，；："  # noqa: RUF001


def asked_to_go_on(request: ChatRequest) -> ChatRequest:
    """The request with what was said, and the wish to go on, among its messages.

    As a turn of the assistant and one of the user: some models refuse a conversation that ends with the assistant,
    others a system message that is not the first.
    """
    if not request.said.strip():
        return request
    said = ChatMessage("assistant", request.said.strip())
    return replace(request, messages=(*request.messages, said, ChatMessage("user", _INSTRUCTION)))


class Continuation:
    """Strips what a model repeats of `said` at the beginning of its text, and passes all else.

    The beginning is a repetition when it is, but for case, punctuation and spaces, the end of `said`: all of it, or as
    many words that chance is out of the question. Text is held back only as long as it may be one.
    """

    def __init__(self, said: str) -> None:
        self._said = [word.text for word in _words(said)]
        self._spaced = not said or said[-1].isspace() or re.fullmatch(f"[{_UNSPACED}]", said[-1]) is not None
        self._held = ""
        self._passing = not self._said

    def push(self, text: str) -> str:
        """The next piece of the model's text; returns what is new for the caller."""
        if self._passing:
            return text
        self._held += text
        words = list(_words(self._held))
        # The last word may go on with the next piece.
        whole = words if words and words[-1].end < len(self._held) else words[:-1]
        part = "" if len(whole) == len(words) else words[-1].text
        return "" if self._may_repeat_more(whole, part) else self._pass(whole)

    def finish(self) -> str:
        """The text has ended; returns what was held back."""
        return "" if self._passing else self._pass(list(_words(self._held)))

    def _may_repeat_more(self, whole: Sequence[_Word], part: str) -> bool:
        """Whether the words may be the beginning of a repetition that is longer than they are."""
        spoken = [word.text for word in whole]
        return any(
            self._said[start : start + len(spoken)] == spoken
            and (start + len(spoken) < len(self._said) and self._said[start + len(spoken)].startswith(part))
            for start in range(len(self._said))
        )

    def _pass(self, words: Sequence[_Word]) -> str:
        self._passing = True
        repeated = self._repeated([word.text for word in words])
        rest = self._held[words[repeated - 1].end :].lstrip(_CLOSING) if repeated else self._held
        joins = not rest or self._spaced or rest[0].isspace() or rest[0] in _CLOSING
        return rest if joins else f" {rest}"

    def _repeated(self, spoken: Sequence[str]) -> int:
        """How many words at the beginning are a repetition."""
        for count in range(min(len(spoken), len(self._said)), 0, -1):
            if self._said[-count:] == list(spoken[:count]) and self._sure(spoken[:count]):
                return count
        return 0

    def _sure(self, words: Sequence[str]) -> bool:
        # Digits are said twice for a reason: "5 5 5".
        told = {word for word in words if not word.isdigit()}
        return len(told) >= (1 if len(words) == len(self._said) else _SURE_WORDS)


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    end: int


def _words(text: str) -> Iterator[_Word]:
    for match in _WORD.finditer(text):
        if not match[0].startswith("<"):
            yield _Word(match[0].casefold(), match.end())
