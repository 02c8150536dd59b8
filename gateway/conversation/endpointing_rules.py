"""The assistant's own say in how long to wait after the caller's last speech.

Its plans are asked in Vapi's order, and the first that knows an answer gives it: a custom rule whose expressions match,
the smart plan, the transcription plan. With none of them, `endpointing` decides.

Regular expressions come from users, and a match must never hold up a call: RE2 takes time in proportion to the text,
whatever the expression. It knows no lookahead and no backreference. Its `\\d`, `\\w`, `\\b` and `$` mean what they mean
in JavaScript, for which Vapi's rules are written; Python's mean something else.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from enum import StrEnum

import re2

from gateway.conversation import wait_function
from gateway.conversation.endpointing import digit_count

LONGEST_TEXT = 1000
"""Characters of a text that a rule looks at: its last ones."""
LONGEST_PATTERN = 1000
UNJUDGED_MS = 600
"""The wait while a model that takes its time has not judged the sound."""
_PATTERN_BYTES = 1 << 20
_WORD = re.compile(r"[\w']+")
_SENTENCE_ENDS = (".", "!", "?", "\u3002", "\uff01", "\uff1f")
_OPEN_ENDS = ("..", "\u2026")


class PatternError(ValueError):
    """The text is no regular expression of RE2."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression and its options. It matches anywhere in a text."""

    text: str
    ignore_case: bool = False
    whole_word: bool = False
    multi_line: bool = False

    def matches(self, text: str) -> bool:
        """Whether it is found in the text. :raises PatternError: it cannot be compiled"""
        valid = text[-LONGEST_TEXT:].encode(errors="ignore").decode()
        return _compile(self).search(valid) is not None

    def replaced(self, text: str, value: str) -> str:
        """The text with `value` in the place of all that is found; `$1` and `$&` in it as in JavaScript.

        :raises PatternError: it cannot be compiled
        """
        valid = text.encode(errors="ignore").decode()
        return str(_compile(self).sub(lambda match: _filled(value, match), valid))


@functools.lru_cache(maxsize=1024)
def _compile(pattern: Pattern) -> re2._Regexp:
    if len(pattern.text) > LONGEST_PATTERN:
        raise PatternError(f"longer than {LONGEST_PATTERN} characters")
    flags = ("i" if pattern.ignore_case else "") + ("m" if pattern.multi_line else "")
    options = re2.Options()
    options.log_errors, options.max_mem = False, _PATTERN_BYTES
    text = rf"\b(?:{pattern.text})\b" if pattern.whole_word else pattern.text
    try:
        return re2.compile(f"(?{flags}){text}" if flags else text, options)
    except re2.error as error:
        raise PatternError(error.args[0].decode(errors="replace")) from error
    except UnicodeEncodeError as error:
        raise PatternError("not a valid text") from error


def _filled(value: str, match: re2._Match) -> str:
    """What a JavaScript replacement text becomes."""

    def part(mark: re.Match[str]) -> str:
        if mark[1] == "$":
            return "$"
        group = 0 if mark[1] == "&" else int(mark[1])
        return (match.group(group) or "") if group <= len(match.groups()) else mark[0]

    return re.sub(r"\$(\$|&|[0-9]{1,2})", part, value)


def check_pattern(text: str) -> None:
    """:raises PatternError: the text is no regular expression that a rule can have"""
    _compile(Pattern(text))


@dataclass(frozen=True, slots=True)
class EndpointingRule:
    """Wait `wait_ms` when the expressions that there are match: `assistant` what the agent said last, `customer` what
    the caller has said of this turn."""

    wait_ms: int
    assistant: Pattern | None = None
    customer: Pattern | None = None

    def matches(self, text: str, said: str) -> bool:
        """Whether the rule holds for the caller's `text` after the agent `said` this."""
        return (self.assistant is None or self.assistant.matches(said)) and (
            self.customer is None or self.customer.matches(text)
        )


class SmartEndpointing(StrEnum):
    """Who judges whether the caller has finished: our own policy, a function of the probability by all evidence or by
    sound alone, or the user's server."""

    POLICY = "policy"
    FUNCTION = "function"
    FUNCTION_OF_SOUND = "function-of-sound"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class TranscriptionWaits:
    """Waits in ms by how the text ends."""

    punctuation_ms: int
    no_punctuation_ms: int
    number_ms: int

    def wait_ms(self, text: str) -> int:
        """The wait after this text."""
        words = _WORD.findall(text.lower())
        if words and digit_count(words[-1:]):
            return self.number_ms
        end = text.rstrip().rstrip("\"')\u201d\u2019")
        closed = end.endswith(_SENTENCE_ENDS) and not end.endswith(_OPEN_ENDS)
        return self.punctuation_ms if closed else self.no_punctuation_ms


@dataclass(frozen=True, slots=True)
class EndpointingPlan:
    """What the assistant says about the end of a turn. `wait_function` is an expression (`wait_function`) of the
    probability that the caller goes on."""

    rules: tuple[EndpointingRule, ...] = ()
    smart: SmartEndpointing | None = None
    wait_function: str = ""
    transcription: TranscriptionWaits | None = None

    def rule_ms(self, text: str, said: str) -> int | None:
        """The wait of the first rule that matches."""
        return next((rule.wait_ms for rule in self.rules if rule.matches(text, said)), None)

    def asks_server(self, text: str, said: str) -> bool:
        """The user's server is to be asked about this text."""
        return self.smart is SmartEndpointing.SERVER and self.rule_ms(text, said) is None

    def wait_ms(
        self, text: str, *, said: str, finished: float | None, by_sound: float | None, answer_ms: int | None = None
    ) -> int | None:
        """The wait after the last speech in ms, None when the default policy is to decide.

        :param text: the caller's turn so far
        :param said: what the agent said before it
        :param finished: the probability that the turn is over, None when nobody has judged
        :param by_sound: the same by sound alone
        :param answer_ms: what the user's server wants, None when it said nothing
        """
        if (wait := self.rule_ms(text, said)) is not None:
            return wait
        if self.smart is SmartEndpointing.SERVER:
            return answer_ms
        if self.smart in (SmartEndpointing.FUNCTION, SmartEndpointing.FUNCTION_OF_SOUND):
            if self.smart is SmartEndpointing.FUNCTION_OF_SOUND and by_sound is None:
                return UNJUDGED_MS
            probability = finished if self.smart is SmartEndpointing.FUNCTION else by_sound
            return None if probability is None else wait_function.wait_ms(self.wait_function, 1 - probability)
        if self.smart is None and self.transcription is not None:
            return self.transcription.wait_ms(text)
        return None
